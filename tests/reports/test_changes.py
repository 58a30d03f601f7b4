from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rich.console import Console

from reports.changes import as_json, changes, table
from suite.records import Cell
from tests.reports.builders import a_cell, a_run, noisy


def margin(case: str, cell: str) -> float:
    return 0.05


def anchored(cell: Cell, anchor_ns: float) -> Cell:
    """The cell as it would have been recorded with this time of the anchor in every round."""
    launches = [
        msgspec.structs.replace(
            launch, samples=[msgspec.structs.replace(s, anchor_ns=anchor_ns) for s in launch.samples]
        )
        for launch in cell.launches
    ]
    return msgspec.structs.replace(cell, launches=launches)


def found(old: list[Cell], new: list[Cell]) -> Any:
    return changes(a_run(old), a_run(new), margin)


@pytest.mark.parametrize(("ms", "verdict"), [(1.2, "slower"), (0.8, "faster"), (1.001, "equivalent")])
def test_a_cell_is_held_against_the_same_of_the_earlier_run(ms: float, verdict: str) -> None:
    [change] = found([a_cell(launches=noisy(1.0, seed=1))], [a_cell(launches=noisy(ms, seed=2))]).changes
    assert change.comparison.verdict == verdict
    assert not change.redefined


def test_a_machine_that_is_slower_today_is_no_regression_where_the_anchor_says_so() -> None:
    old, new = a_cell(launches=noisy(1.0, seed=1)), a_cell(launches=noisy(1.3, seed=2))
    assert found([old], [new]).changes[0].comparison.verdict == "slower"
    told = found([anchored(old, 1e6)], [anchored(new, 1.3e6)])
    assert told.anchored
    assert told.changes[0].comparison.verdict == "equivalent"


def test_without_an_anchor_in_both_runs_none_is_used() -> None:
    old, new = a_cell(launches=noisy(1.0, seed=1)), a_cell(launches=noisy(1.0, seed=2))
    told = found([anchored(old, 1e6)], [new])
    assert not told.anchored
    assert told.changes[0].comparison.verdict == "equivalent"


def test_what_only_one_run_has_is_named() -> None:
    told = found([a_cell(problem="a"), a_cell(problem="b")], [a_cell(problem="b"), a_cell(problem="c")])
    assert len(told.changes) == 1
    assert ["[a]" in name for name in told.only_old] == [True]
    assert ["[c]" in name for name in told.only_new] == [True]


def test_a_changed_status_is_itself_a_signal() -> None:
    told = found([a_cell()], [a_cell(launches=[], status="unsupported", reason="no kernel")])
    assert told.changes[0].comparison is None
    assert (told.changes[0].old, told.changes[0].new) == ("ok", "unsupported")
    assert "ok → unsupported" in printed(told, [a_cell()], [a_cell()])


def test_work_that_was_redefined_is_not_compared() -> None:
    told = found([a_cell(flops=100.0)], [a_cell(flops=200.0)])
    assert told.changes[0].redefined
    assert told.changes[0].comparison is None
    assert "the definition changed" in printed(told, [a_cell()], [a_cell()])


def test_other_conditions_are_named() -> None:
    old, new = a_run([a_cell(launches=noisy(1.0, seed=1))]), a_run([a_cell(launches=noisy(2.0, seed=2))])
    new.record.environment["cpu"] = {"model": "Another"}
    told = changes(old, new, margin)
    assert told.differing["model"] == ("Example 9000", "Another")
    assert "model is not the same: Example 9000 then, Another now." in printed(told, [a_cell()], [a_cell()])


def test_each_cell_is_judged_with_a_margin_of_its_own() -> None:
    old = [a_cell(problem=name, launches=noisy(1.0, seed=1)) for name in "ab"]
    new = [a_cell(problem=name, launches=noisy(1.08, seed=2)) for name in "ab"]
    told = changes(a_run(old), a_run(new), lambda case, cell: 0.2 if "[b]" in case else 0.05)
    assert [change.comparison.verdict for change in told.changes if change.comparison] == ["slower", "equivalent"]


def test_json_holds_every_cell_with_its_ratio() -> None:
    told = as_json(found([a_cell(launches=noisy(1.0, seed=1))], [a_cell(launches=noisy(1.2, seed=2))]))
    [cell] = told["cells"]
    assert cell["verdict"] == "slower"
    assert cell["ratio_interval"][0] < 1.2 < cell["ratio_interval"][1]


def printed(told: Any, old: list[Cell], new: list[Cell]) -> str:
    console = Console(width=140, force_terminal=False)
    with console.capture() as capture:
        console.print(table(told, a_run(old), a_run(new)))
    return capture.get()


def test_the_table_ends_with_the_counts_and_whether_there_was_an_anchor() -> None:
    old, new = [a_cell(launches=noisy(1.0, seed=1))], [a_cell(launches=noisy(1.2, seed=2))]
    text = printed(found(old, new), old, new)
    assert "1 cell in both runs: 0 faster, 1 slower, 0 equivalent, 0 undecided; not corrected by an anchor." in text
