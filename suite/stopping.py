"""When a comparison needs no more launches, and a launch no more rounds. Pure functions of cells and ratios.

Whoever looks at an interval after every launch, and stops when it says something, is wrong more often than it promises. So
nothing ends before the launches that every case gets, and what ends it afterwards is an interval at 99 %, while the reported
one is at 95 % (tests/suite/test_stopping.py shows by simulation how much of the error is left).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite import comparison
from suite.comparison import Comparison
from suite.records import Cell, identity
from suite.statistics import Interval, log_interval

CONFIDENCE = 0.99
ROUNDS = 15
"""Fewer rounds of a launch say too little of their own spread: threads that share short calls may work in one rhythm for
seconds, and in another from then on, so that neighbouring rounds agree with each other and with nothing else."""

FAR = 2.0
"""A ratio above this, or below its inverse, within one launch."""


def unsettled(cells: Sequence[Cell], baseline: str, margin: float, goal: float) -> set[tuple[Any, ...]]:
    """The identities of the cells that need another launch, since a comparison that they are in is not settled.

    All comparisons that the report will make are judged together, as it will do. `margin` and `goal` are relative.
    """
    pairs = comparison.pairs(cells, baseline)
    found = comparison.control([comparison.compare(cell, other, margin) for cell, other in pairs])
    wanting = [pair for pair, one in zip(pairs, found, strict=True) if not settled(one, goal)]
    return {identity(cell) for pair in wanting for cell in pair}


def settled(found: Comparison, goal: float) -> bool:
    """Whether another launch is unlikely to change the verdict, or the ratio is known to ± `goal` already."""
    if found.launches < 2:
        return False
    interval = log_interval(found.ratios, CONFIDENCE)
    return interval.half_width <= goal or (found.verdict != "undecided" and not _straddles(interval, found.margin))


def enough_rounds(ratios: Sequence[float], goal: float) -> bool:
    """Whether further rounds of this launch would not sharpen what it says: half the goal is left for the launches.

    `ratios` are those within each round. One that is far from 1 need not be known that well. Far is not merely beyond the
    margin: rounds that ended as soon as they showed a difference would show too many.
    """
    if len(ratios) < ROUNDS:
        return False
    interval = log_interval(ratios, CONFIDENCE)
    return interval.half_width <= goal / 2 or interval.low > FAR or interval.high < 1 / FAR


def _straddles(interval: Interval, margin: float) -> bool:
    """Whether one of the edges, 1 / (1 + margin) and 1 + margin, lies within the interval."""
    return any(interval.low <= edge <= interval.high for edge in (1 / (1 + margin), 1 + margin))
