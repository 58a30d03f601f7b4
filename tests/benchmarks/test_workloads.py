"""The same implementations through pytest-benchmark: `make bench`.

Every framework runs in this one process, in turn, so the figures compare less fairly than those of a run: no launches, no
rounds, no stopped neighbours. What they are good for is pytest-benchmark's own history and dashboards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from impls.interface import Backend, load
from suite import correctness
from suite.cases import FRAMEWORK_MODES, Case
from suite.plan import make_plan
from suite.program import Implementations, Program, Unsupported
from suite.targets import MODULES
from suite.timing import no_garbage_collection
from suite.workloads.draw import draw, round_to

# Here the frameworks are imported into this process, and their warnings are their own.
pytestmark = pytest.mark.filterwarnings("default")

THREADS = len(os.sched_getaffinity(0))
CASES = make_plan([]).cases  # those of the default profile
MODES = [(framework, mode) for framework, modes in FRAMEWORK_MODES.items() for mode in modes]


@cache
def _framework(name: str) -> tuple[Backend, Implementations]:
    pytest.importorskip(MODULES[name])
    backend, implementations = load(f"impls.{name}")
    backend.start(THREADS)
    return backend, implementations


def _values(case: Case) -> dict[str, np.ndarray]:
    drawn = draw(case.definition, case.parameters, seed=0)
    return {name: round_to(array, case.precision) for name, array in drawn.items()}


def _program(framework: str, mode: str, case: Case, precision: str, values: dict[str, np.ndarray]) -> Program:
    backend, implementations = _framework(framework)
    return Program(
        backend,
        implementations,
        case.definition,
        case.parameters,
        task=case.task,
        mode=mode,
        variant="default",
        precision=precision,
        device=case.device,
        values=values,
    )


@cache
def _reference(case: Case) -> dict[str, np.ndarray]:
    exact = {
        name: round_to(a.astype(float) if a.dtype.kind == "f" else a, "float64") for name, a in _values(case).items()
    }
    program = _program("numpy", "eager", case, "float64", exact)
    return program.read(program.call())


@pytest.fixture
def undisturbed() -> Iterator[None]:
    with no_garbage_collection():
        yield


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.workload}-{case.task}")
@pytest.mark.parametrize(("framework", "mode"), MODES)
def test_workload(benchmark: Callable[..., Any], undisturbed: None, case: Case, framework: str, mode: str) -> None:
    try:
        program = _program(framework, mode, case, case.precision, _values(case))
    except Unsupported as reason:
        pytest.skip(str(reason))
    outputs = program.call()
    assert program.wrong_types(outputs) is None
    tolerance = correctness.norm_tolerance(case.precision, case.definition.gradient_reduction(case.parameters))
    # The loss is a sum that cancels; its own tolerance is that of a run's check, here the norm over all results.
    results, reference = program.read(outputs), _reference(case)
    if len(reference) > 1:
        results.pop("loss")
        reference = {name: array for name, array in reference.items() if name != "loss"}
    check = correctness.check_norms("results", results, reference, tolerance)
    assert check.passed, correctness.reason([check])

    function, arguments, synchronize = program.function, program.arguments, program.backend.synchronize

    def call_and_wait() -> None:
        synchronize(function(*arguments))

    benchmark.group = case.text  # type: ignore[attr-defined]
    benchmark.extra_info.update(framework=framework, mode=mode, **case.parameters)  # type: ignore[attr-defined]
    benchmark(call_and_wait)
