"""What every framework must be able to tell of its own work, in each of its modes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from suite.cases import FRAMEWORK_MODES, Case, Column
from suite.checking import Checker
from suite.explaining import Bench
from suite.workers import Workers
from suite.workloads import WORKLOADS

SMALL = WORKLOADS["linear"].problem("small")
CASE = Case("linear", "small", SMALL, "gradient", "float32", "cpu", 1)
ALL = [
    pytest.param(framework, mode, marks=pytest.mark.xdist_group(framework))
    for framework, modes in FRAMEWORK_MODES.items()
    for mode in modes
]
COMPILED = [one for one in ALL if one.values[1] != "eager"]
STEPS = {
    "compile": {"trace_s", "lower_s", "compile_s"},
    "graph": {"trace_s"},
    "xla": {"trace_s"},
    "jit": {"trace_s", "lower_s", "compile_s"},
}
COUNTED = ("pytorch eager", "tensorflow graph", "jax jit")


def ask(workers: Workers, framework: str, mode: str, what: str, **arguments: Any) -> dict[str, Any]:
    bench = Bench(CASE, Checker(CASE, workers, 0, []), workers, None, cached=False)
    return bench.ask(Column(framework, framework, mode), what, **arguments)


@pytest.mark.parametrize(("framework", "mode"), ALL)
def test_a_profile_has_the_products_of_a_linear_layer(
    workers: Workers, framework: str, mode: str, tmp_path: Path
) -> None:
    trace = tmp_path / "trace.json"
    found = ask(workers, framework, mode, "profile", calls=3, trace=str(trace))
    names = " ".join(one["name"].lower() for one in found["operators"])
    assert any(word in names for word in ("mm", "matmul", "dot", "ynn"))  # ynn: the library that XLA calls for products
    assert 0 < found["work_s"] <= found["profiled_s"]
    assert (found["dispatched"] >= 3) is (mode in ("eager", "compile"))
    assert (found["kernels"] is not None) is (mode != "eager" or framework == "jax")
    # Operators and kernels of a thread follow each other, and lie within the calls.
    events = [each for each in json.loads(trace.read_text())["traceEvents"] if each["ph"] == "X"]
    work = sorted((e["tid"], e["ts"], e["dur"]) for e in events if e["cat"] in ("operator", "kernel"))
    for (thread, start, length), (other, following, _) in pairwise(work):
        assert thread != other or start + length <= following + 0.01
    assert sum(each["cat"] == "call" for each in events) == 3


@pytest.mark.parametrize(("framework", "mode"), COMPILED)
def test_the_steps_of_compiling_are_told_apart_as_far_as_the_framework_does(
    workers: Workers, framework: str, mode: str
) -> None:
    found = ask(workers, framework, mode, "compiling")
    assert {name for name in ("trace_s", "lower_s", "compile_s") if name in found} == STEPS[mode]
    assert all(found[step] > 0 for step in STEPS[mode])
    assert sum(found[step] for step in STEPS[mode]) <= found["first_call_s"]
    assert found["cache"]


@pytest.mark.parametrize(("framework", "mode"), [one for one in ALL if one.values[1] != "compile"])  # which takes long
def test_the_products_of_a_linear_layer_are_counted_exactly_or_it_is_said_why_not(
    workers: Workers, framework: str, mode: str
) -> None:
    found = ask(workers, framework, mode, "counts")
    if f"{framework} {mode}" not in COUNTED:
        assert found["flops"] is None
        assert found["note"]
        return
    products = 3 * 2 * SMALL.batch * SMALL.in_features * SMALL.out_features
    elementwise = 4 * (SMALL.batch + SMALL.in_features) * SMALL.out_features  # at most
    assert products <= found["flops"] <= products + elementwise
    if framework != "tensorflow":
        assert found["bytes"] >= WORKLOADS["linear"].bytes(SMALL, "gradient", "float32")


@pytest.mark.parametrize(
    "framework", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORK_MODES]
)
def test_a_model_is_explained_like_a_layer(workers: Workers, framework: str) -> None:
    mode = "graph" if framework == "tensorflow" else FRAMEWORK_MODES[framework][-1] if framework == "jax" else "eager"
    case = Case("mlp", "tiny", WORKLOADS["mlp"].problem("tiny"), "train_step", "float32", "cpu", 1)
    bench = Bench(case, Checker(case, workers, 0, []), workers, None, cached=False)
    column = Column(framework, framework, mode)
    assert bench.ask(column, "profile", calls=2)["operators"]
    overhead = bench.ask(column, "overhead", parameters=dict(case.parameters), rounds=1, sample_s=1e-3)
    assert overhead["dispatched"] >= 1
    assert overhead["call_s"] > 0
    assert "note" in bench.ask(column, "counts")
