from __future__ import annotations

import numpy as np
import pytest

from suite import comparison
from suite.comparison import Comparison, control
from suite.records import Cell, identity
from suite.statistics import log_interval, p_different, p_equivalent
from suite.stopping import ROUNDS, enough_rounds, settled, unsettled
from tests.reports.builders import a_cell, noisy

MARGIN, GOAL, LEAST, MOST = 0.05, 0.02, 3, 12


def compared(ratios: list[float], margin: float = MARGIN) -> Comparison:
    alone = Comparison(
        log_interval(ratios),
        "undecided",
        len(ratios),
        margin,
        p_different(ratios),
        p_equivalent(ratios, margin),
        tuple(ratios),
    )
    return control([alone])[0]


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.40, 1.41, 1.42], True),  # far beyond the margin
        ([0.70, 0.71, 0.72], True),
        ([1.00, 1.001, 0.999], True),  # well inside
        ([1.049, 1.05, 1.051], True),  # at its edge, and as narrow as asked
        ([1.04, 1.06, 1.05], False),  # at its edge, and not
        ([1.0, 1.2, 1.1], False),
        ([1.4], False),
        ([], False),
    ],
)
def test_a_comparison_is_settled_where_no_further_launch_would_change_what_is_said(
    ratios: list[float], expected: bool
) -> None:
    found = compared(ratios) if ratios else Comparison(log_interval([1.0]), "undecided", 0, MARGIN)
    assert settled(found, GOAL) is expected


def test_what_may_be_chance_among_many_comparisons_is_not_settled() -> None:
    alone = compared([1.11, 1.13, 1.15], 0.01)
    assert settled(alone, 0.001) is True
    among_equals = [Comparison(alone.ratio, "undecided", 3, 0.01, 1.0, 1.0, alone.ratios)] * 40
    first = control([alone, *among_equals])[0]
    assert first.verdict == "undecided"
    assert settled(first, 0.001) is False


def test_rounds_are_enough_where_half_the_goal_is_left_or_the_ratio_is_far_away() -> None:
    assert enough_rounds([1.0, 1.001] * ROUNDS, GOAL)
    assert not enough_rounds([1.0, 1.001], GOAL)
    assert not enough_rounds([0.9, 1.1] * ROUNDS, GOAL)
    assert enough_rounds([2.5, 2.8] * ROUNDS, GOAL)
    assert enough_rounds([0.3, 0.4] * ROUNDS, GOAL)


def test_rounds_do_not_end_because_they_show_a_difference() -> None:
    assert not enough_rounds([1.4, 1.6] * ROUNDS, GOAL)


def names(cells: list[Cell], baseline: str = "") -> set[str]:
    found = unsettled(cells, baseline, MARGIN, GOAL)
    return {cell.target for cell in cells if identity(cell) in found}


def test_the_cells_near_the_fastest_are_wanted_again_with_it_and_the_far_ones_are_not() -> None:
    fast = a_cell("jax", launches=noisy(1.0, seed=1, spread=0.03))
    near = a_cell("pytorch", launches=noisy(1.05, seed=2, spread=0.03))
    far = a_cell("numpy", launches=noisy(9.0, seed=3, spread=0.03))
    assert names([fast, near, far]) == {"jax", "pytorch"}
    assert names([fast, far]) == set()


def test_a_baseline_takes_the_place_of_the_fastest() -> None:
    cells = [
        a_cell(f"{name}-jax", framework="jax", launches=noisy(1.0 + n / 100, seed=n, spread=0.05))
        for n, name in enumerate(("old", "new"))
    ]
    cells = [*cells, a_cell("old-jax", "jit", launches=noisy(5.0), framework="jax")]
    assert [(a.target, b.target) for a, b in comparison.pairs(cells, "old")] == [("new-jax", "old-jax")]
    assert names(cells, "old") == {"old-jax", "new-jax"}


def stopped(rng: np.random.Generator, true: float, spread: float) -> Comparison:
    """A comparison as a run makes it: launches with heavy tails, one after another, until it is settled."""
    ratios = list(np.exp(np.log(true) + spread * rng.standard_t(5, LEAST) / np.sqrt(5 / 3)))
    while not settled(found := compared(ratios), GOAL) and len(ratios) < MOST:
        ratios.append(float(np.exp(np.log(true) + spread * rng.standard_t(5) / np.sqrt(5 / 3))))
    return found


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.1, 0.3])
def test_equals_are_seldom_called_different_though_every_launch_may_end_the_run(spread: float) -> None:
    rng = np.random.default_rng(int(1000 * spread))
    verdicts = [stopped(rng, 1.0, spread).verdict for _ in range(400)]
    assert np.mean([verdict in ("faster", "slower") for verdict in verdicts]) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("true", "spread"), [(1.0, 0.01), (1.0, 0.05), (1.05, 0.03), (1.1, 0.02), (1.1, 0.1)])
def test_the_intervals_of_runs_that_ended_early_hold(true: float, spread: float) -> None:
    rng = np.random.default_rng(int(1000 * (true + spread)))
    found = [stopped(rng, true, spread).ratio for _ in range(400)]
    assert 0.91 <= np.mean([ratio.low <= true <= ratio.high for ratio in found]) <= 0.99
