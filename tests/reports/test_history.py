from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from reports.history import NO_CHANGE, TOO_FEW, History, as_json, history, machine, read, table
from suite.changepoints import FEWEST
from suite.errors import RecordsError
from suite.records import Cell, Line, Run, open_new
from tests.reports.builders import a_cell, a_run, a_target, noisy

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_run_on(day: int, cells: list[Cell], version: str = "2.12", **fields: Any) -> Run:
    created = (START + timedelta(days=day)).isoformat()
    targets = [a_target(name, versions={name: version}) for name in dict.fromkeys(cell.target for cell in cells)]
    return a_run(cells, **({"id": f"run-{day}", "created": created, "targets": targets} | fields))


def measured(ms: float, seed: int, **fields: Any) -> Cell:
    return a_cell(launches=noisy(ms, 3, seed=seed), **fields)


def anchored(cell: Cell, anchor_ns: float) -> Cell:
    launches = [
        msgspec.structs.replace(
            launch, samples=[msgspec.structs.replace(s, anchor_ns=anchor_ns) for s in launch.samples]
        )
        for launch in cell.launches
    ]
    return msgspec.structs.replace(cell, launches=launches)


def upgraded(before: float = 1.0, after: float = 1.3, runs: int = 12) -> list[Run]:
    """One cell that changes half-way, together with its framework's version; another that stays."""
    return [
        a_run_on(
            day,
            [measured(before if day < runs // 2 else after, day), measured(2.0, 100 + day, problem="other")],
            version="2.12" if day < runs // 2 else "2.13",
        )
        for day in range(runs)
    ]


def printed(found: History, everything: bool = False, width: int = 140) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(table(found, everything))
    return " ".join(capture.get().split())


def stored(folder: Path, runs: list[Run]) -> Path:
    """The runs as they lie on the disk, each in a folder of its own."""
    for number, run in enumerate(runs):
        lines = [
            Line(**{name: getattr(cell, name) for name in Line.__struct_fields__ if name != "launch"}, launch=launch)
            for cell in run.cells
            for launch in cell.launches
        ]
        with open_new(folder / f"run-{number}", run.record) as writer:
            writer.append(lines)
    return folder


# ------------------------------------------------------------------------------------------------------------ changes


@pytest.mark.parametrize(("after", "word"), [(1.3, "slower"), (0.7, "faster"), (1.03, "equivalent")])
def test_a_change_is_told_with_the_runs_and_versions_on_either_side(after: float, word: str) -> None:
    found = history(upgraded(after=after), [])
    [series] = found.changed
    [change] = series.changes
    assert (change.old.run, change.new.run) == ("run-5", "run-6")
    assert change.versions == ["pytorch 2.12 → 2.13"]
    assert change.ratio.low < after < change.ratio.high
    assert (change.verdict, series.word) == (word, word)


def test_runs_are_ordered_by_when_they_were_made() -> None:
    forwards, backwards = (history(runs, []) for runs in (upgraded(), upgraded()[::-1]))
    assert as_json(forwards) == as_json(backwards)


def test_a_change_without_another_version_says_so() -> None:
    runs = [a_run_on(day, [measured(1.0 if day < 5 else 1.5, day)]) for day in range(10)]
    found = history(runs, [])
    assert found.changed[0].changes[0].versions == []
    assert "since run-5" in printed(found) and "the same versions" in printed(found)


def test_the_newest_change_comes_first() -> None:
    runs = [
        a_run_on(day, [measured(1.0 if day < at else 1.5, day, problem=name) for name, at in (("a", 4), ("b", 8))])
        for day in range(12)
    ]
    assert [one.cell.problem for one in history(runs, []).changed] == ["b", "a"]


def test_a_machine_that_is_slower_today_is_no_change_where_the_anchor_says_so() -> None:
    slow = [1.0 if day < 6 else 1.4 for day in range(12)]
    runs = [a_run_on(day, [anchored(measured(factor, day), 1e6 * factor)]) for day, factor in enumerate(slow)]
    [series] = history(runs, []).series
    assert series.anchored and not series.changes
    one_without = [*runs[:-1], a_run_on(11, [measured(1.4, 11)])]
    [series] = history(one_without, []).series
    assert not series.anchored and series.word == "slower"


def test_an_anchor_that_makes_no_sense_is_none() -> None:
    runs = [a_run_on(day, [anchored(measured(1.0, day), 1e-308)]) for day in range(8)]
    [series] = history(runs, []).series
    assert not series.anchored and series.word == NO_CHANGE


# ---------------------------------------------------------------------------------------------------- what is a series


CPU = {"model": "Example 9000", "allowed": [0, 1], "governor": "performance", "turbo": True}


def test_volatile_facts_do_not_split_a_series() -> None:
    environments = [
        {
            "cpu": CPU | {"frequency_mhz": 2000.0 + day, "allowed": [day, day + 1]},
            "load": [day],
            "memory": {"free": day},
        }
        for day in range(8)
    ]
    runs = [
        a_run_on(day, [measured(1.0, day)], environment=environment) for day, environment in enumerate(environments)
    ]
    [series] = history(runs, []).series
    assert len(series.points) == 8
    assert series.machine == "Example 9000, 2 CPUs, governor performance, turbo on"


@pytest.mark.parametrize(
    "other",
    [{"model": "Another"}, {"allowed": [0]}, {"governor": "powersave"}, {"turbo": False}, {"idle_cores": "kept awake"}],
)
def test_another_machine_is_another_series(other: dict[str, Any]) -> None:
    cpus = [CPU if day % 2 else CPU | other for day in range(8)]
    runs = [a_run_on(day, [measured(1.0, day)], environment={"cpu": cpu}) for day, cpu in enumerate(cpus)]
    assert [len(one.points) for one in history(runs, []).series] == [4, 4]


def test_another_number_of_threads_is_another_series() -> None:
    runs = [a_run_on(day, [measured(1.0, day, threads=1 + day % 2)]) for day in range(8)]
    assert len(history(runs, []).series) == 2


@pytest.mark.parametrize("environment", [{}, {"cpu": None}, {"cpu": [1]}, {"cpu": {"allowed": 2, "turbo": "no"}}])
def test_a_machine_that_says_nothing_of_itself_has_a_name(environment: dict[str, Any]) -> None:
    assert machine(environment) == "unknown processor"


@pytest.mark.parametrize("redefined", [{"flops": 4e6}, {"bytes": 2e5}, {"parameters": {"batch": 16, "bias": True}}])
def test_another_definition_is_another_series(redefined: dict[str, Any]) -> None:
    runs = [a_run_on(day, [measured(1.0, day, **(redefined if day >= 7 else {}))]) for day in range(14)]
    found = history(runs, [])
    assert [(one.name, len(one.points)) for one in found.series] == [
        ("pytorch eager", 7),
        ("pytorch eager (definition 2)", 7),
    ]


def test_other_versions_are_the_same_series() -> None:
    runs = [a_run_on(day, [measured(1.0, day)], version=str(day), triptych=f"0.{day}.0") for day in range(8)]
    assert [len(one.points) for one in history(runs, []).series] == [8]


def test_cells_without_a_speed_are_counted_and_left_out() -> None:
    runs = upgraded()
    runs[3] = a_run_on(3, [measured(1.0, 3, status="incorrect", reason="gradient"), *runs[3].cells[1:]])
    found = history(runs, [])
    assert found.unranked == 1
    assert sorted(len(one.points) for one in found.series) == [11, 12]
    assert "1 cell of these runs without a speed that may be shown." in printed(found)


# ------------------------------------------------------------------------------------------------------- what is shown


def test_cells_without_a_change_are_a_line_unless_all_are_asked_for() -> None:
    found = history(upgraded(), [])
    text = printed(found)
    assert "12 runs, 2 cells: 1 with a change and 1 without" in text
    assert "since run-6" in text and "pytorch 2.12 → 2.13" in text
    assert "linear[other]" not in text
    assert "linear[other]" in printed(found, everything=True)


def test_too_few_runs_are_told_from_no_change() -> None:
    short = [a_run_on(day, [measured(1.0 if day < 2 else 9.0, day)]) for day in range(FEWEST - 1)]
    found = history(short, [])
    assert found.series[0].word == TOO_FEW
    assert f"1 with fewer than {FEWEST} runs, which is too few" in printed(found)
    assert {one.word for one in history(upgraded(after=1.0), []).series} == {NO_CHANGE}


def test_one_run_is_no_history() -> None:
    assert (
        printed(history(upgraded()[:1], []))
        == f"One run is no history: changes can be found from {FEWEST} runs of a cell on."
    )


def test_two_machines_stand_apart() -> None:
    runs = [*upgraded(), *(msgspec.structs.replace(run) for run in upgraded())]
    for run in runs[12:]:
        run.record.environment["cpu"] = {"model": "Another"}
    text = printed(history(runs, []))
    assert "24 runs on 2 machines, 4 cells: 2 with a change and 2 without" in text
    assert text.index("Example 9000") < text.index("Another")


def test_json_holds_every_series_with_its_points_and_changes() -> None:
    told = json.loads(json.dumps(as_json(history(upgraded(), []))))
    first, second = told["series"]
    assert (first["verdict"], second["verdict"]) == ("slower", NO_CHANGE)
    assert len(first["points"]) == 12
    assert first["points"][0]["time_s"] == pytest.approx(1e-3, rel=0.1)
    [change] = first["changes"]
    assert change["ratio_interval"][0] < 1.3 < change["ratio_interval"][1]
    assert (change["new"], change["created"]) == ("run-6", "2026-01-07T12:00:00+00:00")


def test_a_hostile_record_steers_no_terminal() -> None:
    evil = "\x1b[2J[red]evil"
    runs = [
        a_run_on(
            day, [measured(1.0 if day < 5 else 2.0, day, problem=evil)], version=evil * (day > 4), id=evil + str(day)
        )
        for day in range(10)
    ]
    text = printed(history(runs, [evil]))
    assert "\x1b" not in text and "[red]evil" in text


# ------------------------------------------------------------------------------------------------------------- reading


def test_all_runs_of_a_folder_are_read(tmp_path: Path) -> None:
    folder = stored(tmp_path, upgraded())
    (folder / "no-run").mkdir()
    (folder / "calibration.json").write_text("{}")
    assert as_json(read(folder)) == as_json(history(upgraded(), []))


def test_a_broken_run_is_named_and_left_out(tmp_path: Path) -> None:
    folder = stored(tmp_path, upgraded(runs=16))
    (folder / "run-1" / "run.json").write_text("{")
    with open(folder / "run-2" / "cells.jsonl", "a") as file:
        file.write('{"cut off')
    (folder / "run-3" / "run.json").write_text((folder / "run-3" / "run.json").read_text().replace("2026-01", "soon"))
    (folder / "run-4" / "run.json").write_text((folder / "run-4" / "run.json").read_text().replace("margin", "m"))
    found = read(folder)
    assert (found.runs, len(found.broken)) == (12, 4)
    assert [one.word for one in found.changed] == ["slower"]
    text = printed(found, width=400)
    assert "run-1/run.json is not the record of a run" in text
    assert "1 more folder left out." in text


def test_a_folder_without_runs_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordsError, match="holds no run that can be read; name the folder"):
            read(folder)
    stored(tmp_path, upgraded()[:1])
    (tmp_path / "run-0" / "run.json").write_text("{}")
    with pytest.raises(RecordsError, match=r"holds no run that can be read: .*run-0/run.json has schema version None"):
        read(tmp_path)
