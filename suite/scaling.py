"""How something grows with a size, and where two things that grow are the same. Pure functions of arrays.

What a program takes is a fixed cost and a power of the size, c + a · n^k: with k = 1 the model of Hockney and Jesshope
(1988, Parallel Computers 2, section 1.3), whose fixed cost is half of all at their n½. A straight line through the
logarithms would take the fixed cost for a lower exponent: where that is as much as the work of the smallest size, the
interval of the line holds the true exponent in none of a hundred trials, nor does it where the smallest sizes are left out.
That of the law with its fixed cost holds it in 92 to 98 (tests/suite/test_scaling.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import optimize, stats

from suite.statistics import CONFIDENCE, Interval

EXPONENTS = (0.02, 6.0)
"""Powers that are tried."""
GROWTH = 2.0
"""Where the last size takes less than this times what the first takes, nothing tells a fixed cost from a low power: the
exponent is that of the line through the logarithms then."""
GRID = 2001
"""Places between two sizes at which it is asked which of two is below the other."""

Rows = Sequence[Sequence[float]]
"""One row for each launch, one positive number for each size."""


@dataclass(frozen=True)
class Growth:
    """How something grows over a range of sizes."""

    exponent: Interval
    """Of the size, once the fixed cost is taken off; with infinite bounds where there is nothing to tell them from."""
    fixed: float
    """The fixed cost, in the unit of the values; 0 where none is told apart from the rest."""
    local: float
    """The exponent between the last two sizes, fixed cost and all: what doubling the size would cost next."""
    times: float
    """The last over the first."""
    launches: int


@dataclass(frozen=True)
class Crossing:
    """Where two that grow take the same."""

    size: Interval
    """With bounds 0 and infinity where the launches are too few for others."""
    first_below: bool
    """Whether the first of the two is the lower one before it, and the higher one after it."""


def growth(sizes: Sequence[float], rows: Rows) -> Growth | None:
    """How the rows grow with the sizes, of which there are three or more in rising order; None where fewer are given.

    Each launch gives an exponent, and the interval is Student's t over these; where there is one launch only, it comes from
    what the law leaves unexplained, by the linearised law at the best fit (Seber and Wild 1989, Nonlinear Regression,
    section 5.1). The best fit is that of relative errors, for each power a linear problem (Golub and Pereyra 1973, The
    differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate).
    """
    if len(sizes) < 3 or not rows:
        return None
    n, values = np.asarray(sizes, dtype=float), np.asarray(rows, dtype=float)
    middle = np.exp(np.log(values).mean(axis=0))
    x = n / n[-1]
    times = float(middle[-1] / middle[0])
    power = _power(x, middle)
    has_fixed = times >= GROWTH and EXPONENTS[0] * 1.5 < power
    exponents = [_power(x, row) if has_fixed else _slope(n, row) for row in values]
    one = _unexplained(x, values[0], exponents[0]) if has_fixed else _unexplained_by_line(n, values[0])
    return Growth(
        exponent=_t_interval(exponents) if len(exponents) > 1 else one,
        fixed=max(0.0, _solve(x, middle, power)[0]) if has_fixed else 0.0,
        local=float(np.diff(np.log(middle[-2:]))[0] / np.diff(np.log(n[-2:]))[0]),
        times=times,
        launches=len(values),
    )


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """That of numbers which are known exactly, and so tell their fixed part however small the rest.

    None for fewer than three.
    """
    if len(sizes) < 3:
        return None
    if max(values) <= min(values):
        return 0.0
    n = np.asarray(sizes, dtype=float)
    return _power(n / n[-1], np.asarray(values, dtype=float))


def crossings(sizes: Sequence[float], rows: Rows, sides: Sequence[int]) -> list[Crossing]:
    """Where the ratio of two things changes from one proven side of 1 to the other.

    `rows` are the ratios of the first to the second; `sides` tell for each size what is proven: -1 the first is below the
    second, 1 above it, 0 neither. Between two sizes each launch's ratio is taken for a power of the size. The interval holds
    every size whose own interval of the ratio, Student's t over the launches, holds 1 (Fieller 1954, Some problems in
    interval estimation).
    """
    proven = [place for place, side in enumerate(sides) if side]
    changes = [(i, j) for i, j in pairwise(proven) if sides[i] != sides[j]]
    return [Crossing(_crossing(sizes, rows, i, j), sides[i] < 0) for i, j in changes]


def medians_cross(sizes: Sequence[float], rows: Rows) -> float | None:
    """Where the mean ratio crosses 1, if it does so once: an estimate that nothing proves."""
    logs = np.log(np.asarray(rows, dtype=float)).mean(axis=0)
    changes = np.flatnonzero(np.sign(logs[:-1]) * np.sign(logs[1:]) < 0)
    if len(changes) != 1:
        return None
    i = int(changes[0])
    return _crossing(sizes, rows, i, i + 1).estimate


def _crossing(sizes: Sequence[float], rows: Rows, i: int, j: int) -> Interval:
    """Between sizes i and j, on whose two sides the mean ratio lies."""
    places = np.log(np.asarray(sizes[i : j + 1], dtype=float))
    logs = np.log(np.asarray(rows, dtype=float)[:, i : j + 1])
    grid = np.linspace(places[0], places[-1], GRID)
    at = np.stack([np.interp(grid, places, row) for row in logs])
    mean = at.mean(axis=0)
    estimate = float(np.exp(grid[np.argmin(np.abs(mean))]))
    if len(at) < 2:
        return Interval(estimate, 0.0, np.inf)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, len(at) - 1) * at.std(axis=0, ddof=1) / np.sqrt(len(at))
    same = grid[np.abs(mean) <= reach]
    if not same.size:  # launches that agree to the last bit leave no doubt
        return Interval(estimate, estimate, estimate)
    return Interval(estimate, float(np.exp(same[0])), float(np.exp(same[-1])))


def _solve(x: np.ndarray, values: np.ndarray, power: float) -> tuple[float, float, float]:
    """c and a of c + a · x^power with the least relative errors, and the sum of their squares."""
    columns = np.stack([1 / values, x**power / values], axis=1)
    found, *_ = np.linalg.lstsq(columns, np.ones_like(values), rcond=None)
    errors = columns @ found - 1
    return float(found[0]), float(found[1]), float(errors @ errors)


def _power(x: np.ndarray, values: np.ndarray) -> float:
    """The power of the best fit."""
    best = optimize.minimize_scalar(lambda power: _solve(x, values, power)[2], bounds=EXPONENTS, method="bounded")
    return float(best.x)


def _slope(n: np.ndarray, values: np.ndarray) -> float:
    return float(stats.linregress(np.log(n), np.log(values)).slope)


def _t_interval(values: Sequence[float]) -> Interval:
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / np.sqrt(len(values))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
    return Interval(mean, mean - reach, mean + reach)


def _unexplained(x: np.ndarray, values: np.ndarray, power: float) -> Interval:
    """The interval of the power from the errors of one row; a degree of freedom each goes to c, a and the power."""
    _, a, squares = _solve(x, values, power)
    freedom = len(x) - 3
    if freedom < 1:
        return Interval(power, -np.inf, np.inf)
    slopes = np.stack([np.ones_like(x), x**power, a * x**power * np.log(x)], axis=1) / values[:, np.newaxis]
    spread = float(np.sqrt(np.linalg.pinv(slopes.T @ slopes)[2, 2] * squares / freedom))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * spread
    return Interval(power, power - reach, power + reach)


def _unexplained_by_line(n: np.ndarray, values: np.ndarray) -> Interval:
    line = stats.linregress(np.log(n), np.log(values))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(n) - 2)) * float(line.stderr)
    return Interval(float(line.slope), float(line.slope) - reach, float(line.slope) + reach)
