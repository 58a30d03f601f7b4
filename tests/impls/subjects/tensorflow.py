"""What only TensorFlow's subject must do."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from impls.subject import Specimen, Subject, Unfit
from impls.tensorflow.subject import TensorflowSubject
from tests.impls.subjects.contract import ARRAYS, live_snapshot_moves


def mean_square(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean((outputs - targets) ** 2)


def subject() -> Subject:
    def make() -> Specimen:
        model = keras.Sequential([keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(2)])
        model.build((None, 4))
        model.set_weights([ARRAYS[name] for name in "AaBb"])
        return Specimen(model, (ARRAYS["x"],), None, None, (ARRAYS["t"],), mean_square, snapshot=lambda m: m.variables)

    return TensorflowSubject(make)


def made(model: Callable[[], Any], *inputs: np.ndarray, **more: Any) -> TensorflowSubject:
    return TensorflowSubject(lambda: Specimen(model(), inputs or (ARRAYS["x"],), **more))


def unfit(wanted: Callable[[], Any]) -> str:
    try:
        wanted()
    except Unfit as reason:
        return str(reason)
    raise AssertionError("it is said to be fit")


class Scale(tf.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.scale = tf.Variable(tf.ones(width))

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return x * self.scale * (2.0 if training else 1.0)


class Stack(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.second = [Scale(), Scale()]
        self.first = Scale()
        self.count = tf.Variable(0.0, trainable=False)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        self.count.assign_add(1.0)
        return self.second[1](self.second[0](self.first(x)))


def check_modules_name_their_variables_by_their_attributes_in_the_order_of_setting() -> None:
    found = made(Stack)
    assert list(found.parameters()) == ["second.0.scale", "second.1.scale", "first.scale"]
    assert list(found.states()) == ["count"]
    places = [each.where for each in found.operations(found.inputs(), []) if each.name == "multiply"]
    assert [each.partition(" (tensorflow.py:")[0] for each in places[:6:2]] == ["first", "second.0", "second.1"]


def check_variables_of_the_same_path_get_names_of_their_own() -> None:
    def model() -> keras.Model:
        return keras.Sequential([keras.layers.Dense(4, name="one"), Inner()])

    class Inner(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="inner")
            self.one, self.other = keras.layers.Dense(4, name="one"), keras.layers.Dense(4, name="one")

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.other(self.one(x))

    found = list(made(model).parameters())
    assert found == [
        "one/kernel",
        "one/bias",
        "inner/one/kernel",
        "inner/one/bias",
        "inner/one/kernel_1",
        "inner/one/bias_1",
    ], found


def check_the_variables_that_a_function_uses_are_its_parameters() -> None:
    weight = tf.Variable(tf.ones((4, 2)), name="weight")
    found = made(lambda: lambda x: x @ weight)
    assert list(found.parameters()) == ["weight"]
    assert "handed over as it is" in unfit(lambda: made(lambda: shared).in_precision("float64"))


def shared(x: tf.Tensor) -> tf.Tensor:
    return x @ FIXED


FIXED = tf.Variable(tf.ones((4, 2)))


def check_a_function_without_variables_runs_in_every_precision() -> None:
    found = made(lambda: tf.nn.softmax).in_precision("float64")
    assert found.call(found.inputs())[0].dtype == np.float64
    half = made(lambda: tf.nn.softmax).in_precision("bfloat16")
    assert half.call(half.inputs())[0].dtype == np.float32  # NumPy has no bfloat16
    assert not np.array_equal(half.call(half.inputs())[0], found.call(found.inputs())[0].astype(np.float32))


def check_a_module_in_float32_is_unfit_for_another_precision_and_keras_default_is_put_back() -> None:
    assert "float64" in unfit(lambda: made(Scale).in_precision("float64"))
    assert keras.config.floatx() == "float32"
    assert keras.config.dtype_policy().name == "float32"
    assert keras.layers.Dense(1).dtype == "float32"


def check_training_is_said_to_whatever_takes_it() -> None:
    compiled = tf.function(lambda x, training=False: 2 * x if training else x)
    plain = made(lambda: lambda x: x)
    for found in (made(Scale), made(lambda: compiled), made(lambda: keras.layers.Dropout(0.5))):
        quiet, loud = (found.call(found.inputs(), training)[0] for training in (False, True))
        assert np.array_equal(quiet, ARRAYS["x"])
        assert not np.array_equal(quiet, loud)
    assert np.array_equal(plain.call(plain.inputs(), True)[0], ARRAYS["x"])


def check_running_statistics_are_states_and_seeds_are_none() -> None:
    layers = [keras.layers.BatchNormalization(momentum=0.75, name="norm"), keras.layers.Dropout(0.5)]
    found = made(lambda: keras.Sequential(layers))
    assert list(found.states()) == ["norm/moving_mean", "norm/moving_variance"]
    assert found.momenta() == {"norm/moving_mean": 0.75, "norm/moving_variance": 0.75}
    before = found.states()
    found.call(found.inputs())
    assert np.array_equal(found.states()["norm/moving_mean"], before["norm/moving_mean"])
    found.call(found.inputs(), training=True)
    assert np.allclose(found.states()["norm/moving_mean"], 0.25 * ARRAYS["x"].mean(0), atol=1e-6)
    found.load({}, before)
    assert np.array_equal(found.states()["norm/moving_mean"], before["norm/moving_mean"])


def check_functional_models_take_their_inputs_as_one_list() -> None:
    def model() -> keras.Model:
        one, other = keras.Input((4,)), keras.Input((4,))
        return keras.Model([one, other], keras.layers.Add()([one, other]))

    found = made(model, ARRAYS["x"], ARRAYS["x"])
    assert np.array_equal(found.call(found.inputs())[0], 2 * ARRAYS["x"])


def check_the_gradient_of_a_gather_is_an_array_and_that_of_integers_none() -> None:
    ids = np.array([[0, 2], [2, 2]])
    found = made(lambda: keras.layers.Embedding(4, 3), ids)
    gradients = found.gradients(found.inputs(), [])
    (values,) = gradients.parameters.values()
    assert values is not None
    assert np.flatnonzero(np.abs(values).sum(1)).tolist() == [0, 2]
    assert gradients.inputs == [None]
    table = tf.Variable(tf.ones((4, 3)))
    found = made(lambda: lambda ids: tf.gather(table, ids), ids)
    (gather,) = [each for each in found.operations(found.inputs(), []) if each.name == "ResourceGather"]
    assert found.token(next(iter(found.parameters()))) in gather.input_tokens
    assert gather.inputs[0].shape == (4, 3)


def check_functions_of_graphs_are_run_operation_by_operation_and_only_while_they_are_recorded() -> None:
    found = made(lambda: tf.function(lambda x: tf.nn.relu(x) + 1.0))
    operations = found.operations(found.inputs(), [])
    names = [each.name for each in operations]
    assert names[:2] == ["relu", "add"]
    assert not tf.config.functions_run_eagerly()
    assert vars(keras.layers.Layer)["__call__"].__name__ != "call"
    tf.nn.relu(tf.ones(1))  # is noted by nobody
    assert [each.name for each in operations] == names


def check_what_a_model_raises_makes_it_unfit_and_leaves_nothing_behind() -> None:
    def model(x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if training:
            raise ValueError("no\nmore")
        return tf.cast(x, tf.float32) + tf.ones(4)

    found = made(lambda: model)
    reason = "in training it raises ValueError: no"
    assert unfit(lambda: found.call(found.inputs(), training=True)) == reason
    assert unfit(lambda: found.operations(found.inputs(), [], training=True)) == reason
    assert not tf.config.functions_run_eagerly()
    assert "no floating numbers" in unfit(lambda: made(lambda: tf.shape).gradients([ARRAYS["x"]], []))
    for kind in ("plain", "graph", "keras"):
        found = made(functools.partial(added, kind))
        reason = unfit(functools.partial(found.in_precision, "float64"))
        assert re.match("in float64 it raises .*float", reason), reason
    assert "handed over as it is" in unfit(lambda: made(lambda: LAYER).in_precision("float64"))


LAYER = keras.layers.ReLU()


def added(kind: str) -> Any:
    """What adds a constant of float32."""
    fixed = tf.ones(4)

    def add(x: tf.Tensor) -> tf.Tensor:
        return x + fixed

    return {"plain": add, "graph": tf.function(add), "keras": keras.layers.Lambda(add)}[kind]


def check_what_only_rearranges_keeps_its_token() -> None:
    def model(x: tf.Tensor) -> tf.Tensor:
        turned = tf.reshape(tf.transpose(tf.cast(tf.identity(x[None]), tf.float64))[..., None], (-1,))
        return tf.nn.softmax(tf.stop_gradient(tf.squeeze(turned[:, None], 1)))

    found = made(lambda: lambda x: model(tf.nn.relu(x)))
    operations = found.operations(found.inputs(), [])
    (relu,) = [each for each in operations if each.name == "relu"]
    (softmax,) = [each for each in operations if each.name == "softmax"]
    assert relu.output_tokens == softmax.input_tokens


def check_an_operation_of_the_backward_pass_is_placed_where_its_forward_is() -> None:
    def model() -> keras.Model:
        return keras.Sequential([keras.layers.Dense(3, name="first"), keras.layers.Activation(tf.math.log, name="log")])

    found = made(model)
    operations = found.operations(found.inputs(), [], backward=True)
    (reciprocal,) = [each for each in operations if each.name == "Reciprocal"]
    assert reciprocal.where == "log, backward of log", reciprocal.where

    @tf.custom_gradient
    def double(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        return 2 * x, lambda upstream: tf.nn.relu(upstream)

    found = made(lambda: double)
    (relu,) = [each for each in found.operations(found.inputs(), [], backward=True) if each.name == "relu"]
    assert relu.phase == "backward"
    assert relu.where.startswith("tensorflow.py:")


def check_variables_that_are_registered_nowhere_are_strays() -> None:
    class Hidden(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.parts = vars(type("Parts", (), {"weight": tf.Variable(tf.ones((4, 4)), name="weight")}))
            self.known = keras.layers.Dense(4)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.known(x) @ self.parts["weight"]

    class Anew(keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            return keras.layers.Dense(2)(x)

    class Holder(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = keras.layers.Dense(2, name="layer")

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return self.layer(x)

    (hidden,) = made(Hidden).strays()
    assert hidden.startswith("weight (4, 4) used in ")
    kernel, bias = made(Anew).strays()
    assert kernel.startswith("dense") and "/kernel (4, 2) used in dense" in kernel
    assert "/bias (2,) used in dense" in bias
    assert [each.split(" (")[0] for each in made(Holder).strays()] == ["layer/kernel", "layer/bias"]
    assert " used in layer (tensorflow.py:" in made(Holder).strays()[0]


def check_a_compiled_model_brings_its_loss_and_its_optimizer() -> None:
    def model() -> keras.Model:
        layer = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.5), kernel_initializer="ones")
        found = keras.Sequential([layer])
        found.compile(keras.optimizers.AdamW(weight_decay=0.25), "mse")
        return found

    own = made(model, targets=(ARRAYS["t"],))
    outputs = own.call(own.inputs())[0]
    loss = np.mean((outputs - ARRAYS["t"]) ** 2) + 0.5 * 8
    assert np.allclose(own.gradients(own.inputs(), own.targets()).loss, loss)
    assert own.decay() == 0.25
    plain = dataclasses.replace(
        own.specimen, model=keras.Sequential(own.model.layers), loss=mean_square, optimizer=None
    )
    other = TensorflowSubject(lambda: plain)
    assert np.allclose(other.gradients(other.inputs(), other.targets()).loss, loss)
    assert other.decay() is None


def check_copies_of_weights_stay_where_they_are() -> None:
    found = made(
        lambda: keras.layers.Dense(2), targets=(ARRAYS["t"],), loss=mean_square, snapshot=keras.Layer.get_weights
    )
    kept = found.kept()
    before = kept()
    found.step(found.inputs(), found.targets())
    assert all(np.array_equal(one, other) for one, other in zip(before, kept(), strict=True))
    assert "snapshot" in unfit(made(lambda: keras.layers.Dense(2)).kept)
    assert "neither" in unfit(lambda: made(lambda: keras.layers.Dense(2)).step([ARRAYS["x"]], []))


def check_a_snapshot_of_live_weights_moves_with_them() -> None:
    live_snapshot_moves(subject())
