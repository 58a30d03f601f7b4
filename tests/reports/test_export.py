from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.stats import Stats

from reports import imported
from reports.export import export, pytest_benchmark, statistics
from suite import comparison
from suite.errors import UsageError
from suite.records import Run
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, noisy


def a_small_run(scale: float = 1.0) -> Run:
    cells = [
        a_cell("pytorch", "eager", noisy(scale, launches=3, rounds=5, seed=1)),
        a_cell("jax", "jit", noisy(2 * scale, launches=3, rounds=5, seed=2)),
        a_cell("tensorflow", "xla", (), status="unsupported", reason="no kernel", checks=[]),
        a_cell("numpy", "eager", noisy(0.1, launches=3), checks=BAD),
    ]
    return a_run(cells)


def written(run: Run, path: Path) -> Path:
    path.write_text(export(run, "pytest-benchmark"), encoding="utf-8")
    return path


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 5, 6, 7, 8, 41])
def test_statistics_are_those_of_pytest_benchmark(rounds: int) -> None:
    data = [float(value) for value in np.random.default_rng(rounds).lognormal(-7, 0.5, rounds)]
    theirs = Stats()
    for value in data:
        theirs.update(value)
    ours = statistics(data)
    assert ours.pop("data") == data
    assert ours.pop("outliers") == theirs.outliers
    assert ours == pytest.approx({name: getattr(theirs, name) for name in Stats.fields if name != "outliers"})


def test_each_ranked_cell_is_a_benchmark_and_the_others_are_named_with_their_reason() -> None:
    found = pytest_benchmark(a_small_run())
    case = "linear[small] gradient float32 cpu 2 threads"
    assert [one["fullname"] for one in found["benchmarks"]] == [f"{case}::pytorch eager", f"{case}::jax jit"]
    assert {one["group"] for one in found["benchmarks"]} == {case}
    assert found["triptych"]["unranked"] == {
        f"{case}::tensorflow xla": "no kernel",
        f"{case}::numpy eager": "these checks did not pass: gradient.oracle",
    }


def test_every_cell_of_a_run_is_exported_or_named() -> None:
    run = a_gallery()
    found = pytest_benchmark(run)
    names = [one["fullname"] for one in found["benchmarks"]] + list(found["triptych"]["unranked"])
    assert sorted(names) == sorted(f"{cell.case}::{cell.name}" for cell in run.cells)


def test_launches_and_rounds_of_each_time_are_kept() -> None:
    [pytorch, _] = pytest_benchmark(a_small_run())["benchmarks"]
    own = pytorch["extra_info"]["triptych"]
    assert own["launches"] == [n for n in range(3) for _ in range(5)]
    assert own["rounds"] == list(range(5)) * 3
    assert len(pytorch["stats"]["data"]) == pytorch["stats"]["rounds"] == 15


def test_what_is_exported_and_read_again_has_the_same_median_in_each_launch(tmp_path: Path) -> None:
    run = a_small_run()
    found = imported.read(written(run, tmp_path / "run.json"))
    for cell in run.cells[:2]:
        medians = [comparison.launch_median_s(launch) for launch in cell.launches]
        assert list(found.medians[f"{cell.case}::{cell.name}"].values()) == pytest.approx(medians)
    assert len(found.medians) == 2
    assert all(found.synchronized.values())
    assert found.machine == {"processor": "Example 9000"}


def test_a_run_without_an_environment_is_exported(tmp_path: Path) -> None:
    run = a_run([a_cell()], environment={})
    assert imported.read(written(run, tmp_path / "run.json")).machine == {}


def test_pytest_benchmark_compares_two_exported_runs(tmp_path: Path) -> None:
    files = [written(a_small_run(scale), tmp_path / f"{name}.json") for name, scale in (("then", 1.0), ("now", 1.5))]
    # Its command is `pytest-benchmark`, or `py.test-benchmark`; both call this.
    command = [sys.executable, "-c", "from pytest_benchmark.cli import main; main()", "compare", *map(str, files)]
    done = subprocess.run(
        [*command, "--columns=median,ops,rounds", "--time-unit=ms", "--csv=table"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "benchmark 'linear[small] gradient float32 cpu 2 threads': 4 tests" in done.stdout
    medians = {
        (Path(file).stem, one["name"]): 1e3 * one["stats"]["median"]
        for file in files
        for one in json.loads(file.read_text())["benchmarks"]
    }
    rows = {line.split(")")[0] + ")": line.split() for line in done.stdout.splitlines() if "(" in line}
    for (file, name), median in medians.items():
        [row] = [words for title, words in rows.items() if title.startswith(f"{name} (") and file in title]
        assert f"{median:.4f}" in row


def test_the_github_action_finds_what_it_reads() -> None:
    """benchmark-action/github-action-benchmark, tool `pytest`: fullname, and ops, stddev, mean and rounds of stats."""
    for one in json.loads(export(a_small_run(), "pytest-benchmark"))["benchmarks"]:
        stats = one["stats"]
        assert one["fullname"]
        assert stats["ops"] == pytest.approx(1 / stats["mean"])
        assert stats["stddev"] > 0
        assert stats["rounds"] == 15


def test_csv_has_a_row_for_each_sample() -> None:
    rows = list(csv.DictReader(io.StringIO(export(a_small_run(), "csv"))))
    assert len(rows) == 3 * (5 + 5 + 8)
    assert {row["ranked"] for row in rows if row["framework"] == "numpy"} == {"False"}


def test_an_unknown_format_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="there is no format 'pytest'; did you mean 'pytest-benchmark'?"):
        export(a_small_run(), "pytest")


def test_an_export_holds_no_number_that_is_not_finite() -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(word)

    json.loads(export(a_gallery(), "pytest-benchmark"), parse_constant=refuse)
