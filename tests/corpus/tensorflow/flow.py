"""TensorFlow models in which the gradient does not get through, or becomes NaN."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)


@case("gradient flow", "first/kernel")
def hidden_values_that_are_rounded(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(6, name="first"), keras.layers.Dense(2, name="second")

        def call(self, x: tf.Tensor) -> tf.Tensor:
            hidden = self.first(x)
            return self.second(tf.round(4 * hidden) / 4 if faulty else hidden)

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("dead units", "first")
def biases_that_begin_far_below_zero(faulty: bool) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    bias = keras.initializers.Constant(-8.0 if faulty else 0.0)
    first = keras.layers.Dense(12, activation="relu", bias_initializer=bias, name="first")
    return {"model": keras.Sequential([first, keras.layers.Dense(2)]), "inputs": points()}


@case("saturated gates", "gate")
def gate_of_unscaled_weights(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            normal = keras.initializers.RandomNormal(stddev=20.0 if faulty else 0.5)
            self.gate = keras.layers.Dense(6, activation="sigmoid", kernel_initializer=normal, name="gate")
            self.value, self.out = keras.layers.Dense(6), keras.layers.Dense(2)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.out(self.gate(x) * self.value(x))

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("non-finite", "log in flow.py")
def logarithm_of_a_probability_that_is_zero(faulty: bool) -> dict[str, Any]:
    def loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        right = tf.one_hot(labels, 3)
        if faulty:
            return -tf.reduce_mean(tf.reduce_sum(right * tf.math.log(tf.nn.softmax(logits)), axis=-1))
        return -tf.reduce_mean(tf.reduce_sum(right * tf.nn.log_softmax(logits), axis=-1))

    keras.utils.set_random_seed(0)
    normal = keras.initializers.RandomNormal(stddev=1.0)
    model = keras.Sequential([keras.layers.Dense(3, kernel_initializer=normal)])
    return {"model": model, "inputs": 100 * points(), "targets": np.arange(8) % 3, "loss": loss}


@case("non-finite", "backward of log")
def logarithm_that_is_selected_too_late(faulty: bool) -> dict[str, Any]:
    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32))

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            counts = tf.nn.relu(x)
            inside = counts if faulty else tf.where(counts > 0, counts, 1.0)
            return tf.where(counts > 0, tf.math.log(inside), 0.0) @ self.weight

    return {"model": Model(), "inputs": points()}
