"""What a checker says of a function: caught, missed, or refused where it would take too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

LIMIT_S = 20.0
"""What would take longer is not run."""


@dataclass(frozen=True)
class Verdict:
    """`caught` means that the checker accuses the derivative, whether there is a fault in it or not."""

    status: Literal["caught", "missed", "refused"]
    note: str = ""
    """What was too much, or where the checker found the fault."""


def verdict(accused: bool, where: str = "") -> Verdict:
    return Verdict("caught" if accused else "missed", where)


def too_slow(evaluate: Callable[[], Any], evaluations: int) -> Verdict | None:
    """A refusal if so many evaluations, each as long as the fastest of three now, would take longer than the limit."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        evaluate()
        times.append(time.perf_counter() - start)
    if min(times) * evaluations <= LIMIT_S:
        return None
    return Verdict("refused", f"{evaluations:,} evaluations")
