"""No model magnifies rounding errors by more than its definition's condition allows for: neither its gradient, nor ten
steps of training, in which a model that begins badly scaled is chaotic, and correct frameworks part ways.

Both are measured: every parameter and input is changed by a share of itself, at random, and the oracle computes again.
"""

from __future__ import annotations

import numpy as np
import pytest

from impls.interface import load
from suite import correctness
from suite.checking import STEPS
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS, Problem, Workload
from suite.workloads.draw import draw

MODELS = [name for name, workload in WORKLOADS.items() if workload.network]
CHANGE = 1e-10
GRADIENT, TRAINING = 100, 1000
"""By how much a change may grow, times the condition. What rounding is allowed grows by the root of all sums in the model,
which is of this order. Ten steps may not lose more than three of the eight digits between 1e-16 and 1e-8."""
NUMPY, ORACLE = load("impls.numpy")
Arrays = dict[str, np.ndarray]


def results(workload: Workload, problem: Problem, task: str, values: Arrays, calls: int) -> list[Arrays]:
    choices = dict(mode="eager", variant="default", precision="float64", device="cpu")
    own = {name: array.copy() for name, array in values.items()}
    program = ModelProgram(NUMPY, ORACLE, workload, problem, task=task, values=own, **choices)
    return [program.read(program.call()) for _ in range(calls)]


def changed(workload: Workload, problem: Problem, values: Arrays) -> Arrays:
    rng = np.random.default_rng(1)
    moving = {n for n, t in workload.tensors(problem).items() if t.role in ("parameter", "input")}
    return {
        name: array * (1 + CHANGE * rng.standard_normal(array.shape))
        if name in moving and array.dtype.kind == "f"
        else array
        for name, array in values.items()
    }


def growth(workload: Workload, problem: Problem, task: str, calls: int) -> float:
    values = draw(workload, problem, seed=0)
    before = results(workload, problem, task, values, calls)[-1]
    after = results(workload, problem, task, changed(workload, problem, values), calls)[-1]
    parameters = workload.differentiable(problem)
    scales = correctness.scales(task, "float64", before, parameters)
    wanted = {name: before[name] for name in parameters}
    check = correctness.check_norms(task, after, wanted, 1.0, scales)
    assert check.error is not None, check.detail
    return check.error / CHANGE


@pytest.mark.parametrize("name", MODELS)
def test_a_gradient_magnifies_errors_no_more_than_the_definition_says(name: str) -> None:
    problem = WORKLOADS[name].problem("tiny")
    assert growth(WORKLOADS[name], problem, "gradient", 1) <= GRADIENT * WORKLOADS[name].cost(problem).condition


@pytest.mark.parametrize("name", MODELS)
def test_ten_steps_of_training_are_not_chaotic(name: str) -> None:
    assert growth(WORKLOADS[name], WORKLOADS[name].problem("tiny"), "train_step", STEPS) <= TRAINING


def test_a_model_that_trains_too_fast_is_chaotic() -> None:
    mobilenet = WORKLOADS["mobilenet_v2"]
    assert growth(mobilenet, mobilenet.problem("tiny", learning_rate=0.1), "train_step", STEPS) > TRAINING


@pytest.mark.parametrize("name", MODELS)
def test_ten_steps_of_training_at_small_stay_finite(name: str) -> None:
    workload = WORKLOADS[name]
    problem = workload.problem("small")
    losses = [step["loss"] for step in results(workload, problem, "train_step", draw(workload, problem, seed=0), STEPS)]
    assert np.isfinite(losses).all()
