from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from suite.statistics import (
    Interval,
    break_even_calls,
    break_even_interval,
    common_mean,
    controlled,
    disturbed,
    log_interval,
    outliers,
    p_different,
    p_equivalent,
    ratio_interval,
    round_ratios,
    unpaired,
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


MARGIN = 0.05
SHARP = [0.999, 1.0, 1.001]  # how the launches lie around the estimate
WIDE = [0.8, 1.0, 1.25]


def judged(ratios: Sequence[float], margin: float = MARGIN) -> str:
    return verdict(log_interval(ratios), margin, p_different(ratios), p_equivalent(ratios, margin))


@pytest.mark.parametrize(
    ("estimate", "around", "expected"),
    [
        (0.80, SHARP, "faster"),
        (1.20, SHARP, "slower"),
        (1.0, SHARP, "equivalent"),
        (1.04, SHARP, "equivalent"),
        (0.96, SHARP, "equivalent"),
        (1.05, SHARP, "undecided"),
        (0.9527, SHARP, "undecided"),
        (1.06, SHARP, "slower"),
        (0.94, SHARP, "faster"),
        (1.20, WIDE, "undecided"),
        (1.00, WIDE, "undecided"),
        (4.00, WIDE, "slower"),
        (1.50, [1.0], "undecided"),
        (1.00, [1.0], "undecided"),
    ],
)
def test_the_verdict_follows_from_launches_and_margin(estimate: float, around: list[float], expected: str) -> None:
    assert judged([estimate * each for each in around]) == expected


def test_without_an_interval_nothing_is_decided() -> None:
    assert verdict(None, MARGIN, 0.0, 0.0) == "undecided"


@pytest.mark.parametrize("estimate", [0.8, 0.951, 1.0, 1.01, 1.3])
@pytest.mark.parametrize("around", [SHARP, WIDE])
def test_swapping_the_two_swaps_faster_and_slower(estimate: float, around: list[float]) -> None:
    mirror = {"faster": "slower", "slower": "faster", "equivalent": "equivalent", "undecided": "undecided"}
    ratios = [estimate * each for each in around]
    assert judged([1 / ratio for ratio in ratios]) == mirror[judged(ratios)]


def test_what_is_different_by_chance_among_many_is_not_decided() -> None:
    ratios = [1.2 * each for each in SHARP]
    assert verdict(log_interval(ratios), MARGIN, different=0.06, equivalent=1.0) == "undecided"


@pytest.mark.parametrize("launches", [2, 3, 5])
def test_two_differ_where_their_interval_excludes_1_and_are_equivalent_where_it_lies_within_the_margin(
    launches: int,
) -> None:
    rng = np.random.default_rng(launches)
    for _ in range(300):
        ratios = np.exp(rng.normal(0, 0.03) + rng.normal(0, 0.01, launches)).tolist()
        interval = log_interval(ratios)
        assert (p_different(ratios) <= 0.05) == (interval.low > 1 or interval.high < 1)
        inside = interval.low > 1 / (1 + MARGIN) and interval.high < 1 + MARGIN
        assert (p_equivalent(ratios, MARGIN) <= 0.05) == inside


@pytest.mark.parametrize("ratios", [[], [1.3]])
def test_fewer_than_two_launches_prove_nothing(ratios: list[float]) -> None:
    assert (p_different(ratios), p_equivalent(ratios, MARGIN)) == (1.0, 1.0)


def test_launches_that_agree_to_the_last_bit_leave_no_doubt() -> None:
    assert (p_different([1.3] * 3), p_equivalent([1.3] * 3, MARGIN)) == (0.0, 1.0)
    assert (p_different([1.0] * 3), p_equivalent([1.0] * 3, MARGIN)) == (1.0, 0.0)


def test_unpaired_launches_give_welchs_interval() -> None:
    new, old = [1.21, 1.18, 1.25, 1.2], [1.0, 1.02, 0.99]
    interval, different, equivalent = unpaired(new, old, MARGIN)
    expected = stats.ttest_ind(np.log(new), np.log(old), equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert interval.estimate == pytest.approx(stats.gmean(new) / stats.gmean(old))
    assert different == pytest.approx(expected.pvalue)
    assert equivalent == 1.0


@pytest.mark.parametrize(("factor", "equal"), [(1.0, True), (1.02, True), (1.2, False)])
def test_unpaired_launches_are_equivalent_within_the_margin(factor: float, equal: bool) -> None:
    around = [0.998, 1.0, 1.002, 1.001]
    _, different, equivalent = unpaired([factor * each for each in around], around[::-1], MARGIN)
    assert (equivalent <= 0.05) == equal
    assert (different <= 0.05) == (factor != 1)


@pytest.mark.parametrize(("new", "old"), [([1.2], [1.0, 1.1]), ([1.2, 1.2], [1.0])])
def test_one_launch_on_either_side_proves_nothing(new: list[float], old: list[float]) -> None:
    interval, different, equivalent = unpaired(new, old, MARGIN)
    assert (interval.low, interval.high, different, equivalent) == (0.0, INFINITE, 1.0, 1.0)


def test_unpaired_launches_that_agree_to_the_last_bit_leave_no_doubt() -> None:
    assert unpaired([1.2, 1.2], [1.0, 1.0], MARGIN)[1:] == (0.0, 1.0)
    assert unpaired([1.0, 1.0], [1.0, 1.0], MARGIN)[1:] == (1.0, 0.0)


def test_ninety_five_in_a_hundred_intervals_of_unpaired_launches_hold_the_true_ratio() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(1000):
        new, old = np.exp(0.05 + 0.01 * rng.standard_normal(5)), np.exp(0.03 * rng.standard_normal(4))
        interval = unpaired(new.tolist(), old.tolist(), MARGIN)[0]
        covered += interval.low <= math.exp(0.05) <= interval.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_control_is_that_of_benjamini_and_hochberg() -> None:
    # Worked by hand: p · m / rank, and no larger than any later one.
    assert controlled([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert controlled([]) == []


def test_of_many_comparisons_of_equals_few_reports_claim_any_difference() -> None:
    """60 comparisons of equals in each of 100 reports: without control almost every report claims a difference."""
    rng = np.random.default_rng(11)
    claimed = naive = 0
    for _ in range(100):
        found = [p_different(np.exp(0.01 * rng.standard_normal(3)).tolist()) for _ in range(60)]
        claimed += min(controlled(found)) <= 0.05
        naive += min(found) <= 0.05
    assert claimed / 100 <= 0.1  # 5 %, and two standard deviations of the share of 100
    assert naive / 100 > 0.9


def test_differences_that_are_there_survive_the_control() -> None:
    rng = np.random.default_rng(12)
    found, shares = 0, []
    for _ in range(60):
        true = [p_different((1.2 * np.exp(0.01 * rng.standard_normal(5))).tolist()) for _ in range(10)]
        chance = [p_different(np.exp(0.01 * rng.standard_normal(5)).tolist()) for _ in range(50)]
        claims = [p <= 0.05 for p in controlled(true + chance)]
        found += sum(claims[:10])
        shares.append(sum(claims[10:]) / max(1, sum(claims)))
    assert found / 600 > 0.99
    # Expected are 5 % of the 50 in 60 that are equal, 4.2 %; the bound is three standard errors above that.
    assert np.mean(shares) <= 0.042 + 3 * 0.0084


@pytest.mark.parametrize("launches", [3, 5, 8])
@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_intervals_hold_under_launch_effects_drift_heavy_tails_and_bursts(launches: int, tails: str) -> None:
    """Two cells that differ by 3 %, in rounds that share a random walk of the machine, with bursts that hit one sample."""
    rng = np.random.default_rng([launches, len(tails)])
    trials, rounds = 1000, 10
    shape = (trials, launches, rounds)
    drift = np.cumsum(0.02 * rng.standard_normal(shape), axis=2)

    def times(level: float) -> np.ndarray:
        of_launch = rng.standard_normal(shape[:2]) if tails == "normal" else rng.standard_t(4, shape[:2]) / math.sqrt(2)
        noise = 0.02 * rng.standard_t(3, shape)
        bursts = (rng.random(shape) < 0.05) * rng.exponential(0.5, shape)
        return np.exp(level + 0.012 * of_launch[..., None] + drift + noise + bursts)

    a, b = times(math.log(1.03)), times(0.0)
    covered = 0
    for ours, theirs in zip(a, b, strict=True):
        interval = ratio_interval(
            *([dict(enumerate(map(float, launch))) for launch in cell] for cell in (ours, theirs))
        )
        assert interval is not None
        covered += interval.low <= 1.03 <= interval.high
    assert 0.93 <= covered / trials <= 0.97


def test_a_mean_counts_only_cases_that_every_column_finished() -> None:
    ratios = [[1.0, 4.0, 1.5], [1.0, None, 9.0], [1.0, 1.0, 6.0]]
    assert common_mean(ratios) == pytest.approx([1.0, 2.0, 3.0])


def test_without_a_common_case_there_is_no_mean() -> None:
    assert all(math.isnan(mean) for mean in common_mean([[1.0, None], [None, 2.0]]))
    assert common_mean([]) == []


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


def test_the_interval_of_calls_until_something_pays_is_that_of_the_launches() -> None:
    found = break_even_interval([1.0, 1.1, 0.9], [0.01, 0.01, 0.01])
    assert found == log_interval([100.0, 110.0, 90.0])


@pytest.mark.parametrize(
    ("costs", "gains"), [([], []), ([1.0, 1.0], [0.1, 0.0]), ([1.0, 1.0], [0.1, -0.1]), ([0.0], [0.1])]
)
def test_a_launch_in_which_nothing_was_saved_or_spent_leaves_no_number_of_calls(
    costs: list[float], gains: list[float]
) -> None:
    assert break_even_interval(costs, gains) is None
