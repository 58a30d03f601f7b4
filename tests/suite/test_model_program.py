from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from impls import interface
from impls.numpy.backend import NumpyBackend
from impls.numpy.losses import softmax_cross_entropy
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw
from suite.workloads.models.definition import OPTIMIZERS

_, NUMPY = interface.load("impls.numpy")
Array = np.ndarray
PARAMETERS = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
MLP = WORKLOADS["mlp"]


def values(name: str = "mlp") -> dict[str, Array]:
    return draw(WORKLOADS[name], WORKLOADS[name].problem("tiny"), seed=1)


def program(
    name: str = "mlp", task: str = "forward", given: dict[str, Array] | None = None, **changes: Any
) -> ModelProgram:
    """NumPy's program of a `tiny` problem in float64."""
    workload = WORKLOADS[name]
    choices: dict[str, Any] = dict(mode="eager", variant="default", precision="float64", device="cpu")
    drawn = values(name) if given is None else given
    problem = workload.problem("tiny", **changes)
    return ModelProgram(NumpyBackend(), NUMPY, workload, problem, task=task, values=drawn, **choices)


def results(made: ModelProgram) -> dict[str, Array]:
    return made.read(made.call())


def test_forward_is_what_the_layers_are() -> None:
    v = values()
    hidden = np.maximum(v["x"] @ v["fc1.weight"].T + v["fc1.bias"], 0)
    assert results(program())["y"] == pytest.approx(hidden @ v["fc2.weight"].T + v["fc2.bias"], rel=1e-14)


def test_the_gradient_is_of_the_loss_by_every_parameter() -> None:
    v = values()
    found = results(program(task="gradient"))
    loss, _ = softmax_cross_entropy(results(program())["y"], v["labels"])
    assert list(found) == ["loss", *PARAMETERS]
    assert found["loss"] == pytest.approx(float(loss), rel=1e-14)
    assert [found[name].shape for name in PARAMETERS] == [v[name].shape for name in PARAMETERS]


def test_a_step_of_momentum_begins_as_gradient_descent_with_weight_decay() -> None:
    v, gradient, found = values(), results(program(task="gradient")), results(program(task="train_step"))
    rate, decay = 0.01, OPTIMIZERS["momentum"]["weight_decay"]
    assert found["loss"] == gradient["loss"]
    for name in PARAMETERS:
        assert found[name] == pytest.approx(v[name] - rate * (gradient[name] + decay * v[name]), rel=1e-14)


def test_the_next_step_remembers_the_velocity() -> None:
    v, made = values(), program(task="train_step")
    first = results(made)
    second = results(made)
    momentum, decay = OPTIMIZERS["momentum"]["momentum"], OPTIMIZERS["momentum"]["weight_decay"]
    there = results(program(task="gradient", given={**v, **first}))
    for name in PARAMETERS:
        velocity = (v[name] - first[name]) / 0.01
        moved = momentum * velocity + there[name] + decay * first[name]
        assert second[name] == pytest.approx(first[name] - 0.01 * moved, rel=1e-12)


def test_a_step_of_adamw_begins_with_the_learning_rate_in_the_direction_of_the_gradients_sign() -> None:
    v, gradient = values(), results(program(task="gradient"))
    found = results(program(task="train_step", optimizer="adamw"))
    rate, decay = 0.01, OPTIMIZERS["adamw"]["weight_decay"]
    for name in PARAMETERS:
        clear = np.abs(gradient[name]) > 1e-4
        moved = v[name] * (1 - rate * decay) - rate * np.sign(gradient[name])
        assert found[name][clear] == pytest.approx(moved[clear], rel=1e-4)


def test_training_goes_on_from_where_the_last_step_ended() -> None:
    made = program(task="train_step")
    losses = [float(results(made)["loss"]) for _ in range(20)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_step_is_called_with_the_data_alone() -> None:
    assert [argument.shape for argument in program(task="train_step").arguments] == [(4, 6), (4,)]


def test_masks_are_data_of_training_only() -> None:
    masks = [name for name, tensor in WORKLOADS["deep_mlp"].tensors(WORKLOADS["deep_mlp"].problem("tiny")).items()]
    masks = [name for name in masks if name.endswith(".mask")]
    assert len(program("deep_mlp").arguments) == 1
    assert len(program("deep_mlp", "gradient").arguments) == 1 + len(masks) + 1


def test_states_come_after_the_parameters_and_have_moved() -> None:
    found = results(program("deep_mlp", "gradient"))
    states = list(WORKLOADS["deep_mlp"].states(WORKLOADS["deep_mlp"].problem("tiny")))
    assert list(found)[-len(states) :] == states
    assert all(not np.allclose(found[name], values("deep_mlp")[name]) for name in states)


def test_inference_is_by_the_running_statistics() -> None:
    first = results(program("deep_mlp"))["y"]
    moved = {**values("deep_mlp"), "bn1.running_mean": values("deep_mlp")["bn1.running_mean"] + 1}
    assert not np.allclose(results(program("deep_mlp", given=moved))["y"], first)


@pytest.mark.parametrize("task", ["forward", "gradient", "train_step"])
def test_the_drawn_values_are_left_as_they_were(task: str) -> None:
    given = values("deep_mlp")
    same = {name: array.copy() for name, array in given.items()}
    made = program("deep_mlp", task, given=given)
    made.call()
    made.call()
    assert all(np.array_equal(given[name], same[name]) for name in given)


@pytest.mark.parametrize("task", ["forward", "gradient", "train_step"])
def test_results_have_the_precision_that_was_asked_for(task: str) -> None:
    made = program("deep_mlp", task)
    assert made.wrong_types(made.call()) is None


def test_value_and_gradient_are_of_the_values_that_are_given() -> None:
    made, other = program(task="gradient"), draw(MLP, MLP.problem("tiny"), seed=2)
    loss, gradient = made.value_and_gradient({**values(), **{name: other[name] for name in PARAMETERS}})
    there = results(program(task="gradient", given={**values(), **{name: other[name] for name in PARAMETERS}}))
    assert loss == pytest.approx(float(there["loss"]), rel=1e-14)
    assert all(gradient[name] == pytest.approx(there[name], rel=1e-13) for name in PARAMETERS)


def test_layers_are_named_by_the_definition_and_their_derivatives_are_those_of_the_loss() -> None:
    made = program(task="gradient")
    layers, found = made.layers(), results(program(task="gradient"))
    assert {"forward fc1", "backward fc1", "forward fc2", "backward fc2"} <= set(layers)
    assert layers["backward fc2"].sum(axis=0) == pytest.approx(found["fc2.bias"], rel=1e-12)
    assert layers["backward fc2"].T @ layers["forward relu"] == pytest.approx(found["fc2.weight"], rel=1e-12)
