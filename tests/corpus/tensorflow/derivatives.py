"""Backward passes in TensorFlow that are not the derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


@case("gradient check", "first/kernel")
def custom_gradient_with_the_wrong_power(faulty: bool) -> dict[str, Any]:
    @tf.custom_gradient
    def softsign(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        size = 1 + tf.abs(x)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return upstream / (size if faulty else size**2)

        return x / size, gradient

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, activation=softsign, name="first"), keras.layers.Dense(2, name="second")]
    return {"model": keras.Sequential(layers), "inputs": points()}


@case("gradient check", "first")
def hidden_values_cut_off_from_their_gradient(faulty: bool) -> dict[str, Any]:
    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            draw = np.random.default_rng(0)
            self.first = tf.Variable(draw.standard_normal((4, 4)).astype(np.float32))
            self.second = tf.Variable(draw.standard_normal((4, 2)).astype(np.float32))

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            hidden = tf.tanh(x @ self.first)
            largest = tf.reduce_max(tf.abs(hidden), axis=-1, keepdims=True)
            scaled = hidden / (1 + largest)  # as in a straight-through estimator, but of what is smooth
            return (tf.stop_gradient(scaled) if faulty else scaled) @ self.second

    return {"model": Model(), "inputs": points()}
