"""What tests of commands share: a way to call one, and a measurement that starts no worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import cli
from reports import write as writing
from suite import coordinator, targets
from suite.cases import line
from suite.plan import Plan
from suite.records import Launch, Sample


class Outcome:
    """What a command left: exit code, stdout and stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def words(self) -> str:
        return " ".join(self.out.split())


@pytest.fixture
def triptych_command(monkeypatch, capfd):
    """Runs `main` as the shell would, with these words."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "dumb")

    def call(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["triptych", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def measuring(monkeypatch, tmp_path) -> list[Plan]:
    """No worker is started; results go to a folder of the test's own. Holds the plans that were carried out."""
    plans: list[Plan] = []

    def execute(plan, writer, progress) -> str:
        plans.append(plan)
        return execute_one_launch(plan, writer, progress)

    monkeypatch.setattr(coordinator, "execute", execute)
    monkeypatch.setattr(writing, "write", write_quickly)
    monkeypatch.setattr(targets, "missing", lambda target: None)
    monkeypatch.chdir(tmp_path)
    return plans


def execute_one_launch(plan, writer, progress) -> str:
    samples = [Sample(round=number, ns=1000.0) for number in range(3)]
    launch = Launch(0, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [1000.0], None)
    progress.start(len(plan.cases))
    for case in plan.cases:
        progress.step(case.text)
        writer.append([line(case, column, status="ok", launch=launch) for column in plan.columns])
    return "goal"


def write_quickly(run, folder) -> list[Path]:
    """Stands for `reports.write.write`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "report.md", folder / "report.html"]
    for path in paths:
        path.write_text("")
    return paths
