from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from impls import interface
from impls.interface import Implementation, Native
from impls.numpy.backend import NumpyBackend
from impls.numpy.convolution import conv2d
from suite.program import Program, Unsupported, definition
from suite.timing import time_block
from suite.workloads import TRANSFORMS, WORKLOADS, Problem
from suite.workloads.draw import draw

_, NUMPY = interface.load("impls.numpy")
CONV2D, LINEAR = WORKLOADS["conv2d"], WORKLOADS["linear"]
Array = np.ndarray


def program(name: str, task: str = "forward", **changes: Any) -> Program:
    """NumPy's program of a `tiny` problem in float64, unless told otherwise."""
    workload, problem = WORKLOADS[name], WORKLOADS[name].problem("tiny")
    choices = dict(task=task, mode="eager", variant="default", precision="float64", device="cpu")
    backend = changes.pop("backend", None) or NumpyBackend()
    implementations = changes.pop("implementations", NUMPY)
    values = changes.pop("values", draw(workload, problem, seed=1))
    return Program(backend, implementations, workload, problem, values=values, **(choices | changes))


def results(made: Program) -> dict[str, Array]:
    return made.read(made.call())


def implementation(workload: str, function: Any, layout: Mapping[str, str] | None = None) -> Implementation:
    return Implementation(workload, "default", function, layout or {}, lambda *request: None)


def conv2d_of_another_layout(
    x: Array, weight: Array, bias: Array, *, stride: int, padding: int, dilation: int, groups: int
) -> tuple[Array, Any]:
    """Channels last, the kernel as H W I O, as TensorFlow has it."""
    y, backward = conv2d(
        x.transpose(0, 3, 1, 2),
        weight.transpose(3, 2, 0, 1),
        bias,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )

    def permuted(dy: Array) -> tuple[Array, Array, Array]:
        dx, dweight, dbias = backward(dy.transpose(0, 3, 1, 2))
        return dx.transpose(0, 2, 3, 1), dweight.transpose(2, 3, 1, 0), dbias

    return y.transpose(0, 2, 3, 1), permuted


CHANNELS_LAST = {
    ("conv2d", "default"): implementation(
        "conv2d", conv2d_of_another_layout, {"x": "N H W C", "weight": "H W I O", "y": "N H W C"}
    )
}


class Recording(NumpyBackend):
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def use(self, precision: str) -> None:
        self.events.append(("use", precision))

    def array(self, values: Array, precision: str, device: str, differentiable: bool = False) -> Array:
        self.events.append(("array", values.shape, precision, device, differentiable))
        return super().array(values, precision, device)

    def synchronize(self, outputs: Sequence[Native]) -> None:
        self.events.append(("synchronize", len(outputs)))


def test_forward_gives_the_outputs_of_the_definition_by_name() -> None:
    problem = CONV2D.problem("tiny")
    values = draw(CONV2D, problem, seed=1)
    y, _ = conv2d(values["x"], values["weight"], values["bias"], stride=2, padding=1, dilation=1, groups=1)
    found = results(program("conv2d"))
    assert list(found) == ["y"]
    assert np.array_equal(found["y"], y)
    assert found["y"].shape == CONV2D.outputs(problem)["y"].shape


def test_gradient_gives_the_loss_and_a_gradient_of_every_floating_argument() -> None:
    found = results(program("conv2d", "gradient"))
    arguments = CONV2D.arguments(CONV2D.problem("tiny"))
    assert list(found) == ["loss", "x", "weight", "bias"]
    assert {name: array.shape for name, array in found.items()} == {
        "loss": (),
        **{name: tensor.shape for name, tensor in arguments.items()},
    }


def test_without_a_loss_the_output_is_contracted_with_the_cotangent() -> None:
    values = draw(LINEAR, LINEAR.problem("tiny"), seed=1)
    y = values["x"] @ values["weight"].T + values["bias"]
    found = results(program("linear", "gradient"))
    assert found["loss"] == pytest.approx((y * values["cotangent.y"]).sum(), rel=1e-14)
    assert found["weight"] == pytest.approx(values["cotangent.y"].T @ values["x"], rel=1e-14)


def test_a_scalar_workload_is_its_own_loss_and_class_numbers_have_no_gradient() -> None:
    found = results(program("softmax_cross_entropy", "gradient"))
    assert list(found) == ["loss", "logits"]
    assert found["loss"] == results(program("softmax_cross_entropy"))["y"]


def transformed(name: str, task: str, **changes: Any) -> dict[str, Array]:
    values = draw(WORKLOADS[name], WORKLOADS[name].problem("tiny"), seed=1, tangents=True)
    return results(program(name, task, values=values, **changes))


def test_a_jvp_gives_the_outputs_and_their_derivatives_along_the_tangents() -> None:
    v = draw(LINEAR, LINEAR.problem("tiny"), seed=1, tangents=True)
    found = transformed("linear", "jvp")
    assert list(found) == ["y", "tangent.y"]
    assert found["y"] == pytest.approx(v["x"] @ v["weight"].T + v["bias"], rel=1e-14)
    moved = v["tangent.x"] @ v["weight"].T + v["x"] @ v["tangent.weight"].T + v["tangent.bias"]
    assert found["tangent.y"] == pytest.approx(moved, rel=1e-13)


def test_an_hvp_gives_the_gradients_and_their_derivatives_along_the_tangents() -> None:
    v = draw(LINEAR, LINEAR.problem("tiny"), seed=1, tangents=True)
    found = transformed("linear", "hvp")
    assert list(found) == ["x", "weight", "bias", "tangent.x", "tangent.weight", "tangent.bias"]
    assert found["weight"] == pytest.approx(v["cotangent.y"].T @ v["x"], rel=1e-13)
    assert found["tangent.weight"] == pytest.approx(v["cotangent.y"].T @ v["tangent.x"], rel=1e-9)
    assert found["tangent.bias"] == pytest.approx(np.zeros(4), abs=1e-9)


def test_second_derivatives_by_differences_are_right_to_more_than_the_square_of_the_step() -> None:
    softplus = WORKLOADS["softplus"]
    v = draw(softplus, softplus.problem("tiny"), seed=1, tangents=True)
    share = 1 / (1 + np.exp(-v["x"]))
    expected = v["cotangent.y"] * share * (1 - share) * v["tangent.x"]
    error = np.abs(transformed("softplus", "hvp")["tangent.x"] - expected).max()
    assert error / np.abs(v["cotangent.y"]).max() < 2e-11


def test_a_jacobian_has_the_outputs_axes_before_those_of_the_argument() -> None:
    v = draw(LINEAR, LINEAR.problem("tiny"), seed=1)
    found = transformed("linear", "jacobian")
    assert list(found) == ["y by x", "y by weight", "y by bias"]
    assert found["y by x"].shape == (3, 4, 3, 5)
    assert found["y by x"] == pytest.approx(np.einsum("oi,bc->boci", v["weight"], np.eye(3)))


def test_the_gradients_of_all_examples_sum_to_the_gradient_where_the_loss_is_a_sum() -> None:
    found, whole = transformed("linear", "per_example_gradient"), results(program("linear", "gradient"))
    assert list(found) == ["loss", "weight", "bias"]
    assert found["weight"].shape == (3, 4, 5)
    assert all(found[name].sum(axis=0) == pytest.approx(whole[name], rel=1e-12) for name in found)


@pytest.mark.parametrize("task", TRANSFORMS)
def test_a_transform_comes_back_in_the_definitions_axes_whatever_the_layout(task: str) -> None:
    expected = transformed("conv2d", task)
    found = transformed("conv2d", task, implementations=CHANNELS_LAST)
    assert list(found) == list(expected)
    for name in expected:
        assert found[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-9)


def test_statistics_have_no_derivative() -> None:
    assert list(transformed("batch_norm", "jvp")) == ["y", "tangent.y"]


def test_the_drawn_values_are_left_as_they_were() -> None:
    values = draw(LINEAR, LINEAR.problem("tiny"), seed=1)
    same = {name: array.copy() for name, array in values.items()}
    program("linear", "gradient", values=values).call()
    assert all(np.array_equal(values[name], same[name]) for name in values)


@pytest.mark.parametrize("task", ["forward", "gradient"])
def test_an_implementation_of_another_layout_gives_the_same_results(task: str) -> None:
    expected = results(program("conv2d", task))
    found = results(program("conv2d", task, implementations=CHANNELS_LAST))
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        assert found[name] == pytest.approx(array, rel=1e-13)


def test_an_implementation_sees_its_own_layout_in_contiguous_arrays() -> None:
    arguments = program("conv2d", "gradient", implementations=CHANNELS_LAST).arguments
    # x as N H W C, weight as H W I O, bias, and the cotangent like y.
    assert [argument.shape for argument in arguments] == [(2, 7, 7, 4), (3, 3, 4, 6), (6,), (2, 4, 4, 6)]
    assert all(argument.flags.c_contiguous for argument in arguments)


def test_value_and_gradient_convert_both_ways_at_other_values() -> None:
    values = draw(CONV2D, CONV2D.problem("tiny"), seed=8)
    loss, gradient = program("conv2d", "gradient").value_and_gradient(values)
    own_loss, own_gradient = program("conv2d", "gradient", implementations=CHANNELS_LAST).value_and_gradient(values)
    assert isinstance(own_loss, float)
    assert own_loss == pytest.approx(loss, rel=1e-13)
    assert list(own_gradient) == ["x", "weight", "bias"]
    for name, array in gradient.items():
        assert own_gradient[name] == pytest.approx(array, rel=1e-13)
    assert loss != pytest.approx(float(results(program("conv2d", "gradient"))["loss"]))


class WithForwardMode(NumpyBackend):
    """NumPy's products with the Jacobian, by its rows, taken for forward mode."""

    forward_mode = True


@pytest.mark.parametrize("implementations", [NUMPY, CHANNELS_LAST], ids=["same layout", "another layout"])
def test_the_directional_derivative_gets_its_direction_in_the_layout_of_the_arguments(
    implementations: dict[tuple[str, str], Implementation],
) -> None:
    values = draw(CONV2D, CONV2D.problem("tiny"), seed=1)
    rng = np.random.default_rng(0)
    direction = {name: rng.standard_normal(values[name].shape) for name in ("x", "weight", "bias")}
    _, gradient = program("conv2d", "gradient").value_and_gradient(values)
    made = program("conv2d", "gradient", implementations=implementations, backend=WithForwardMode())
    expected = sum(np.vdot(gradient[name], array) for name, array in direction.items())
    assert made.directional(values, direction) == pytest.approx(expected, rel=1e-12)


def test_a_backend_without_forward_mode_gives_no_directional_derivative() -> None:
    made = program("linear", "gradient")
    values = draw(LINEAR, LINEAR.problem("tiny"), seed=1)
    assert made.directional(values, values) is None


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_results_is_refused(count: int) -> None:
    made = program("linear", "gradient")
    outputs = (made.call() * 2)[:count]
    with pytest.raises(ValueError, match=f"{count} results came, not the 4 of the definition"):
        made.read(outputs)


def test_an_implementation_with_a_result_too_many_is_refused() -> None:
    def two_results(x: Array, weight: Array, bias: Array) -> tuple[Any, Any]:
        return (x, x), None

    made = program("linear", implementations={("linear", "default"): implementation("linear", two_results)})
    with pytest.raises(ValueError, match="2 results came, not the 1 of the definition"):
        made.read(made.call())


def refusal(name: str = "conv2d", **changes: Any) -> str:
    with pytest.raises(Unsupported) as error:
        program(name, **changes)
    return str(error.value)


def test_an_unknown_variant_is_unsupported_and_those_there_are_are_named() -> None:
    one = NUMPY["conv2d", "default"]
    both = {("conv2d", "default"): one, ("conv2d", "channels_last"): CHANNELS_LAST["conv2d", "default"]}
    assert refusal(implementations=both, variant="winograd") == (
        "conv2d has no implementation 'winograd' here (there is: default, channels_last)"
    )


def test_a_workload_that_a_framework_does_not_implement_is_unsupported() -> None:
    assert refusal("linear", implementations=CHANNELS_LAST) == (
        "linear has no implementation 'default' here (there is: none)"
    )


def test_a_mode_that_a_framework_has_not_is_unsupported() -> None:
    assert refusal(mode="jit") == "there is no mode jit here (there is: eager)"


def test_the_backends_reason_comes_first_and_then_the_implementations_own() -> None:
    def not_grouped(problem: Problem, task: str, mode: str, precision: str) -> str | None:
        return f"no {task} in {mode} of {precision} with {problem.size} rows"

    picky = {("conv2d", "default"): Implementation("conv2d", "default", conv2d, {}, not_grouped)}
    assert refusal(implementations=picky) == "no forward in eager of float64 with 7 rows"
    assert refusal(implementations=picky, precision="bfloat16") == "NumPy has no fast bfloat16 arithmetic"
    assert refusal(device="cuda") == "NumPy computes on the CPU only"


def test_results_of_the_precision_that_was_asked_for_are_right() -> None:
    for precision in ("float64", "float32"):
        for task in ("forward", "gradient"):
            made = program("linear", task, precision=precision)
            assert made.wrong_types(made.call()) is None


def test_float32_hidden_in_a_float64_result_is_told() -> None:
    def narrow(x: Array, weight: Array, bias: Array) -> tuple[Array, Any]:
        return (x @ weight.T + bias).astype(np.float32), None

    made = program("linear", implementations={("linear", "default"): implementation("linear", narrow)})
    assert made.wrong_types(made.call()) == "y came as float32, not as float64"


def test_float32_hidden_in_one_gradient_is_told_by_name() -> None:
    made = program("linear", "gradient")
    loss, x, weight, bias = made.call()
    assert made.wrong_types((loss, x, weight.astype(np.float32), bias)) == "weight came as float32, not as float64"


class WithTensorCores(NumpyBackend):
    def unsupported(self, precision: str, device: str) -> str | None:
        return None

    def array(self, values: Array, precision: str, device: str, differentiable: bool = False) -> Array:
        return super().array(values, "float32", device)


def test_tf32_comes_as_float32() -> None:
    made = program("linear", precision="tf32", backend=WithTensorCores())
    outputs = made.call()
    assert made.wrong_types(outputs) is None
    assert made.wrong_types((outputs[0].astype(np.float64),)) == "y came as float64, not as float32"


def test_the_precision_is_switched_before_any_array_is_made() -> None:
    backend = Recording()
    program("linear", precision="float32", backend=backend)
    assert backend.events[0] == ("use", "float32")
    assert [event[2:4] for event in backend.events if event[0] == "array"] == [("float32", "cpu")] * 3


@pytest.mark.parametrize(
    ("task", "flags"),
    [
        # x, weight, bias and, for the gradient, the cotangent
        ("forward", [False] * 3),
        ("gradient", [True] * 3 + [False]),
    ],
)
def test_only_what_is_differentiated_is_marked_so(task: str, flags: list[bool]) -> None:
    backend = Recording()
    made = program("linear", task, backend=backend)
    assert [event[4] for event in backend.events if event[0] == "array"] == flags
    assert made.positions == [0, 1, 2]


def test_a_call_synchronises_every_output() -> None:
    backend = Recording()
    made = program("linear", "gradient", backend=backend)
    made.call()
    assert backend.events[-1] == ("synchronize", 4)


def test_the_timed_work_is_that_of_the_program() -> None:
    backend = Recording()
    made = program("linear", "gradient", backend=backend)
    made_until = len(backend.events)
    time_block(made.timed(), 3)
    assert backend.events[made_until:] == [("synchronize", 4)], "no conversion is timed"
    assert made.read(made.timed().function(*made.timed().arguments)).keys() == results(made).keys()


def test_a_definition_is_found_from_what_a_message_holds() -> None:
    workload, problem = definition("conv2d", dict(CONV2D.problem("tiny")))
    assert workload is CONV2D
    assert problem.text() == CONV2D.problem("tiny").text()
