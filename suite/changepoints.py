"""Where the level of a series of runs changed. Pure functions of numbers; nothing here knows files, cells or dates.

The run is the replicate: runs differ by more than their launches say, since each is another day of the machine. So a run
counts with one number, the mean of its launches' logarithms, and a change is judged by how far the runs on either side of
it spread among themselves, which holds what the launches spread as well.

Candidates are the optimal partition of the series into constant levels, by least squares with a penalty for each further
level (Jackson et al. 2005, An algorithm for optimal partitioning of data on an interval; the same optimum as PELT, Killick,
Fearnhead and Eckley 2012, which prunes the search). Unlike splitting in two again and again, it finds a change that was
taken back. As in Hunter (Fleming et al. 2023, Using change point detection to hunt for performance regressions), each
candidate then needs Student's t between the two levels that meet there, and the weakest goes until all that are left hold.
Two things are stricter than there, since a history has few runs: the p-value pays for the number of places where the change
could have been put (Bonferroni), and the test has to hold whichever run is left out, so that one bad run is no change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from suite.statistics import CONFIDENCE, ERROR_RATE, Interval, controlled

SHORTEST = 3
"""Runs on either side of a change, at least: two that agree may be two bad days."""
FEWEST = 2 * SHORTEST
"""Runs that a series needs before anything can be said of it."""
_FINEST = 1e-6  # relative: no clock tells runs apart by less, and runs that agree to the last bit still have a noise

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int_] | int


@dataclass(frozen=True)
class ChangePoint:
    """The level of the series changed between the runs at `position` - 1 and `position`."""

    position: int
    ratio: Interval
    """Time after over time before, up to the next changes on either side."""
    p: float
    """How likely runs of one level are to show such a change, adjusted for all series that were looked at together."""


def change_points(series: Sequence[Sequence[Sequence[float]]]) -> list[list[ChangePoint]]:
    """The change points of each series: for each of its runs in order, one positive value from each launch.

    Of all changes found in all series, 5 % are expected to be false (`statistics.controlled`). A series of fewer than
    `FEWEST` runs has none. Raises ValueError where a run has no value or one that is not positive.
    """
    levels = [run_levels(runs) for runs in series]
    candidates = [_candidates(values) for values in levels]
    adjusted = iter(controlled([p for found in candidates for _, p in found]))
    changed = []
    for values, found in zip(levels, candidates, strict=True):
        judged = [(position, next(adjusted)) for position, _ in found]
        kept = [(position, p) for position, p in judged if p <= ERROR_RATE]
        positions = [position for position, _ in kept]
        ratios = [_ratio(*sides) for sides in _sides(values, positions)]
        changed.append([ChangePoint(at, ratio, p) for (at, p), ratio in zip(kept, ratios, strict=True)])
    return changed


def run_levels(runs: Sequence[Sequence[float]]) -> Numbers:
    """One number for each run: the mean of its launches' logarithms."""
    if not all(len(launches) and all(value > 0 for value in launches) for launches in runs):
        raise ValueError("each run of a series needs positive values, one or more")
    return np.array([np.log(launches).mean() for launches in runs], dtype=float)


def _candidates(values: Numbers) -> list[tuple[int, float]]:
    """Positions with their p-values: those that hold by themselves, or the strongest where none does.

    The strongest is needed so that every series counts when p-values are adjusted for all of them.
    """
    if len(values) < FEWEST:
        return []
    positions = _partition(values)
    while True:
        p_values = [_p_change(*sides) for sides in _sides(values, positions)]
        weakest = int(np.argmax(p_values))
        if p_values[weakest] <= ERROR_RATE or len(positions) == 1:
            return list(zip(positions, p_values, strict=True))
        del positions[weakest]


def _partition(values: Numbers) -> list[int]:
    """Where the levels of the optimal partition begin; the best single place where it has one level only.

    A further level costs 2 s² log n (Yao 1988, Estimating the number of change-points via Schwarz' criterion).
    """
    number = len(values)
    centred = values - values.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (centred, centred**2))

    def cost(start: Places, end: Places) -> Numbers:
        """The sum of squares of values[start:end] around their mean."""
        found: Numbers = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        return found

    penalty = 2 * math.log(number) * _noise(values) ** 2
    best = np.full(number + 1, math.inf)  # of the first n values
    best[0] = 0.0
    begins = np.zeros(number + 1, dtype=int)  # of the last level of these
    for end in range(SHORTEST, number + 1):
        totals = best[: end - SHORTEST + 1] + cost(np.arange(end - SHORTEST + 1), end) + penalty
        begins[end] = np.argmin(totals)
        best[end] = totals[begins[end]]
    positions: list[int] = []
    end = number
    while (end := int(begins[end])) > 0:
        positions.insert(0, end)
    places = np.arange(SHORTEST, number - SHORTEST + 1)
    return positions or [int(places[np.argmin(cost(0, places) + cost(places, number))])]


def _noise(values: Numbers) -> float:
    """The standard deviation of a run, from differences of neighbours: a change of level is in one of them only."""
    differences = np.abs(np.diff(values))
    return max(_FINEST, float(stats.norm.ppf(0.75) ** -1 * np.median(differences) / math.sqrt(2)))


def _sides(values: Numbers, positions: Sequence[int]) -> list[tuple[Numbers, Numbers]]:
    """The values before and after each position, up to its neighbours."""
    edges = [0, *positions, len(values)]
    return [(values[a:b], values[b:c]) for a, b, c in zip(edges[:-2], edges[1:-1], edges[2:], strict=True)]


def _p_change(before: Numbers, after: Numbers) -> float:
    """Student's t without the run that speaks most for the change, times the places where it could have been put."""
    places = len(before) + len(after) - FEWEST + 1
    t = min(_least_t(before, after), _least_t(after, before))
    return min(1.0, places * 2 * float(stats.t.sf(t, len(before) + len(after) - 3)))


def _least_t(some: Numbers, others: Numbers) -> float:
    """Student's t between the two, in the direction of their difference, the least for any of `some` left out."""
    n, m = len(some) - 1, len(others)
    means = (some.sum() - some) / n
    squares = _squares(some) - (some - some.mean()) ** 2 * (n + 1) / n
    apart = np.sign(some.mean() - others.mean()) * (means - others.mean())
    return float((apart / _error(squares + _squares(others), n, m)).min())


def _ratio(before: Numbers, after: Numbers) -> Interval:
    """After over before, with the interval of Student's t."""
    n, m = len(before), len(after)
    change = float(after.mean() - before.mean())
    error = float(_error(_squares(before) + _squares(after), n, m))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n + m - 2)) * error
    return Interval(math.exp(change), math.exp(change - reach), math.exp(change + reach))


def _squares(values: Numbers) -> Any:
    return ((values - values.mean()) ** 2).sum()


def _error(squares: Any, n: int, m: int) -> Any:
    """The standard error of the difference of two means of n and m values, from their joint sum of squares."""
    return np.sqrt(np.maximum(squares / (n + m - 2), _FINEST**2) * (1 / n + 1 / m))
