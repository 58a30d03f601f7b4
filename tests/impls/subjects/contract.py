"""What the subject of every framework must do, shown on one network: y = tanh(x A + a) B + b, and the mean of (y − t)².

Each framework's module in this folder makes it: `subject()`, with `ARRAYS` for its weights, inputs and targets, the weights
as its parameters in this order, and a snapshot that gives the weights themselves.
"""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Subject

_draw = np.random.default_rng(0)
ARRAYS = {
    name: _draw.standard_normal(shape).astype(np.float32)
    for name, shape in {"A": (4, 3), "a": (3,), "B": (3, 2), "b": (2,), "x": (5, 4), "t": (5, 2)}.items()
}


def expected() -> tuple[Array, float, list[Array]]:
    """Outputs, loss and the gradients of A, a, B, b and x, in float64."""
    first, first_bias, second, second_bias, x, t = (each.astype(np.float64) for each in ARRAYS.values())
    hidden = np.tanh(x @ first + first_bias)
    y = hidden @ second + second_bias
    of_y = 2 * (y - t) / y.size
    of_sum = of_y @ second.T * (1 - hidden**2)
    return (
        y,
        float(np.mean((y - t) ** 2)),
        [x.T @ of_sum, of_sum.sum(0), hidden.T @ of_y, of_y.sum(0), of_sum @ first.T],
    )


def near(found: Array | None, wanted: Array, tolerance: float) -> bool:
    """Weights may lie transposed, as in PyTorch."""
    assert found is not None
    return any(
        each.shape == wanted.shape and np.allclose(each, wanted, rtol=tolerance, atol=tolerance)
        for each in (found, found.T)
    )


def check_parameters_come_in_their_order_under_names_of_their_own(subject: Subject) -> None:
    found = subject.parameters()
    assert all(near(values, ARRAYS[name], 0) for name, values in zip("AaBb", found.values(), strict=True)), found
    assert subject.states() == {}
    assert subject.strays() == []


def check_a_call_gives_the_outputs(subject: Subject) -> None:
    (found,) = subject.call(subject.inputs())
    assert found.dtype == np.float32
    assert near(found, expected()[0], 1e-5)


def check_gradients_are_those_of_the_loss(subject: Subject) -> None:
    found = subject.gradients(subject.inputs(), subject.targets())
    _, loss, gradients = expected()
    assert abs(found.loss - loss) < 1e-5
    assert subject.loss(subject.inputs(), subject.targets()) == found.loss
    every = [*found.parameters.values(), *found.inputs]
    assert all(near(one, other, 1e-5) for one, other in zip(every, gradients, strict=True))


def check_in_float64_it_is_another_model_with_the_same_weights(subject: Subject) -> None:
    other = subject.in_precision("float64")
    assert list(other.parameters()) == list(subject.parameters())
    (found,) = other.call(other.inputs())
    assert found.dtype == np.float64
    assert near(found, expected()[0], 1e-12)
    other.load({name: 0 * values for name, values in other.parameters().items()})
    assert near(subject.call(subject.inputs())[0], expected()[0], 1e-5)


def check_what_is_loaded_is_what_it_computes_with(subject: Subject) -> None:
    name = list(subject.parameters())[-1]
    subject.load({name: np.full(2, 7, np.float32)})
    assert np.array_equal(subject.parameters()[name], [7, 7])
    assert near(subject.call(subject.inputs())[0], expected()[0] - ARRAYS["b"] + 7, 1e-5)


def check_operations_tell_where_values_come_from(subject: Subject) -> None:
    operations = subject.operations(subject.inputs(), subject.targets())
    assert {each.phase for each in operations} == {"forward", "loss"}
    products = [each for each in operations if each.name == "product"]
    (tanh,) = [each for each in operations if each.name == "tanh"]
    names = list(subject.parameters())
    assert [subject.token(names[0]) in each.input_tokens for each in products] == [True, False]
    assert [subject.token(names[2]) in each.input_tokens for each in products] == [False, True]
    assert tanh.output_tokens[0] in products[1].input_tokens
    assert any(subject.token(names[3]) in each.input_tokens for each in operations)
    assert any(near(values, expected()[0], 1e-5) for each in operations for values in each.outputs)
    assert all(each.where for each in operations)


def check_operations_of_the_backward_pass_come_last(subject: Subject) -> None:
    phases = [each.phase for each in subject.operations(subject.inputs(), subject.targets(), backward=True)]
    assert phases == sorted(phases, key=["forward", "loss", "backward"].index)
    assert phases.count("backward") > 5


def check_steps_lower_the_loss(subject: Subject) -> None:
    before = subject.parameters()
    losses = [subject.step(subject.inputs(), subject.targets()) for _ in range(30)]
    assert abs(losses[0] - expected()[1]) < 1e-5
    assert losses[-1] < 0.8 * losses[0]
    assert not any(np.array_equal(before[name], values) for name, values in subject.parameters().items())


def check_a_first_step_of_adam_has_the_size_of_the_learning_rate(subject: Subject) -> None:
    before = subject.parameters()
    subject.step(subject.inputs(), subject.targets())
    for name, values in subject.parameters().items():
        assert np.allclose(np.abs(values - before[name]), 1e-2, rtol=1e-2), name


def live_snapshot_moves(subject: Subject) -> None:
    """Where weights change in place: for the modules of those frameworks."""
    kept = subject.kept()
    before = kept()
    subject.step(subject.inputs(), subject.targets())
    assert not any(np.array_equal(one, other) for one, other in zip(before, kept(), strict=True))
