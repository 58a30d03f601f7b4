"""Keeps idle processor cores awake while something is timed, where the system lets us.

A core with nothing to do falls asleep, and how deep and how soon the kernel decides anew from what it saw last. Waking it
takes as long as a short call does, so that calls of some 10 µs which threads share may take one time for seconds, and then
another. Linux holds all cores awake for as long as /dev/cpu_dma_latency is open with the wish for a latency of 0 µs
(kernel documentation, "PM Quality Of Service Interface"). Only root may, as a rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEVICE = "dev/cpu_dma_latency"
KEPT_AWAKE = "kept awake"
MAY_SLEEP = "may sleep"


def idle_cores(root: Path = Path("/")) -> str | None:
    """What idle cores do while a run measures: KEPT_AWAKE or MAY_SLEEP; None where the system has no such wish to make."""
    device = root / DEVICE
    if not device.exists():
        return None
    return KEPT_AWAKE if os.access(device, os.W_OK) else MAY_SLEEP


@contextmanager
def kept_awake(root: Path = Path("/")) -> Iterator[None]:
    """Meanwhile no core sleeps, where `idle_cores` says so; elsewhere nothing is done. A process that dies lets go."""
    try:
        held = os.open(root / DEVICE, os.O_WRONLY)
    except OSError:
        yield
        return
    try:
        os.write(held, (0).to_bytes(4, "little"))  # µs
        yield
    finally:
        os.close(held)
