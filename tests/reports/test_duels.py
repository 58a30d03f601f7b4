from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from reports.duels import as_changes, as_json, duels, table
from tests.reports.builders import a_cell, a_run, noisy


def run_of(old: list[list[float]], new: list[list[float]], **fields: Any) -> Any:
    return a_run([a_cell("old", "jit", old, framework="jax"), a_cell("new", "jit", new, framework="jax", **fields)])


@pytest.mark.parametrize(
    ("new", "verdict"), [(1.2, "slower"), (0.8, "faster"), (1.0, "equivalent"), (None, "undecided")]
)
def test_the_new_target_is_held_against_the_old_one(new: float | None, verdict: str) -> None:
    launches = [[0.7], [1.0], [1.5]] if new is None else noisy(new)
    [duel] = duels(run_of(noisy(1.0), launches), "old", "new")
    assert duel.comparison is not None
    assert duel.comparison.verdict == verdict
    assert (duel.framework, duel.mode, duel.name) == ("jax", "jit", "jax jit")


def test_targets_of_several_frameworks_are_paired_by_framework_mode_and_case() -> None:
    cells = [
        a_cell(f"{name}-{framework}", mode, noisy(1.0), framework=framework, problem=problem)
        for name in ("old", "new")
        for framework, mode in (("jax", "jit"), ("jax", "eager"), ("pytorch", "eager"))
        for problem in ("a", "b")
    ]
    found = duels(a_run(cells), "old", "new")
    assert len(found) == 6
    assert all(duel.old.target == f"old-{duel.framework}" for duel in found)
    assert all((duel.old.case, duel.old.mode) == (duel.new.case, duel.new.mode) for duel in found)


def test_what_one_target_cannot_do_has_no_verdict_but_its_reason() -> None:
    run = run_of(noisy(1.0), [], status="unsupported", reason="this version lacks it")
    [row] = as_json(duels(run, "old", "new"), "old", "new")
    assert (row["ratio"], row["verdict"]) == (None, None)
    assert row["new"] == {"target": "new", "status": "unsupported", "reason": "this version lacks it", "median_s": None}
    assert "unsupported" in printed(run)


def test_each_duel_is_judged_with_a_margin_of_its_own() -> None:
    run = run_of(noisy(1.0, seed=1), noisy(1.08, seed=2))
    asked = []

    def margin(case: str, cell: str) -> float:
        asked.append((case.partition(" ")[0], cell))
        return 0.2

    [duel] = duels(run, "old", "new", margin)
    assert duel.comparison is not None
    assert (duel.comparison.verdict, duel.comparison.margin) == ("equivalent", 0.2)
    assert asked == [("linear[small]", "jax jit")]
    assert [change.cell for change in as_changes([duel])] == ["jax jit"]


def test_what_only_one_target_has_is_left_out() -> None:
    run = a_run(
        [a_cell("old", "jit", noisy(1.0), framework="jax"), a_cell("new", "eager", noisy(1.0), framework="jax")]
    )
    assert duels(run, "old", "new") == []


def printed(run: Any) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(table(duels(run, "old", "new"), run, "old", "new"))
    return capture.get()


def test_the_table_ends_with_how_many_are_faster_and_slower() -> None:
    text = printed(run_of(noisy(1.0), noisy(1.5)))
    assert "new against old: 0 faster, 1 slower, 0 equivalent, 0 undecided" in text
    assert "1.50×" in text


@pytest.mark.parametrize(("ended", "words"), [("goal", "every comparison is settled"), ("budget", "The budget ended")])
def test_the_table_says_how_many_launches_there_were_and_what_ended_them(ended: str, words: str) -> None:
    run = run_of(noisy(1.0), noisy(1.5))
    run = replace(run, record=replace(run.record, ended=ended))
    text = " ".join(printed(run).split())
    assert "launches: enough" in text
    assert text.count(words) == 1
