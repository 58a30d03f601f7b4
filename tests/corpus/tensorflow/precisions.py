"""TensorFlow models that do not keep to their precision, or only hold in one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points(size: float = 1.0) -> np.ndarray:
    return (size * np.random.default_rng(1).standard_normal((6, 4))).astype(np.float32)


@case("low precision", "Cast in angles")
def angles_computed_in_float32(faulty: bool) -> dict[str, Any]:
    class Angles(keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            angles = tf.cast(x, tf.float32) if faulty else x
            return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)

    keras.utils.set_random_seed(0)
    return {"model": keras.Sequential([keras.layers.Dense(3), Angles(name="angles")]), "inputs": points()}


@case("low precision", "norm")
def norm_whose_squares_overflow(faulty: bool) -> dict[str, Any]:
    class Norm(keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            largest = 1.0 if faulty else tf.stop_gradient(tf.reduce_max(tf.abs(x), axis=-1, keepdims=True))
            scaled = x / largest
            return scaled / tf.sqrt(tf.reduce_mean(scaled**2, axis=-1, keepdims=True))

    keras.utils.set_random_seed(0)
    return {"model": keras.Sequential([Norm(name="norm"), keras.layers.Dense(2)]), "inputs": points(500.0)}
