"""When each framework traces anew, and what it says of that."""

from __future__ import annotations

from typing import Any

import pytest

from suite.cases import Case, Column
from suite.checking import Checker
from suite.explaining import Bench
from suite.workers import Workers
from suite.workloads import WORKLOADS
from tests.impls.conftest import THREADS

VALUES = ("batch", "number", "type")


def _told(workers: Workers, framework: str, mode: str, workload: str, task: str) -> dict[str, Any]:
    case = Case(workload, "tiny", WORKLOADS[workload].problem("tiny"), task, "float32", "cpu", THREADS)
    bench = Bench(case, Checker(case, workers, 0, []), workers, None, cached=False)
    return bench.ask(Column(framework, framework, mode), "retraces")


def _grouped(*entries: tuple[Any, ...]) -> list[Any]:
    return [pytest.param(*entry, marks=pytest.mark.xdist_group(entry[0])) for entry in entries]


@pytest.mark.parametrize(
    ("framework", "mode", "batches", "numbers"),
    _grouped(("tensorflow", "graph", 3, 2), ("tensorflow", "xla", 3, 2), ("jax", "jit", 3, 0)),
)
@pytest.mark.parametrize(("workload", "task"), [("linear", "forward"), ("linear", "gradient"), ("mlp", "train_step")])
def test_a_trace_for_each_batch_size_and_of_numbers_for_tensorflow_alone(
    workers: Workers, framework: str, mode: str, batches: int, numbers: int, workload: str, task: str
) -> None:
    told = _told(workers, framework, mode, workload, task)
    traced = {kind: sum(call["traced"] for call in told["calls"] if call["kind"] == kind) for kind in VALUES}
    assert (traced["batch"], traced["number"]) == (batches, numbers)
    assert not any(call["traced_again"] or call["refused"] for call in told["calls"])
    varied = next(call for call in told["calls"] if call["kind"] == "batch")
    size = WORKLOADS[workload].problem("tiny").batch
    assert f"[{size + 1}" in varied["reason"]
    assert f"[{size}" in varied["reason"]
    assert told["breaks"] is None
    assert "breaks no graph" in told["note"]


@pytest.mark.parametrize(("framework", "mode"), _grouped(("tensorflow", "graph"), ("jax", "jit")))
def test_an_operation_of_another_type_is_traced_anew(workers: Workers, framework: str, mode: str) -> None:
    calls = _told(workers, framework, mode, "linear", "forward")["calls"]
    other = next(call for call in calls if call["kind"] == "type")
    assert other["traced"]
    assert other["change"] == "bfloat16"


@pytest.mark.xdist_group("jax")
def test_a_step_that_hands_on_its_parameters_compiles_once(workers: Workers) -> None:
    first = _told(workers, "jax", "jit", "mlp", "train_step")["calls"][0]
    assert (first["traced"], first["traced_again"]) == (True, False)
