from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from suite.statistics import (
    Interval,
    break_even_calls,
    disturbed,
    log_interval,
    outliers,
    ratio_interval,
    round_ratios,
    verdict,
)

INFINITE = math.inf


def test_the_interval_of_three_values_is_the_one_worked_by_hand() -> None:
    # Logarithms 0, 1 and 2: mean 1, standard deviation 1, t(0.975; 2) = 4.302653.
    interval = log_interval([1.0, math.e, math.e**2])
    reach = 4.302653 / math.sqrt(3)
    assert interval.estimate == pytest.approx(math.e)
    assert interval.low == pytest.approx(math.exp(1 - reach), rel=1e-6)
    assert interval.high == pytest.approx(math.exp(1 + reach), rel=1e-6)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_interval_is_students_on_the_logarithms(confidence: float) -> None:
    values = [1.03, 0.98, 1.11, 1.02, 0.95]
    logs = np.log(values)
    low, high = stats.t.interval(confidence, df=4, loc=np.mean(logs), scale=stats.sem(logs))
    interval = log_interval(values, confidence)
    assert interval.estimate == pytest.approx(stats.gmean(values), rel=1e-12)
    assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-12)


def test_one_launch_gives_an_estimate_and_no_bounds() -> None:
    interval = log_interval([1.25])
    assert interval == Interval(pytest.approx(1.25), 0.0, INFINITE)
    assert interval.half_width == INFINITE


def test_equal_launches_give_an_interval_without_width() -> None:
    interval = log_interval([2.0, 2.0, 2.0])
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((2.0, 2.0, 2.0))
    assert interval.half_width == pytest.approx(0.0)


@pytest.mark.parametrize("values", [[], [1.0, 0.0], [1.0, -2.0], [1.0, math.nan]])
def test_an_interval_needs_positive_values(values: list[float]) -> None:
    with pytest.raises(ValueError, match="positive values"):
        log_interval(values)


def test_the_half_width_is_relative_and_the_same_on_both_sides() -> None:
    assert Interval(1.0, 1 / 1.02, 1.02).half_width == pytest.approx(0.02)
    assert Interval(50.0, 50 / 1.02, 50 * 1.02).half_width == pytest.approx(0.02)


def test_the_interval_does_not_care_which_of_the_two_is_the_denominator() -> None:
    values = [1.03, 0.98, 1.11, 1.02]
    there, back = log_interval(values), log_interval([1 / value for value in values])
    assert (back.estimate, back.low, back.high) == pytest.approx((1 / there.estimate, 1 / there.high, 1 / there.low))


@pytest.mark.parametrize("launches", [2, 3, 5, 10])
def test_ninety_five_in_a_hundred_intervals_hold_the_true_ratio(launches: int) -> None:
    rng = np.random.default_rng(20240 + launches)
    truth, trials = 1.07, 2000
    samples = truth * np.exp(0.01 * rng.standard_normal((trials, launches)))
    covered = [interval.low <= truth <= interval.high for interval in map(log_interval, samples.tolist())]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_rounds_of_noisy_launches_are_no_replicates_but_launches_are() -> None:
    """Launches differ by 1 %, rounds within one by 0.2 %: what counts as one observation decides the coverage."""
    rng = np.random.default_rng(7)
    covered, naive = [], []
    for _ in range(400):
        a, b = (
            [
                {number: float(np.exp(level + 0.002 * rng.standard_normal())) for number in range(8)}
                for level in 0.01 * rng.standard_normal(5)
            ]
            for _ in range(2)
        )
        interval = ratio_interval(a, b)
        assert interval is not None
        covered.append(interval.low <= 1 <= interval.high)
        rounds = log_interval([ratio for x, y in zip(a, b, strict=True) for ratio in round_ratios(x, y)])
        naive.append(rounds.low <= 1 <= rounds.high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(naive) < 0.8


def test_drift_that_hits_both_alike_cancels_within_the_rounds() -> None:
    drift = [1.0, 1.4, 0.6, 2.0, 1.1, 3.0]
    a = {number: 1.1 * factor for number, factor in enumerate(drift)}
    b = {number: 1.0 * factor for number, factor in enumerate(drift)}
    assert round_ratios(a, b) == pytest.approx([1.1] * 6)
    interval = ratio_interval([a, a, a], [b, b, b])
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((1.1, 1.1))


def test_only_rounds_that_both_have_are_compared() -> None:
    assert round_ratios({1: 2.0, 2: 6.0, 5: 9.0}, {2: 3.0, 3: 1.0, 5: 3.0}) == [2.0, 3.0]


def test_a_launch_gives_the_median_of_its_rounds() -> None:
    a = [{0: 1.0, 1: 1.2, 2: 90.0}, {0: 1.3, 1: 1.3, 2: 1.3}]
    b = [{0: 1.0, 1: 1.0, 2: 1.0}] * 2
    interval = ratio_interval(a, b)
    assert interval == log_interval([1.2, 1.3])


def test_a_launch_without_a_common_round_is_left_out() -> None:
    a = [{0: 1.2}, {0: 1.1}, {0: 1.3}]
    b = [{0: 1.0}, {1: 1.0}, {0: 1.0}]
    assert ratio_interval(a, b) == log_interval([1.2, 1.3])


def test_without_any_common_round_there_is_no_interval() -> None:
    assert ratio_interval([{0: 1.0}], [{1: 1.0}]) is None
    assert ratio_interval([], []) is None


def test_unequal_numbers_of_launches_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio_interval([{0: 1.0}, {0: 1.0}], [{0: 1.0}])


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (0.80, 0.75, 0.85, "faster"),
        (0.90, 0.82, 0.999, "faster"),
        (0.90, 0.82, 1.0, "undecided"),
        (0.80, 0.60, 1.10, "undecided"),
        (1.20, 1.15, 1.25, "slower"),
        (1.20, 1.001, 1.50, "slower"),
        (1.20, 1.0, 1.50, "undecided"),
        (1.05, 1.04, 1.06, "undecided"),
        (1 / 1.05, 0.94, 0.97, "undecided"),
        (1.0500001, 1.04, 1.06, "slower"),
        (0.952, 0.94, 0.97, "faster"),
        (1.00, 0.98, 1.02, "equivalent"),
        (1.02, 1.01, 1.03, "equivalent"),
        (0.98, 0.97, 0.99, "equivalent"),
        (1.02, 0.99, 1.05, "undecided"),
        (0.98, 1 / 1.05, 1.01, "undecided"),
        (1.02, 0.99, 1.0499, "equivalent"),
        (1.00, 0.90, 1.10, "undecided"),
        (1.50, 0.0, INFINITE, "undecided"),
        (1.00, 0.0, INFINITE, "undecided"),
        (math.nan, math.nan, math.nan, "undecided"),
    ],
)
def test_the_verdict_follows_from_interval_and_margin(estimate: float, low: float, high: float, expected: str) -> None:
    assert verdict(Interval(estimate, low, high), 0.05) == expected


def test_without_an_interval_nothing_is_decided() -> None:
    assert verdict(None, 0.05) == "undecided"


@pytest.mark.parametrize(
    ("estimate", "low", "high"),
    [(0.8, 0.75, 0.85), (0.951, 0.94, 0.96), (1.3, 1.1, 1.5), (1.01, 0.99, 1.03), (0.99, 0.951, 1.0), (1, 0.5, 2)],
)
def test_swapping_the_two_swaps_faster_and_slower(estimate: float, low: float, high: float) -> None:
    mirror = {"faster": "slower", "slower": "faster", "equivalent": "equivalent", "undecided": "undecided"}
    there = verdict(Interval(estimate, low, high), 0.05)
    assert verdict(Interval(1 / estimate, 1 / high, 1 / low), 0.05) == mirror[there]


def test_a_compilation_pays_for_itself_after_its_cost_over_the_gain() -> None:
    assert break_even_calls(extra_cost_s=3.0, eager_s=0.5, compiled_s=0.25) == 12.0


def test_what_costs_nothing_extra_pays_from_the_first_call() -> None:
    assert break_even_calls(0.0, 0.5, 0.25) == 0.0
    assert break_even_calls(-1.0, 0.5, 0.25) == 0.0


@pytest.mark.parametrize("compiled_s", [0.5, 0.7])
def test_what_is_not_faster_never_pays_for_itself(compiled_s: float) -> None:
    assert break_even_calls(3.0, 0.5, compiled_s) == INFINITE


def test_an_outlier_lies_beyond_three_interquartile_ranges_of_the_quartiles() -> None:
    base = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert outliers([*base, 100.0]) == [False] * 9 + [True]
    assert outliers([-100.0, *base]) == [True] + [False] * 9
    assert outliers([*base, 15.0, -5.0]) == [False] * 11


def test_the_fence_itself_is_no_outlier() -> None:
    # The quartiles are 0 and 1 and the fences -3 and 4, however far the last value lies.
    base = [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert outliers([*base, 4.0])[-1] is False
    assert outliers([*base, 4.0001])[-1] is True
    assert outliers([-3.0001, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0])[0] is True


def test_of_three_samples_none_can_be_told_apart() -> None:
    assert outliers([1.0, 1.0, 1000.0]) == [False] * 3
    assert outliers([]) == []


def test_a_sample_is_disturbed_by_stolen_time_or_by_more_switches_than_usual() -> None:
    assert disturbed([0, 0, 3, 2, 0], [0.0, 10.0, 0.0, 0.0, 0.0]) == [False, True, True, False, False]
    assert disturbed([20, 22, 25, 60], [0.0] * 4) == [False, False, False, True]
    assert disturbed([], []) == []
