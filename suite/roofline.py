"""How near a cell comes to the most that its machine can do. Pure functions.

Source: Williams, Waterman and Patterson 2009, Roofline: an insightful visual performance model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from suite.records import Ceiling, Cell


@dataclass(frozen=True)
class Roof:
    """The most of all targets, in one precision on one device."""

    flops_per_s: float
    bytes_per_s: float

    @property
    def ridge(self) -> float:
        """Operations for each byte from which on arithmetic is the limit."""
        return self.flops_per_s / self.bytes_per_s


@dataclass(frozen=True)
class Place:
    """Under the roof: `share` of what the limit allows, which is `memory` or `arithmetic`.

    More than 1 means that the data came from a cache, or that something is counted wrongly.
    """

    share: float
    limit: Literal["memory", "arithmetic"]


Bound = Literal["memory", "arithmetic", "overhead"]
BOUND = 0.5
"""A cell is bound by what takes half of its time or more: no other can take as much."""


@dataclass(frozen=True)
class Limits:
    """How much of a cell's time each limit accounts for; None where it was not measured. They overlap, so that their sum
    means nothing."""

    memory: float | None
    arithmetic: float | None
    overhead: float | None

    @property
    def nearest(self) -> tuple[Bound, float] | None:
        """The limit that accounts for most, and for how much."""
        known: dict[Bound, float] = {}
        for name in get_args(Bound):
            share = getattr(self, name)
            if share is not None:
                known[name] = share
        return max(known.items(), key=lambda pair: pair[1]) if known else None


def limits(roof: Roof | None, flops: float, bytes: float, seconds: float, overhead: float | None) -> Limits:
    """Of a cell that takes so long for so many operations and bytes; `overhead` is the share of its time that it would take
    with nearly nothing to compute."""
    memory = bytes / roof.bytes_per_s / seconds if roof and bytes else None
    arithmetic = flops / roof.flops_per_s / seconds if roof and flops else None
    return Limits(memory, arithmetic, overhead)


def roof(ceilings: Sequence[Ceiling], cell: Cell) -> Roof | None:
    """The roof of the cell's precision, device and threads; None where nobody measured it."""
    asked = (cell.precision, cell.device, cell.threads)
    own = [one for one in ceilings if (one.precision, one.device, one.threads) == asked]
    return Roof(max(c.flops_per_s for c in own), max(c.bytes_per_s for c in own)) if own else None


def place(roof: Roof, flops: float, bytes: float, seconds: float) -> Place | None:
    """Where work of so many operations and bytes, the fewest that must move, stands if it takes so long.

    None where the definition counts neither.
    """
    if not bytes and not flops:
        return None
    at_least_s = {"memory": bytes / roof.bytes_per_s, "arithmetic": flops / roof.flops_per_s}
    limit: Literal["memory", "arithmetic"] = (
        "memory" if at_least_s["memory"] >= at_least_s["arithmetic"] else "arithmetic"
    )
    return Place(at_least_s[limit] / seconds, limit)
