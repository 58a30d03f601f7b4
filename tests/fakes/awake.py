"""Tells when cores are kept awake, instead of keeping them so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted(events: list[str]) -> Iterator[None]:
    """Appends `awake` and, in the end, `asleep`."""
    events.append("awake")
    try:
        yield
    finally:
        events.append("asleep")
