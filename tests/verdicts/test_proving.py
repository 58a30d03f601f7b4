from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suite import records
from suite.records import Cell, Line
from tests.reports.builders import a_cell, noisy
from tests.verdicts import proving
from tests.verdicts.proving import Judged, make_plan, score


def lines(cell: Cell) -> list[Line]:
    own = {field: getattr(cell, field) for field in Line.__struct_fields__ if field != "launch"}
    return [Line(**own, launch=launch) for launch in cell.launches]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    """Of each share one pair, measured as it was planted but for that of 3 %."""
    folder = tmp_path_factory.mktemp("proof") / "run"
    times = {"base": 1.0, "slower0": 1.0, "slower3": 1.0, "slower5": 1.05, "slower10": 0.9}
    cells = [
        a_cell(f"{name}-jax", launches=noisy(ms, seed=seed, spread=0.002), framework="jax")
        for seed, (name, ms) in enumerate(times.items())
    ]
    with records.open_new(folder, proving._record(make_plan(1))) as writer:
        writer.append([line for cell in cells for line in lines(cell)])
    return [replace(one, shared=False) for one in proving.read(folder)]  # which they are depends on the machine


def test_every_pair_is_judged_against_the_base_with_what_was_planted(judged: list[Judged]) -> None:
    assert {one.share: one.comparison.verdict for one in judged} == {
        0.0: "equivalent",
        0.03: "equivalent",
        0.05: "slower",
        0.1: "faster",
    }


def test_the_score_counts_false_alarms_misses_and_wrong_directions(judged: list[Judged]) -> None:
    found = {figure.name: figure.value for figure in score(judged, "")}
    assert found == {
        "pairs_of_equals": 1,
        "false_verdicts": 0,
        "missed_3": 100,
        "missed_5": 0,
        "missed_10": 100,
        "wrong_direction": 1,
        "mean_sampling": pytest.approx(sum(one.sampling_s for one in judged) / len(judged)),
        "most_sampling": pytest.approx(max(one.sampling_s for one in judged)),
    }
    alarm = [replace(one, share=0.0) for one in judged]
    assert next(figure.value for figure in score(alarm, "") if figure.name == "false_verdicts") == 50


def test_pairs_that_the_framework_makes_unsteady_are_scored_apart(judged: list[Judged]) -> None:
    alone = {figure.name: figure.value for figure in score(judged, "")}
    both = {
        figure.name: figure.value for figure in score([*judged, *(replace(one, unsteady=True) for one in judged)], "")
    }
    assert {name: both[name] for name in alone} == alone
    assert both["missed_10_unsteady"] == alone["missed_10"]
    assert both["wrong_direction_unsteady"] == alone["wrong_direction"]


def test_pairs_that_the_other_tools_get_too_are_scored_by_themselves_as_well(judged: list[Judged]) -> None:
    shared = [replace(one, shared=True) for one in judged]
    rest = [replace(one, shared=False) for one in judged for _ in range(2)]
    found = {figure.name: figure.value for figure in score([*shared, *rest], "_busy")}
    assert (found["pairs_of_equals_busy"], found["pairs_of_equals_shared_busy"]) == (3, 1)
    assert found["missed_10_shared_busy"] == 100
    assert "pairs_of_equals_shared" not in {figure.name for figure in score(rest, "")}


def test_the_plan_measures_every_share_beside_a_base_in_workers_of_its_own() -> None:
    plan = make_plan(2)
    assert len(plan.targets) == len({target.name for target in plan.targets}) == 15
    assert plan.baseline == "base"
    assert {case.threads for case in plan.cases} == {2}
    assert all(Path(*target.package.split(".")).is_dir() for target in plan.targets)
