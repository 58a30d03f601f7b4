from __future__ import annotations

import math

import numpy as np
import pytest

from suite.scaling import crossings, exponent, growth, medians_cross

SIZES = [64, 128, 256, 512, 1024]


def planted(power: float, fixed: float, launches: int, noise: float, seed: int, trials: int = 500) -> np.ndarray:
    """trials × launches × sizes: a fixed cost, as a multiple of the work of the smallest size, and a power of the size;
    each launch has a level of its own, each of its points its noise."""
    rng = np.random.default_rng(seed)
    law = fixed + (np.array(SIZES) / SIZES[0]) ** power
    levels = 0.01 * rng.standard_normal((trials, launches, 1))
    return law * np.exp(levels + noise * rng.standard_normal((trials, launches, len(SIZES))))


def coverage(truth: float, trials: np.ndarray) -> float:
    """The share of trials whose interval holds the true exponent."""
    found = [growth(SIZES, rows.tolist()) for rows in trials]
    return float(np.mean([one is not None and one.exponent.low <= truth <= one.exponent.high for one in found]))


# The exponent


@pytest.mark.parametrize(
    ("power", "fixed", "launches"),
    [(1.0, 0.0, 1), (1.0, 3.0, 1), (0.5, 0.3, 3), (1.0, 3.0, 3), (2.0, 0.0, 5), (2.0, 3.0, 5)],
)
def test_the_interval_holds_the_planted_exponent_whatever_the_fixed_cost(
    power: float, fixed: float, launches: int
) -> None:
    assert 0.92 <= coverage(power, planted(power, fixed, launches, 0.02, seed=launches)) <= 0.98


@pytest.mark.parametrize("launches", [1, 5])
def test_what_does_not_grow_has_the_exponent_0(launches: int) -> None:
    assert 0.92 <= coverage(0.0, planted(0.0, 0.0, launches, 0.02, seed=launches)) <= 0.98


def test_a_line_through_the_logarithms_would_miss_the_exponent_where_there_is_a_fixed_cost() -> None:
    trials = planted(1.0, 1.0, 5, 0.02, seed=1, trials=100)
    logs = np.log(SIZES)
    slopes = np.array([[np.polyfit(logs, np.log(row), 1)[0] for row in rows] for rows in trials])
    reach = 2.776 * slopes.std(axis=1, ddof=1) / math.sqrt(5)
    assert np.mean(np.abs(slopes.mean(axis=1) - 1) <= reach) < 0.05
    assert coverage(1.0, trials) > 0.9


def test_the_fixed_cost_is_told_apart_in_the_unit_of_the_values() -> None:
    found = growth(SIZES, [[5.0 + 0.01 * n for n in SIZES]] * 2)
    assert found is not None
    assert found.exponent.estimate == pytest.approx(1.0, abs=1e-3)
    assert found.fixed == pytest.approx(5.0, rel=1e-2)
    assert found.times == pytest.approx(15.24 / 5.64)
    assert found.launches == 2


def test_the_exponent_at_the_end_is_that_of_the_last_two_sizes_with_the_fixed_cost() -> None:
    found = growth(SIZES, [[5.0 + 0.01 * n for n in SIZES]])
    assert found is not None
    assert found.local == pytest.approx(math.log2(15.24 / 10.12))


def test_a_law_without_errors_is_found_exactly() -> None:
    found = growth(SIZES, [[float(n * n) for n in SIZES]])
    assert found is not None
    assert found.exponent.estimate == pytest.approx(2.0, abs=1e-3)
    assert found.exponent.high - found.exponent.low < 1e-2


def test_three_points_of_one_launch_leave_nothing_for_an_interval() -> None:
    found = growth([1, 2, 4], [[1.0, 2.1, 3.9]])
    assert found is not None
    assert (found.exponent.low, found.exponent.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(("sizes", "rows"), [([1, 2], [[1.0, 2.0]]), (SIZES, [])])
def test_too_little_gives_no_exponent(sizes: list[float], rows: list[list[float]]) -> None:
    assert growth(sizes, rows) is None


def test_what_falls_has_a_negative_exponent() -> None:
    found = growth(SIZES, [[1 / n for n in SIZES]] * 3)
    assert found is not None
    assert found.exponent.estimate == pytest.approx(-1.0)
    assert found.fixed == 0.0


def test_an_exponent_of_exact_numbers_sees_through_any_fixed_part() -> None:
    assert exponent(SIZES, [1e6 + n * n for n in SIZES]) == pytest.approx(2.0, abs=1e-2)
    assert exponent(SIZES, [7.0] * 5) == 0.0
    assert exponent(SIZES[:2], [1.0, 2.0]) is None


# Where two cross


def crossing_trials(at: float, launches: int, noise: float, seed: int, trials: int = 500) -> np.ndarray:
    """Ratios of one that grows as n² to one that grows as n, the same at size `at`."""
    rng = np.random.default_rng(seed)
    return np.array(SIZES) / at * np.exp(noise * rng.standard_normal((trials, launches, len(SIZES))))


@pytest.mark.parametrize(("at", "launches"), [(200.0, 3), (300.0, 5), (500.0, 10)])
def test_the_interval_of_a_crossing_holds_the_planted_size(at: float, launches: int) -> None:
    sides = [-1 if n < at / 1.3 else 1 if n > at * 1.3 else 0 for n in SIZES]
    found = [crossings(SIZES, rows.tolist(), sides) for rows in crossing_trials(at, launches, 0.03, seed=launches)]
    assert all(len(each) == 1 and each[0].first_below for each in found)
    held = np.mean([each[0].size.low <= at <= each[0].size.high for each in found])
    assert 0.92 <= held <= 0.98


def test_the_estimate_of_a_crossing_is_interpolated_between_the_logarithms() -> None:
    rows = [[0.5, 2.0, 4.0]] * 3
    (found,) = crossings([100, 400, 800], rows, [-1, 1, 1])
    assert found.size.estimate == pytest.approx(200, rel=1e-3)
    assert (found.size.low, found.size.high) == pytest.approx((200, 200), rel=1e-3)


def test_without_proof_on_both_sides_nothing_crosses() -> None:
    rows = [[0.5, 2.0, 4.0]] * 3
    assert crossings([1, 2, 4], rows, [0, 1, 1]) == []
    assert crossings([1, 2, 4], rows, [0, 0, 0]) == []
    assert crossings([1, 2, 4], [[0.5, 0.6, 0.7]], [-1, -1, -1]) == []


def test_those_that_change_places_twice_cross_twice() -> None:
    found = crossings([1, 2, 4], [[0.5, 2.0, 0.5]] * 2, [-1, 1, -1])
    assert [one.first_below for one in found] == [True, False]
    assert [one.size.estimate for one in found] == pytest.approx([2**0.5, 2**1.5], rel=1e-2)


def test_one_launch_gives_a_crossing_without_bounds() -> None:
    (found,) = crossings([100, 400], [[0.5, 2.0]], [-1, 1])
    assert found.size.estimate == pytest.approx(200, rel=1e-3)
    assert (found.size.low, found.size.high) == (0.0, math.inf)


def test_medians_that_cross_once_say_near_where() -> None:
    assert medians_cross([100, 400], [[0.5, 2.0]]) == pytest.approx(200, rel=1e-3)
    assert medians_cross([100, 400], [[0.5, 0.9]]) is None
    assert medians_cross([1, 2, 4], [[0.5, 2.0, 0.5]]) is None
