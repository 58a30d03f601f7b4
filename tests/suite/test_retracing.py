"""What makes a compiler trace anew is planted, and read in the diagnosis."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports import explained, retraced
from suite import explaining, records
from suite.cases import Column
from suite.checking import ORACLE, Checker
from suite.diagnoses import AnyDiagnosis, Retraces
from suite.explaining import Bench, _diagnosis, _retraces
from suite.progress import Silent
from suite.workers import Workers, scratch_folder
from tests.fakes.running import case, fake, plan, run


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    tiny, target = case("linear", "tiny"), fake("retraced_pytorch")
    with scratch_folder() as scratch:
        workers = Workers(scratch, [ORACLE, target], 1, scratch.folder / "logs", warm_caches=False)
        try:
            yield Bench(tiny, Checker(tiny, workers, 0, []), workers, None, cached=False)
        finally:
            workers.stop()


def found(bench: Bench, variant: str, mode: str = "compile") -> Retraces:
    told: AnyDiagnosis | None = _diagnosis(
        bench, Column("retraced_pytorch", "numpy", mode, variant), Retraces, _retraces
    )
    assert isinstance(told, Retraces)
    assert told.reason == ""
    return told


def of_kind(told: Retraces, kind: str) -> list[Any]:
    return [call for call in told.calls if call.kind == kind]


def test_pytorch_leaves_a_size_open_once_it_varies(bench: Bench) -> None:
    told = found(bench, "default")
    assert [call.traced for call in of_kind(told, "batch")] == [True, False, False]
    assert "size mismatch at index 0" in of_kind(told, "batch")[0].reason
    assert [call.traced for call in of_kind(told, "number")] == [True, False]
    assert of_kind(told, "type")[0].traced
    assert not any(call.traced_again for call in told.calls)
    assert (told.breaks, told.gave_up) == ([], "")
    assert "2 traces for 3 Python numbers" in retraced.sentence(told)
    assert "batch size" not in retraced.sentence(told)


def test_a_branch_on_data_breaks_the_graph_at_its_line(bench: Bench) -> None:
    told = found(bench, "branches")
    assert told.breaks is not None
    assert len(told.breaks) == 1
    assert "branch" in told.breaks[0].reason.lower()
    assert "if y.sum() > 0:" in told.breaks[0].where
    assert told.breaks[0].where.startswith("tests/fakes/retraced_pytorch/linear.py:")
    assert "1 graph break: " in retraced.sentence(told)


def test_a_print_breaks_the_graph(bench: Bench) -> None:
    told = found(bench, "prints")
    assert told.breaks is not None
    assert any("`print`" in one.reason for one in told.breaks)


def test_a_counter_retraces_every_call_until_pytorch_gives_up(bench: Bench) -> None:
    told = found(bench, "counts")
    assert all(call.traced and call.traced_again for call in told.calls[:3])
    assert "recompile_limit" in told.gave_up
    assert "counting.calls == " in told.calls[1].reason_again
    assert "Retraces where nothing changed" in retraced.sentence(told)
    assert "runs eagerly" in retraced.sentence(told)


def test_a_cell_that_failed_since_its_graph_breaks_is_told_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "DIAGNOSES", (explaining.DIAGNOSES[0], (Retraces, _retraces)))
    wanted = plan([case("linear", "tiny")], [], target=fake("retraced_pytorch"))
    broken = Column("retraced_pytorch", "numpy", "compile", "branches")
    wanted = dataclasses.replace(wanted, columns=[broken])
    (cell,) = run(wanted, tmp_path / "run").cells
    assert cell.status == "failed"
    with records.open_existing(tmp_path / "run") as writer:
        explaining.explain(wanted, writer, Silent())
    told = explained.why(records.read_run(tmp_path / "run"), [], {cell.case: "linear"})
    ((name, finding),) = told.findings
    assert name == "linear, retraced_pytorch compile (branches)"
    assert "1 graph break: data-dependent branching (tests/fakes/" in finding


def test_what_is_not_compiled_is_not_asked(bench: Bench) -> None:
    assert _retraces(bench, Column("retraced_pytorch", "numpy", "eager", "default")) is None
