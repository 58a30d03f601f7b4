"""Weights that TensorFlow's optimizers are never given."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)


class Parts:
    """A plain object, into which Keras does not look."""

    def __init__(self, *parts: keras.layers.Layer) -> None:
        self.parts = parts


@case("registration", "kernel")
def layers_in_a_plain_object(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            parts = keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(5)
            self.held: Any = Parts(*parts) if faulty else list(parts)
            self.out = keras.layers.Dense(2)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            for part in self.held.parts if faulty else self.held:
                x = part(x)
            return self.out(x)

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("registration", "kernel")
def layer_made_in_every_call(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return (keras.layers.Dense(2) if faulty else self.second)(self.first(x))

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("registration", "layer/kernel")
def keras_layer_in_a_module(faulty: bool) -> dict[str, Any]:
    class Dense(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32))

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return x @ self.kernel

    class Model(tf.Module):
        """Modules gather the variables of modules; Keras' layers have not been any since Keras 3."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(tf.ones(4))
            self.layer = keras.layers.Dense(2, name="layer") if faulty else Dense()

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return self.layer(tf.tanh(x * self.scale))

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}
