"""What only JAX's subject must do, and its part of the contract."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from impls.jax.subject import JaxSubject
from impls.subject import Array, Operation, Specimen, Subject, Unfit
from tests.impls.subjects.contract import ARRAYS

X = ARRAYS["x"]
TABLE = jnp.linspace(-1, 1, 12).reshape(4, 3)


def network(parameters: list[dict[str, Any]], x: jax.Array) -> jax.Array:
    first, second = parameters
    return jnp.tanh(x @ first["weight"] + first["bias"]) @ second["weight"] + second["bias"]


def mean_square(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    return ((outputs - targets) ** 2).mean()


def layers() -> list[dict[str, Any]]:
    return [{"weight": ARRAYS[a], "bias": ARRAYS[b]} for a, b in ("Aa", "Bb")]


def subject() -> Subject:
    return made(network, X, parameters=layers(), targets=(ARRAYS["t"],), loss=mean_square)


def made(model: Callable[..., Any], *inputs: np.ndarray, **more: Any) -> JaxSubject:
    return JaxSubject(lambda: Specimen(model, inputs or (X,), **more))


def operations(found: Subject, **how: bool) -> list[Operation]:
    return found.operations(found.inputs(), found.targets(), **how)


def gradient(found: Subject) -> Array:
    """That of the first parameter."""
    values = next(iter(found.gradients(found.inputs(), found.targets()).parameters.values()))
    assert values is not None
    return values


def unfit(wanted: Callable[[], Any]) -> str:
    try:
        wanted()
    except Unfit as reason:
        return str(reason)
    raise AssertionError("it is said to be fit")


def check_parameters_are_named_by_their_path_in_the_order_in_which_they_are_used() -> None:
    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        return (x @ parameters["z"][1]["w"]) @ parameters["a"]

    weights = {"a": np.eye(4, dtype=np.float32), "b": np.ones(2, np.float32), "stride": 2}
    found = made(jax.jit(model, static_argnums=()), parameters={**weights, "z": [None, {"w": np.eye(4)}]})
    assert list(found.parameters()) == ["z.1.w", "a", "b"]
    gradients = found.gradients(found.inputs(), []).parameters
    assert gradients["b"] is None
    assert gradients["a"] is not None and gradients["a"].any()


def check_a_gradient_of_zeros_that_were_computed_is_one() -> None:
    found = made(lambda p, x: jax.nn.relu(x @ p["a"] - 100), parameters={"a": np.eye(4)})
    assert not gradient(found).any()


def check_float64_is_switched_on_for_one_subject_only() -> None:
    single = subject()
    double = single.in_precision("float64")
    for _ in range(2):
        assert double.call(double.inputs())[0].dtype == np.float64
        assert single.call(single.inputs())[0].dtype == np.float32
        assert gradient(double).dtype == np.float64
        assert {each.dtype.name for one in operations(double, backward=True) for each in one.outputs} == {"float64"}
        assert jnp.ones(1).dtype == np.float32
    assert not jax.config.jax_enable_x64
    double.step(double.inputs(), double.targets())
    assert double.parameters()["0.weight"].dtype == np.float64
    half = single.in_precision("float16")
    assert gradient(half).dtype == np.float16


def check_operations_bear_the_names_that_probes_know() -> None:
    def model(x: jax.Array) -> jax.Array:
        powers = jnp.exp(x - x.max(-1, keepdims=True))
        written_out = powers / powers.sum(-1, keepdims=True)
        shifted = written_out - jax.nn.logsumexp(written_out, -1, keepdims=True)
        y = jax.nn.log_softmax(jax.nn.softmax(shifted))
        y = jax.nn.relu(y) - jnp.maximum(y, 0) * jax.nn.sigmoid(y) / 2 + jnp.square(y) + y**2
        return y + jax.random.normal(jax.random.key(0), (4,)) + jnp.broadcast_to(y[:1] @ TABLE[:, :1], y.shape)

    found = operations(made(model))
    names = [each.name for each in found]
    softmaxes = [each for each in found if "softmax" in each.name]
    assert [each.name for each in softmaxes] == ["softmax", "log_softmax", "softmax", "log_softmax"]
    pairs = itertools.pairwise(softmaxes)
    assert all(before.output_tokens == after.input_tokens for before, after in pairs)
    assert names.count("relu") == names.count("square") == 2
    assert names.count("random") == names.count("product") == 1
    assert {"sigmoid", "multiply", "divide", "subtract", "add", "expand"} <= set(names)


def check_what_only_rearranges_keeps_its_token() -> None:
    def model(x: jax.Array) -> jax.Array:
        y = jax.nn.relu(x)[1:, None].astype(jnp.float16).astype(jnp.float32)
        return jnp.sin(jax.lax.stop_gradient(jnp.flip(y.reshape(-1, 4).T, 0)))

    found = operations(made(model))
    (relu,) = [each for each in found if each.name == "relu"]
    (sine,) = [each for each in found if each.name == "sin"]
    assert relu.output_tokens == sine.input_tokens


def check_calls_scans_loops_and_branches_are_run_step_by_step() -> None:
    @jax.custom_jvp
    def twice(x: jax.Array) -> jax.Array:
        return x * 2

    twice.defjvp(lambda given, tangents: (twice(*given), 2 * tangents[0]))

    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        y, rows = jax.lax.scan(lambda carry, row: (jnp.sin(carry + row), carry), x[0], x)
        y = jax.lax.cond(y.sum() > 100, jnp.exp, jnp.cos, y)
        y = jax.lax.while_loop(lambda held: held.max() < 5, lambda held: held * 2 + 1, y)
        return twice(jax.jit(jax.checkpoint(jnp.tanh))(y + rows)) @ parameters["w"]

    found = made(model, parameters={"w": np.eye(4)})
    seen = operations(found)
    names = [each.name for each in seen]
    assert (names.count("sin"), names.count("cos"), names.count("exp"), names.count("tanh")) == (5, 1, 0, 1)
    (output,) = found.call(found.inputs())
    assert np.array_equal(seen[-1].outputs[0], operations(found)[-1].outputs[0])
    assert any(np.allclose(output, each.outputs[0]) for each in seen if each.name == "product")
    assert not {"scan", "while", "cond", "jit", "checkpoint", "custom_jvp_call"} & set(names)


def check_the_backward_pass_holds_nothing_of_the_forward_pass() -> None:
    found = operations(subject(), backward=True)
    names = [each.name for each in found if each.phase == "backward"]
    assert "tanh" not in names
    assert names.count("product") == 4  # the gradients of x, of both weights and of what lies between
    assert all(each.where.endswith("backward") for each in found if each.phase == "backward")
    (tanh,) = [each for each in found if each.name == "tanh"]
    assert any(tanh.output_tokens[0] in each.input_tokens for each in found if each.phase == "backward")


def check_an_operation_is_placed_in_the_line_of_the_person() -> None:
    def first(x: jax.Array) -> jax.Array:
        return jnp.var(x, 1, keepdims=True)

    def second(x: jax.Array) -> jax.Array:
        return jnp.var(x, 1, keepdims=True)

    found = operations(made(lambda x: second(first(x) * x)), backward=True)
    places = {each.where.split(" ")[0] for each in found if each.phase != "loss"}
    assert {"first", "second", "<lambda>"} <= places
    assert all("jax.py:" in each.where for each in found if each.phase == "forward")


def check_weights_that_a_function_closes_over_are_strays_by_name() -> None:
    held = {"inner": [jnp.ones((4, 4))]}
    positions = np.arange(4, dtype=np.float32)

    def helper(x: jax.Array) -> jax.Array:
        return x @ held["inner"][0] + positions

    def model(scale: jax.Array, x: jax.Array) -> jax.Array:
        on_the_way = np.linspace(0, 1, 3, dtype=np.float32)
        return (helper(x) * 2.0) @ TABLE * scale + on_the_way

    found = made(functools.partial(model, jnp.array([3.0, 4.0, 5.0]))).strays()
    assert [each.split(" of shape")[0] for each in found] == ["held.inner.0", "positions", "TABLE", "0"]
    assert "(4, 3), used in model (jax.py:" in found[2]
    assert subject().strays() == []


def check_training_and_keys_are_said_to_whatever_takes_them() -> None:
    def drop(x: jax.Array, training: bool, key: Any = None) -> jax.Array:
        assert (key is None) == (not training)
        return x if key is None else x * jax.random.bernoulli(key, 0.5, x.shape)

    found = made(drop)
    assert np.array_equal(found.call(found.inputs())[0], X)
    one, other = (found.call(found.inputs(), training=True)[0] for _ in range(2))
    assert not np.array_equal(one, other)
    needs = made(lambda x, key: x + jax.random.normal(key, x.shape))
    assert not np.array_equal(needs.call(needs.inputs())[0], needs.call(needs.inputs())[0])


def averages(parameters: Any, states: Any, x: jax.Array, training: bool) -> tuple[jax.Array, Any]:
    mean = x.mean(0) if training else states["mean"]
    moved = {"mean": 0.75 * states["mean"] + 0.25 * x.mean(0)}
    return (x - mean) * parameters["scale"], moved if training else states


def check_states_become_what_the_model_makes_of_them() -> None:
    start = {"parameters": {"scale": np.ones(4)}, "states": {"mean": np.zeros(4)}}
    found = made(averages, **start)
    for ask in (found.call, lambda *given: found.gradients(given[0], [], *given[1:])):
        ask(found.inputs(), False)
        assert not found.states()["mean"].any()
        ask(found.inputs(), True)
        assert np.allclose(found.states()["mean"], 0.25 * X.mean(0), atol=1e-6)
        found.load({}, {"mean": np.zeros(4)})
    assert operations(found, training=True)
    assert found.states()["mean"].any()
    double = found.in_precision("float64")
    assert double.states()["mean"].dtype == np.float64


def check_a_step_of_the_person_s_is_given_the_carry_and_loaded_values_are_in_it() -> None:
    seen = []

    @functools.partial(jax.jit, donate_argnums=0)
    def update(carry: Any, x: jax.Array) -> Any:
        parameters, states, count = carry
        _, states = averages(parameters, states, x, True)
        return {"scale": parameters["scale"] + 1}, states, count + 1

    def step(carry: Any, inputs: jax.Array, targets: tuple[()]) -> tuple[Any, float]:
        seen.append([float(carry[0]["scale"][0]), float(carry[1]["mean"][0]), int(carry[2])])
        return update(carry, inputs), 7.0

    start = {"scale": jnp.zeros(4)}, {"mean": jnp.zeros(4)}
    found = made(averages, parameters=start[0], states=start[1], carry=(*start, 0), step=step)
    assert found.step(found.inputs(), []) == 7
    assert found.parameters()["scale"].tolist() == [1, 1, 1, 1]
    found.load({"scale": np.full(4, 5.0)}, {"mean": np.full(4, 6.0)})
    found.step(found.inputs(), [])
    assert seen == [[0, 0, 0], [5, 6, 1]]
    assert start[0]["scale"].tolist() == [0, 0, 0, 0]


def check_a_snapshot_is_live_only_where_the_person_writes_into_the_tree() -> None:
    def step(parameters: Any, inputs: jax.Array, targets: Any) -> tuple[Any, float]:
        parameters["scale"] = parameters["scale"] + 1
        return parameters, 0.0

    for kept, live in ((lambda tree: tree, True), (dict, False)):
        found = made(lambda p, x: x * p["scale"], parameters={"scale": np.ones(4)}, step=step, snapshot=kept)
        snapshot = found.kept()
        found.call(found.inputs(), training=True)
        found.step(found.inputs(), [])
        assert snapshot()[0].tolist() == [1.0 + live] * 4
    assert "snapshot" in unfit(subject().kept)


def check_the_optimizer_s_settings_tell_the_decay() -> None:
    assert made(lambda x: x, optimizer={"weight_decay": 0.1}).decay() == 0.1
    assert made(lambda x: x, optimizer={"learning_rate": 0.1}).decay() is None
    assert subject().decay() is None


def check_what_cannot_be_traced_is_unfit() -> None:
    def model(x: jax.Array) -> jax.Array:
        return x if np.asarray(x).sum() > 0 else -x

    found = made(model)
    assert found.call(found.inputs())[0].shape == X.shape
    reasons = [unfit(functools.partial(ask, found.inputs(), [])) for ask in (found.gradients, found.operations)]
    assert all("in evaluation it raises TracerArrayConversionError" in each for each in reasons)
