"""TensorFlow models whose axes are mixed up, or that see less than was meant."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case

BATCH, LENGTH, WIDTH, HEADS = 3, 16, 8, 2


def tokens(length: int = LENGTH) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((BATCH, length, WIDTH)).astype(np.float32)


@case("permutation equivariance", "axis 1")
def heads_split_by_reshape_alone(faulty: bool) -> dict[str, Any]:
    class Attention(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (keras.layers.Dense(WIDTH) for _ in range(3))
            self.out = keras.layers.Dense(WIDTH)

        def split(self, x: tf.Tensor) -> tf.Tensor:
            batch, length, width = x.shape
            if faulty:
                return tf.reshape(x, (batch, HEADS, length, width // HEADS))
            return tf.transpose(tf.reshape(x, (batch, length, HEADS, width // HEADS)), (0, 2, 1, 3))

        def call(self, x: tf.Tensor) -> tf.Tensor:
            query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
            scores = tf.matmul(query, key, transpose_b=True) / (WIDTH // HEADS) ** 0.5
            mixed = tf.matmul(tf.nn.softmax(scores), value)
            return self.out(tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), x.shape))

    keras.utils.set_random_seed(0)
    return {"model": Attention(), "inputs": tokens(6), "sequence": 1, "equivariant": "permutation"}


@case("translation equivariance", "axis 1")
def channels_moved_by_reshape(faulty: bool) -> dict[str, Any]:
    class Filter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            draw = np.random.default_rng(0).standard_normal((3, WIDTH, WIDTH)) / WIDTH**0.5
            self.kernel = tf.Variable(draw.astype(np.float32))

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            batch, length, width = x.shape
            first = tf.reshape(x, (batch, width, length)) if faulty else tf.transpose(x, (0, 2, 1))
            return tf.nn.conv1d(tf.transpose(first, (0, 2, 1)), self.kernel, 1, "SAME")

    return {"model": Filter(), "inputs": tokens(), "sequence": 1, "equivariant": "translation"}


@case("receptive field", "axis 1")
def dilations_that_do_not_grow(faulty: bool) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv1D(4, 3, padding="same", dilation_rate=1 if faulty else rate, activation="tanh")
        for rate in (1, 2, 4)
    ]
    return {"model": keras.Sequential(layers), "inputs": tokens(24), "sequence": 1, "receptive_field": 15}
