"""What commands measure in tests, made up, and what that leaves on the disk."""

from __future__ import annotations

import json
from pathlib import Path

from suite import coordinator
from suite.cases import line
from suite.records import Check, Launch, Sample

QUICKLY = ("--framework", "numpy", "--framework", "jax", "--task", "forward", "--threads", "1")
AB = ("ab", "old=python", "current=python", "linear[tiny]", *QUICKLY)


def ending_with(monkeypatch, ended: str | type[BaseException], status: str = "ok") -> None:
    """Let the measurement end in this way at once, every cell with this status."""

    def execute(plan, writer, progress) -> str:
        writer.append([line(case, column, status=status) for case in plan.cases for column in plan.columns])
        if isinstance(ended, str):
            return ended
        raise ended

    monkeypatch.setattr(coordinator, "execute", execute)


def executing(ns: dict[str, float], broken: tuple[str, ...] = ()):
    """Three launches, or as many as the plan asks for at most, in which each target takes its own time a call."""

    def execute(plan, writer, progress) -> str:
        checks = [Check("value", 1e-7, 1e-5, True)]
        for number in range(min(3, plan.profile.launches)):
            for case in plan.cases:
                lines = []
                for column in plan.columns:
                    if column.name in broken:
                        lines.append(line(case, column, status="failed", reason="it did"))
                        continue
                    one = ns[column.target.partition("-")[0]] * (1 + number / 1000 * len(column.target))
                    samples = [Sample(round=r, ns=one, anchor_ns=1e6) for r in range(3)]
                    launch = Launch(number, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [one], None)
                    lines.append(line(case, column, status="ok", launch=launch, checks=checks))
                writer.append(lines)
        return "goal"

    return execute


def two_runs(triptych_command, monkeypatch, tmp_path) -> tuple[str, str]:
    """Two stored runs of three launches each, the second of which takes 1.5 times as long."""

    folders = str(tmp_path / "old"), str(tmp_path / "new")
    for folder, ns in zip(folders, (1000.0, 1500.0), strict=True):
        monkeypatch.setattr(coordinator, "execute", executing({"numpy": ns, "jax": ns}))
        triptych_command("run", "linear[tiny]", *QUICKLY, "--output", folder)
    return folders


def pytest_benchmark_files(folder: Path, *seconds: float) -> str:
    """A folder with what some processes of pytest-benchmark left, one for each of these times."""
    folder.mkdir()
    for number, time in enumerate(seconds):
        stats = {"median": time}
        (folder / f"{number}.json").write_text(
            json.dumps({"benchmarks": [{"fullname": "test_it.py::test_a", "stats": stats}]})
        )
    return str(folder)
