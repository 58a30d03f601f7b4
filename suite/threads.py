"""How many threads of this process compute, counted while they do.

A framework's own figure is what it was told. What a library below it makes of that only shows in who gets processor time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WATCHED_S = 0.5
LEAST_SHARE = 0.25
"""Of the busiest thread's time: those with less wait, or hand out the work."""


def at_work(call: Callable[[], Any], seconds: float = WATCHED_S) -> int | None:
    """Threads that compute while `call` is repeated for so long; None where the system does not tell.

    Source: the kernel's documentation of schedstat.
    """
    call()
    before, began = _worked_ns(), time.perf_counter()
    while time.perf_counter() - began < seconds:
        call()
    worked = [ns - before.get(thread, 0) for thread, ns in _worked_ns().items()]
    return sum(ns >= LEAST_SHARE * max(worked) for ns in worked if ns) or None


def _worked_ns() -> dict[str, int]:
    """Processor time of each thread of this process so far, which is the first figure of its schedstat."""
    found = {}
    for folder in Path("/proc/self/task").glob("*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found[folder.name] = int((folder / "schedstat").read_text().split()[0])
    return found
