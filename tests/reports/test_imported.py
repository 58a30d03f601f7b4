from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reports.changes import Changes, as_json
from reports.gate import Gate, Share, judge
from reports.imported import Benchmarks, are_benchmarks, changes, read, table
from suite.errors import RecordsError, UsageError

MARGIN = 0.05
CPU = {"brand_raw": "Example 9000", "count": 2, "hz_actual": [2500000000, 0]}


def a_benchmark(name: str, times: Sequence[float] | None, **fields: Any) -> dict[str, Any]:
    """A benchmark of `test_it.py`; without `times`, as pytest-benchmark stores it where data are not asked for."""
    median = 1.0 if times is None or not len(times) else float(np.median(times))
    stats = {"median": median, "mean": median} | ({} if times is None else {"data": list(times)})
    return {"fullname": f"test_it.py::{name}", "name": name, "stats": stats, "extra_info": {}} | fields


def write(path: Path, *benchmarks: dict[str, Any], cpu: dict[str, Any] | None = None) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    info = {"node": "here", "machine": "x86_64", "system": "Linux", "cpu": CPU if cpu is None else cpu}
    path.write_text(json.dumps({"machine_info": info, "commit_info": {}, "benchmarks": benchmarks, "version": "5.1.0"}))
    return path


def launches(folder: Path, levels: Sequence[float], name: str = "test_a", **fields: Any) -> Path:
    """A folder with a file for each process, whose times lie around the level."""
    for number, level in enumerate(levels):
        write(folder / f"{number}.json", a_benchmark(name, [0.99 * level, level, 1.5 * level], **fields))
    return folder


def around(level: float, seed: int, spread: float = 0.01, number: int = 6) -> list[float]:
    return [float(level * value) for value in np.exp(spread * np.random.default_rng(seed).standard_normal(number))]


def compared(tmp_path: Path, old: Sequence[float], new: Sequence[float], **how: Any) -> Any:
    sides = read(launches(tmp_path / "old", old)), read(launches(tmp_path / "new", new))
    return against(*sides, **how)


# reading


def test_each_file_of_a_folder_is_a_launch_with_its_median(tmp_path: Path) -> None:
    found = read(launches(tmp_path / "new", [1.0, 2.0]))
    assert found.medians == {"test_it.py::test_a": {"0": 1.0, "1": 2.0}}
    assert found.machine == {
        "processor": "Example 9000",
        "number of CPUs": 2,
        "architecture": "x86_64",
        "system": "Linux",
    }


def test_without_data_the_stored_median_stands(tmp_path: Path) -> None:
    assert read(write(tmp_path / "one.json", a_benchmark("test_a", None))).medians == {
        "test_it.py::test_a": {"one": 1.0}
    }


def test_a_file_with_launches_of_its_own_is_taken_apart(tmp_path: Path) -> None:
    own = {"triptych": {"launches": [0, 0, 0, 4, 4], "synchronized": True}}
    found = read(write(tmp_path / "run.json", a_benchmark("test_a", [1.0, 2.0, 9.0, 3.0, 5.0], extra_info=own)))
    assert found.medians == {"test_it.py::test_a": {"run/0": 2.0, "run/4": 4.0}}
    assert found.synchronized == {"test_it.py::test_a": True}


def test_extra_information_of_others_does_no_harm(tmp_path: Path) -> None:
    info = {"loss": math.nan, "shape": [3, {"deep": None}]}
    assert read(write(tmp_path / "one.json", a_benchmark("test_a", [1.0], extra_info=info))).medians


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON file of pytest-benchmark's"),
        ("[1, 2]", "is no JSON file of pytest-benchmark's"),
        ("[" * 100_000, "is no JSON file of pytest-benchmark's"),
        ('{"spread": 0.1}', "missing required field `benchmarks`"),
        ('{"benchmarks": [{"fullname": "a", "stats": {"median": "fast"}}]}', "is no JSON file of pytest-benchmark's"),
        ('{"benchmarks": []}', "holds no benchmarks"),
        ('{"benchmarks": [{"fullname": "a", "stats": {"median": 0}}]}', "a median of a is no positive time"),
        ('{"benchmarks": [{"fullname": "a", "stats": {"median": NaN}}]}', "a median of a is no positive time"),
        (
            '{"benchmarks": [{"fullname": "a", "stats": {"median": 1, "data": [1]},'
            ' "extra_info": {"triptych": {"launches": [0, 1]}}}]}',
            "a has 1 times of 2 launches",
        ),
        (
            '{"benchmarks": [{"fullname": "a", "stats": {"median": 1}}, {"fullname": "a", "stats": {"median": 1}}]}',
            "holds a twice",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(RecordsError, match=words):
        read(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="missing.json cannot be read: No such file"):
        read(tmp_path / "missing.json")


def test_launches_of_two_machines_are_not_put_together(tmp_path: Path) -> None:
    write(tmp_path / "0.json", a_benchmark("test_a", [1.0]))
    write(tmp_path / "1.json", a_benchmark("test_a", [1.0]), cpu={"brand_raw": "Other"})
    with pytest.raises(RecordsError, match=r"1.json has another processor than the files before it: Other, not Exam"):
        read(tmp_path)


def test_files_and_folders_of_files_are_told_from_runs(tmp_path: Path) -> None:
    one, several, run = write(tmp_path / "a.json"), launches(tmp_path / "several", [1.0]), tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert are_benchmarks(one, several)
    assert not are_benchmarks(run, run)
    assert not are_benchmarks(run, tmp_path / "missing")
    for pair in ((one, run), (run, several)):
        with pytest.raises(UsageError, match="run does not: compare two of a kind; triptych export makes such a file"):
            are_benchmarks(*pair)


# comparing


def against(old: Benchmarks, new: Benchmarks, paired: bool = False) -> Changes:
    return changes(old, new, lambda case, cell: MARGIN, paired=paired)


def blindness(found: Changes) -> str:
    return judge(Gate(Share(MARGIN)), found.changes, list(found.differing)).blind


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("level", "verdict"), [(1.2, "slower"), (0.8, "faster"), (1.001, "equivalent"), (1.06, "slower")]
)
def test_a_benchmark_is_held_against_the_one_of_the_same_name(
    tmp_path: Path, level: float, verdict: str, paired: bool
) -> None:
    [change] = compared(tmp_path, around(1.0, 1), around(level, 2), paired=paired).changes
    assert change.comparison.verdict == verdict
    assert (change.case, change.cell) == ("test_it.py", "test_a")
    assert change.comparison.launches == 6


def test_pairs_see_through_a_drift_that_hides_the_difference_otherwise(tmp_path: Path) -> None:
    drift = [1.0, 1.3, 0.8, 1.6, 0.7, 1.1]
    old, new = ([factor * level for factor, level in zip(drift, around(at, 3, 0.002), strict=True)] for at in (1, 1.1))
    assert compared(tmp_path / "a", old, new).changes[0].comparison.verdict == "undecided"
    [change] = compared(tmp_path / "b", old, new, paired=True).changes
    assert change.comparison.verdict == "slower"
    assert change.comparison.ratio.estimate == pytest.approx(1.1)


def test_pairs_are_files_of_the_same_name(tmp_path: Path) -> None:
    name = "test_it.py::test_a"
    old = Benchmarks({name: {"0": 1.0, "1": 10.0, "3": 5.0}}, {name: True}, {})
    new = Benchmarks({name: {"2": 7.0, "1": 20.0, "0": 2.0}}, {name: True}, {})
    [change] = against(old, new, paired=True).changes
    assert change.comparison is not None
    assert change.comparison.ratios == (2.0, 2.0)
    alone = Benchmarks({name: {"9": 3.0}}, {name: True}, {})
    [change] = against(old, alone, paired=True).changes
    assert change.comparison is not None
    assert (change.comparison.verdict, change.comparison.launches) == ("undecided", 0)


def test_one_process_on_a_side_decides_nothing_says_why_and_gates_nothing(tmp_path: Path) -> None:
    sides = read(launches(tmp_path / "old", [1.0])), read(launches(tmp_path / "new", around(3.0, 1)))
    found = against(*sides)
    assert "3.0" in printed(found)
    assert "undecided: one launch gives no interval" in printed(found)
    assert blindness(found) == "no cell has a time in two launches or more on both sides"
    assert blindness(compared(tmp_path / "more", [1.0, 1.0], [1.0, 1.0])) == ""


def test_verdicts_hold_for_all_benchmarks_together(tmp_path: Path) -> None:
    """Of 40 comparisons of equals two would differ by chance; a single one that differs barely is not believed."""

    def side(name: str, seed: int) -> Benchmarks:
        for number in range(4):
            rng = np.random.default_rng([seed, number])
            levels = np.exp(0.2 * rng.standard_normal(40))
            write(tmp_path / name / f"{number}.json", *(a_benchmark(f"test[{i}]", [x]) for i, x in enumerate(levels)))
        return read(tmp_path / name)

    found = against(side("old", 1), side("new", 2)).changes
    excluding = [c for c in found if c.comparison and not c.comparison.ratio.low <= 1 <= c.comparison.ratio.high]
    assert excluding
    assert {c.comparison.verdict for c in found if c.comparison} == {"undecided"}


def test_what_only_one_side_has_is_named(tmp_path: Path) -> None:
    sides = read(launches(tmp_path / "a", [1.0], "test_a")), read(launches(tmp_path / "b", [1.0], "test_b"))
    found = against(*sides)
    assert (found.only_old, found.only_new, found.changes) == (["test_it.py::test_a"], ["test_it.py::test_b"], [])
    assert "only in old: test_it.py::test_a" in printed(found)
    assert blindness(found) == "the two have no cell in common"


def test_another_machine_is_named_and_nothing_is_gated(tmp_path: Path) -> None:
    old = read(launches(tmp_path / "old", around(1.0, 1)))
    for number, level in enumerate(around(2.0, 2)):
        write(tmp_path / "new" / f"{number}.json", a_benchmark("test_a", [level]), cpu={"brand_raw": "Other"})
    new = read(tmp_path / "new")
    found = against(old, new)
    assert found.differing == {"processor": ("Example 9000", "Other")}
    assert blindness(found) == "processor differ; compare runs of one machine"
    assert "processor is not the same: Example 9000 then, Other now" in printed(found)


def test_what_waited_for_its_results_is_not_gated_against_what_did_not(tmp_path: Path) -> None:
    waited = {"extra_info": {"triptych": {"synchronized": True}}}
    old = read(launches(tmp_path / "old", around(1.0, 1)))
    new = read(launches(tmp_path / "new", around(2.0, 2), **waited))
    found = against(old, new)
    assert found.differing == {
        "synchronisation": ("0 of 1 known to wait for their results", "1 of 1 known to wait for their results")
    }
    assert against(new, new).differing == {}
    assert against(old, new, paired=True).differing == found.differing


# showing


def printed(found: Changes) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(table(found))
    return capture.get()


def test_the_table_has_both_times_the_ratio_the_verdict_and_the_counts(tmp_path: Path) -> None:
    sides = read(launches(tmp_path / "old", around(1e-3, 1))), read(launches(tmp_path / "new", around(2e-3, 2)))
    text = printed(against(*sides))
    assert "file        benchmark" in text
    assert "1.00 ms" in text
    assert "2.0" in text
    assert "1 benchmark in both: 0 faster, 1 slower, 0 equivalent, 0 undecided." in text


def test_names_of_strangers_do_not_steer_the_terminal(tmp_path: Path) -> None:
    side = read(launches(tmp_path / "old", [1.0], "test[\x1b[31m[bold]]"))
    text = printed(against(side, side))
    assert "\x1b" not in text
    assert "[bold]" in text


def test_json_holds_every_benchmark_with_its_ratio(tmp_path: Path) -> None:
    [row] = as_json(compared(tmp_path, around(1.0, 1), around(1.2, 2), paired=True))["cells"]
    assert (row["case"], row["cell"], row["verdict"]) == ("test_it.py", "test_a", "slower")
    assert row["ratio_interval"][0] < 1.2 < row["ratio_interval"][1]
