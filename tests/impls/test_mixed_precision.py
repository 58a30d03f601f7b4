"""Training in halves: the optimizer's step is not rounded away, and small gradients do not vanish in float16."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from impls.interface import Backend, Implementation, load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw, round_to
from suite.workloads.models.definition import LOSS_SCALE

FRAMEWORKS = [
    pytest.param(each, marks=pytest.mark.xdist_group(f"{each} models")) for each in ("pytorch", "tensorflow", "jax")
]
STEPS = 200
OFF = 0.1
"""Of the way that the loss falls in float64, which a loss rounded to eight bits tells to some percent. Where the parameters
themselves were halves, it fell by half of that in float16, and not at all in bfloat16."""
SMALL = 1e-6
"""Times the loss: gradients of which float16 keeps nothing."""
RATE = 1e4


@cache
def loaded(framework: str) -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    pytest.importorskip({"pytorch": "torch"}.get(framework, framework))
    return load(f"impls.{framework}")


def mode(framework: str) -> str:
    return "jit" if framework == "jax" else "eager"


def program(framework: str, precision: str, **settings: Any) -> ModelProgram:
    backend, implementations = loaded(framework)
    workload = WORKLOADS["mlp"]
    problem = workload.problem("tiny", **settings)
    values = {name: round_to(array, precision) for name, array in draw(workload, problem, seed=0).items()}
    choices: dict[str, Any] = dict(task="train_step", mode=mode(framework), variant="default", device="cpu")
    return ModelProgram(backend, implementations, workload, problem, precision=precision, values=values, **choices)


def fall(framework: str, precision: str) -> float:
    """By how much the loss falls in many small steps."""
    step = program(framework, precision, optimizer="adamw", learning_rate=1e-4)
    losses = [float(step.read(step.call())["loss"]) for _ in range(STEPS)]
    return losses[0] - losses[-1]


def moves(framework: str, precision: str, scale: float) -> np.ndarray:
    """By how much one step moves every entry of the parameters, on gradients of a small loss."""
    made = program(framework, precision)
    models, settings = made.backend.models, dict(learning_rate=RATE, momentum=0.0, weight_decay=0.0)
    before = draw(made.workload, made.problem, seed=0)

    def criterion(*tensors: Any) -> Any:
        return made.criterion(*tensors) * SMALL

    step = models.training(made.model, criterion, made.inputs, mode(framework), "momentum", settings, scale)
    after = made.read(step(*made.arguments))
    return np.concatenate([np.ravel(after[name] - round_to(before[name], precision)) for name in made.differentiated])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_many_small_steps_in_a_half_go_as_far_as_in_float64(framework: str, precision: str) -> None:
    exact = fall(framework, "float64")
    assert exact > 0.1
    assert abs(fall(framework, precision) - exact) < OFF * exact


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_in_float16_small_gradients_are_saved_by_scaling_the_loss(framework: str) -> None:
    exact = moves(framework, "float64", 1.0)
    large = np.abs(exact) > 1e-3  # a float16 of the size of a parameter tells these from nothing
    assert large.sum() > 20
    saved = moves(framework, "float16", LOSS_SCALE["float16"])
    assert np.median(np.abs(saved - exact)[large] / np.abs(exact)[large]) < OFF
    lost = moves(framework, "float16", 1.0)
    assert np.median(np.abs(lost - exact)[large] / np.abs(exact)[large]) > OFF
