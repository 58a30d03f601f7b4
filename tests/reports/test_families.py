from __future__ import annotations

import math

import pytest

from reports import families, sentences
from reports.ranking import rank
from suite.records import Cell, Run
from tests.reports.builders import BAD, a_cell, a_run, noisy

TARGETS = ["pytorch", "jax"]


def run(*cells: Cell) -> Run:
    return a_run(cells)


def row(found: Run, family: str = "linear") -> dict[str, families.Mean | None]:
    return families.matrix(rank(found), TARGETS, 0.05)[family]


def test_a_target_is_told_by_its_best_mode_in_the_mean_over_the_cases():
    found = run(
        a_cell("pytorch", launches=noisy(1.0, seed=1)),
        a_cell("jax", "eager", noisy(9.0, seed=2)),
        a_cell("jax", "jit", noisy(2.0, seed=3)),
        a_cell("pytorch", launches=noisy(1.0, seed=4), problem="medium"),
        a_cell("jax", "jit", noisy(8.0, seed=5), problem="medium"),
    )
    jax = row(found)["jax"]
    assert jax and jax.against_fastest
    assert jax.cases == 2
    assert jax.against_fastest.ratio.estimate == pytest.approx(4.0, rel=0.02)
    assert jax.against_fastest.verdict == "slower"
    assert row(found)["pytorch"] == families.Mean(None, 2)


def test_two_targets_that_each_win_one_case_are_both_held_against_the_fastest():
    found = run(
        a_cell("pytorch", launches=noisy(1.0, seed=1)),
        a_cell("jax", launches=noisy(2.0, seed=2)),
        a_cell("pytorch", launches=noisy(2.0, seed=3), problem="medium"),
        a_cell("jax", launches=noisy(1.0, seed=4), problem="medium"),
    )
    for mean in row(found).values():
        assert mean and mean.against_fastest
        assert mean.against_fastest.ratio.estimate == pytest.approx(math.sqrt(2), rel=0.02)


def test_a_noisy_or_a_single_launch_decides_nothing():
    wide = run(
        a_cell("pytorch", launches=noisy(1.0, seed=1)), a_cell("jax", launches=[[1.0] * 3, [4.0] * 3, [0.9] * 3])
    )
    one = run(a_cell("pytorch", launches=[[1.0] * 3]), a_cell("jax", launches=[[2.0] * 3]))
    for found in (wide, one):
        jax = row(found)["jax"]
        assert jax and jax.against_fastest
        assert jax.against_fastest.verdict == "undecided"


def test_what_is_wrong_in_one_case_counts_in_the_others_alone_and_says_so():
    found = run(
        a_cell("pytorch", launches=noisy(1.0, seed=1)),
        a_cell("jax", launches=noisy(2.0, seed=2)),
        a_cell("pytorch", launches=noisy(1.0, seed=3), problem="medium"),
        a_cell("jax", launches=noisy(0.5, seed=4), problem="medium", status="incorrect", checks=BAD),
    )
    (told,) = families.table(rank(found), TARGETS, 0.05).rows
    assert told[0] == "linear" and told[2] == "1× the fastest measured"
    assert told[3].endswith("slower, in 1 of 2 cases")
    assert sentences.agreement(rank(found)) == (
        "3 cells passed every check of values and gradients; 1 cell did not, and has no speed."
    )


def test_a_target_without_a_speed_has_a_dash_and_an_unknown_workload_is_its_own_family():
    found = run(a_cell("pytorch", workload="theirs", launches=noisy(1.0)))
    assert families.table(rank(found), TARGETS, 0.05).rows == [
        ("theirs", "Of 1 case: nothing to compare in 1.", "1× the fastest measured", "–")
    ]


def test_a_conclusion_says_no_more_than_the_verdicts():
    found = run(
        a_cell("pytorch", launches=noisy(1.0, seed=1)),
        a_cell("jax", launches=noisy(2.0, seed=2)),
        a_cell("pytorch", launches=[[1.0] * 3], problem="medium"),
        a_cell("jax", launches=[[2.0] * 3], problem="medium"),
    )
    ((_, conclusion, *_),) = families.table(rank(found), TARGETS, 0.05).rows
    assert conclusion == "Of 2 cases: pytorch is fastest in 1; undecided in 1."


def test_what_did_not_run_is_counted_by_status():
    failed = a_cell("jax", status="out_of_memory", reason="no", launches=[])
    assert sentences.agreement(rank(run(a_cell(), failed))) == (
        "1 cell passed every check of values and gradients; beside them 1 out of memory."
    )


def test_cells_that_share_no_launch_are_told_by_their_medians_and_stay_undecided():
    found = run(
        a_cell("pytorch", launches=[[1.0] * 3]), a_cell("jax", launches=[[2.0] * 3], launch_fields={"launch": 9})
    )
    jax = row(found)["jax"]
    assert jax and jax.against_fastest
    assert jax.against_fastest.ratio.estimate == pytest.approx(2.0)
    assert jax.against_fastest.verdict == "undecided"
