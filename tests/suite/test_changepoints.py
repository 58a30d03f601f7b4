from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from suite.changepoints import FEWEST, SHORTEST, change_points

SD = 0.02
"""What runs of one level spread, as a share of their time."""
SERIES = 300
Noise = Callable[[np.random.Generator, int], np.ndarray]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails (t of 3)": lambda rng, n: rng.standard_t(3, n),
    "heavier tails (t of 2)": lambda rng, n: rng.standard_t(2, n),
    "skewed (log-normal)": lambda rng, n: np.exp(rng.standard_normal(n)),
    "every tenth run 10 sd slower": lambda rng, n: rng.standard_normal(n) + 10 * (rng.random(n) < 0.1),
}


def runs(logs: np.ndarray) -> list[list[float]]:
    """A series of runs of one launch each, which lie `logs` standard deviations from 1 ms."""
    return [[1e6 * math.exp(SD * value)] for value in logs]


def positions(logs: np.ndarray) -> list[int]:
    return [change.position for change in change_points([runs(logs)])[0]]


def alarms(noise: Noise, number: int, seed: int = 1) -> float:
    """The share of series of `number` runs in which a change is found."""
    rng = np.random.default_rng(seed)
    return float(np.mean([bool(positions(noise(rng, number))) for _ in range(SERIES)]))


def carried_over(share: float) -> Noise:
    """Noise of which each run keeps a share of the one before."""

    def noise(rng: np.random.Generator, number: int) -> np.ndarray:
        values = rng.standard_normal(number)
        for i in range(1, number):
            values[i] = share * values[i - 1] + math.sqrt(1 - share**2) * values[i]
        return values

    return noise


# ------------------------------------------------------------------------------------------------------- false alarms


@pytest.mark.parametrize("number", [5, 10, 30])
@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_constant_series_raise_an_alarm_in_at_most_5_percent(noise: Noise, number: int) -> None:
    assert alarms(noise, number) <= 0.05


def test_runs_of_few_and_many_launches_raise_no_more_alarms() -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(SERIES):
        days = rng.standard_normal(20)
        series = [[math.exp(SD * (day + rng.standard_normal())) for _ in range(rng.integers(1, 13))] for day in days]
        found += bool(change_points([series])[0])
    assert found / SERIES <= 0.05


def test_many_launches_of_a_run_do_not_make_it_more_than_one_run() -> None:
    # Launches agree to 0.1 sd, days do not: the spread between runs is what counts.
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(SERIES):
        days = rng.standard_normal(10)
        series = [[math.exp(SD * (day + 0.1 * rng.standard_normal())) for _ in range(12)] for day in days]
        found += bool(change_points([series])[0])
    assert found / SERIES <= 0.05


@pytest.mark.parametrize("at", [0, 1, 14, 28, 29])
@pytest.mark.parametrize("size", [10.0, 50.0, -50.0])
def test_a_single_bad_run_is_no_change(at: int, size: float) -> None:
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(40):
        values = rng.standard_normal(30)
        values[at] += size
        found += bool(positions(values))
    assert found <= 2


def test_of_many_constant_series_together_hardly_any_changes() -> None:
    rng = np.random.default_rng(5)
    found = [change_points([runs(rng.standard_normal(12)) for _ in range(60)]) for _ in range(10)]
    assert sum(any(changes) for changes in found) <= 1


# ------------------------------------------------------------------------------------------------------ what is found


@pytest.mark.parametrize(("number", "at"), [(8, 4), (10, 5), (30, 15), (10, 7), (30, 27)])
def test_a_step_of_5_sd_is_found_where_it_is_in_at_least_90_percent(number: int, at: int) -> None:
    rng = np.random.default_rng(6)
    right = 0
    for _ in range(200):
        values = rng.standard_normal(number)
        values[at:] += 5
        found = positions(values)
        right += len(found) == 1 and abs(found[0] - at) <= 1
    assert right / 200 >= 0.9


def test_a_change_that_was_taken_back_is_two_changes() -> None:
    rng = np.random.default_rng(7)
    right = 0
    for _ in range(100):
        values = rng.standard_normal(30)
        values[12:16] += 5
        found = positions(values)
        right += len(found) == 2 and abs(found[0] - 12) <= 1 and abs(found[1] - 16) <= 1
    assert right >= 90


def test_the_ratio_is_after_over_before_and_its_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(8)
    found = []
    for _ in range(200):
        values = rng.standard_normal(20)
        values[10:] += 10
        found += change_points([runs(values)])[0]
    ratios = [change.ratio for change in found if change.position == 10]
    assert len(ratios) >= 195
    assert all(ratio.low < ratio.estimate < ratio.high for ratio in ratios)
    assert 0.92 <= np.mean([ratio.low < math.exp(10 * SD) < ratio.high for ratio in ratios]) <= 0.98


def test_a_change_of_one_series_is_found_among_sixty() -> None:
    rng = np.random.default_rng(9)
    series = [rng.standard_normal(12) for _ in range(60)]
    series[17][6:] += 8
    found = change_points([runs(values) for values in series])
    assert [index for index, changes in enumerate(found) if changes] == [17]
    assert found[17][0].position == 6
    assert found[17][0].p > change_points([runs(series[17])])[0][0].p


def test_the_p_value_grows_with_the_series_that_are_looked_at() -> None:
    rng = np.random.default_rng(10)
    values = rng.standard_normal(8)
    values[4:] += 4
    alone = change_points([runs(values)])[0]
    assert len(alone) == 1
    assert change_points([runs(values), *(runs(rng.standard_normal(8)) for _ in range(200))])[0] == []


# ------------------------------------------------------------------------------------------------------------- limits


def test_slow_drift_is_shown_as_steps() -> None:
    rng = np.random.default_rng(11)
    steep = [positions(np.linspace(0, 10, 30) + rng.standard_normal(30)) for _ in range(100)]
    slight = [positions(np.linspace(0, 1, 30) + rng.standard_normal(30)) for _ in range(100)]
    assert np.mean([bool(found) for found in steep]) >= 0.95
    assert np.mean([bool(found) for found in slight]) <= 0.15


def test_days_that_resemble_their_neighbours_raise_more_alarms() -> None:
    # No method that takes runs for independent can help it; the documentation says so.
    assert 0.05 < alarms(carried_over(0.3), 30) <= 0.15


@pytest.mark.parametrize("number", range(FEWEST))
def test_too_few_runs_show_no_change_however_large(number: int) -> None:
    values = np.zeros(number)
    values[number // 2 :] = 1000
    assert positions(values) == []


def test_a_level_lasts_some_runs() -> None:
    values = np.array([0, 0.1, -0.1, 0, 0.1, 0, 0, 0.1] + [30, 30.1] * 2)
    assert positions(values[: 8 + SHORTEST]) == [8]
    assert positions(values[: 8 + SHORTEST - 1]) == []


def test_series_that_agree_to_the_last_bit_are_no_trouble() -> None:
    assert positions(np.full(9, 0.3)) == []
    assert positions(np.array([0.3] * 6 + [0.4] * 6)) == [6]


def test_the_same_series_give_the_same_changes() -> None:
    values = np.random.default_rng(12).standard_normal(40)
    values[25:] += 3
    assert change_points([runs(values)]) == change_points([runs(values)])


@pytest.mark.parametrize("bad", [[], [0.0], [1.0, -1.0], [math.nan]])
def test_a_run_without_a_positive_value_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        change_points([[[1.0], bad]])


def test_no_series_have_no_changes() -> None:
    assert change_points([]) == []
    assert change_points([[], [[1.0]]]) == [[], []]
