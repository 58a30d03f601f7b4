"""How near a cell comes to the most that its machine can do. Pure functions.

Source: Williams, Waterman and Patterson 2009, Roofline: an insightful visual performance model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
