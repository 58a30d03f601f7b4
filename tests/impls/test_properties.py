"""Any problem of any workload: refused with a sentence, or computed alike by every framework and the oracle.

TRIPTYCH_EXAMPLES says how many problems of each workload are tried; the few that it is by default are always the same.
"""

from __future__ import annotations

import math
import os
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impls import interface
from suite import correctness, sources
from suite.checking import CALL_TIMEOUT_S
from suite.errors import UsageError
from suite.program import Program
from suite.protocol import load_arrays
from suite.workers import CellFailed, Workers
from suite.workloads import WORKLOADS, Problem, Workload
from suite.workloads.draw import COTANGENT, checksum, draw
from tests.impls.modes import PROVING
from tests.impls.problems import OPERATIONS, allowed, changed

BACKEND, NUMPY = interface.load("impls.numpy")
Arrays = dict[str, np.ndarray]

EXAMPLES = int(os.environ.get("TRIPTYCH_EXAMPLES", "3"))
COLUMNS = [
    pytest.param(name, framework, marks=pytest.mark.xdist_group(framework))
    for framework in PROVING
    if framework != "numpy"
    for name in OPERATIONS
]
a_few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    # Of some workloads most problems are refused, and a framework may first have to be imported.
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def _tasks(definition: Workload, problem: Problem) -> list[str]:
    """`gradient`, whose loss holds every result; `forward` where there is none, or a result that no gradient flows from."""
    found = ["gradient"] if "gradient" in definition.tasks else []
    is_whole = found and definition.cotangents(problem).keys() == definition.outputs(problem).keys()
    return found if is_whole else ["forward", *found]


def _oracle(definition: Workload, problem: Problem, task: str, values: Arrays) -> Arrays:
    how = dict(task=task, mode="eager", variant="default", precision="float64", device="cpu")
    program = Program(BACKEND, NUMPY, definition, problem, values=values, **how)
    return program.read(program.call())


def _contracted(definition: Workload, problem: Problem, values: Arrays) -> float:
    """What the terms of the loss sum up to at most: ‖y‖ ‖c‖, with the drawn cotangents c; 0 where there are none."""
    results = _oracle(definition, problem, "forward", values)
    cotangents = {name: values[COTANGENT + name] for name in results if COTANGENT + name in values}
    return sum(float(np.linalg.norm(results[name]) * np.linalg.norm(c)) for name, c in cotangents.items())


def _computed(workers: Workers, framework: str, task: str, variant: str) -> Arrays | None:
    """The framework's results for the open case; None where it says that it cannot compute it."""
    folder, key = workers.scratch.arrays("results"), f"{task} {variant}"
    cell = dict(key=key, task=task, mode=PROVING[framework], variant=variant, folder=str(folder))
    try:
        reply = workers.ask(framework, "build", CALL_TIMEOUT_S, **cell)
    except CellFailed as failure:
        assert failure.status == "unsupported", f"{key}: {failure}"
        return None
    assert reply["types"] is None
    return load_arrays(folder, reply["names"])


@pytest.mark.parametrize(("workload", "framework"), COLUMNS)
@given(data=st.data())
@a_few
def test_any_allowed_problem_is_computed_alike_by_all_variants_and_the_oracle(
    workers: Workers, workload: str, framework: str, data: st.DataObject
) -> None:
    definition = WORKLOADS[workload]
    problem = data.draw(allowed(definition))
    values = draw(definition, problem, seed=0)
    case = dict(workload=workload, parameters=dict(problem), seed=0, tangents=False, precision="float64", device="cpu")
    assert workers.ask(framework, "open_case", CALL_TIMEOUT_S, **case)["checksum"] == checksum(values)
    tolerance = correctness.FLOAT64_AGREEMENT * definition.cost(problem).condition
    variants = [found.variant for found in sources.sources(f"impls.{framework}") if found.workload == workload]
    whole = _contracted(definition, problem, values)
    for task in _tasks(definition, problem):
        expected = _oracle(definition, problem, task, values)
        for variant in variants:
            found = _computed(workers, framework, task, variant)
            if found is not None:
                check = correctness.check_norms(f"{task} {variant}", found, expected, tolerance, {"loss": whole})
                assert correctness.reason([check]) == ""


@pytest.mark.parametrize("workload", WORKLOADS)
@given(data=st.data())
@settings(a_few, max_examples=10 * EXAMPLES)
def test_any_problem_is_refused_with_a_sentence_or_has_tensors_and_a_cost(workload: str, data: st.DataObject) -> None:
    definition = WORKLOADS[workload]
    changes = data.draw(changed(definition, wild=True))
    try:
        problem = definition.problem("tiny", **changes)
    except UsageError as error:
        assert re.fullmatch(rf"{workload}\[.+\] makes no sense: \w.+\w\)?|there is no \w+ of {workload} .+", str(error))
        return
    for tensor in (definition.tensors(problem) | definition.outputs(problem)).values():
        assert len(tensor.shape) == len(tensor.axes.split())
        assert all(size >= 1 for size in tensor.shape)
    cost = definition.cost(problem)
    assert 0 <= cost.flops < math.inf
    assert cost.reduction >= 1
    assert 1 <= cost.condition < math.inf
