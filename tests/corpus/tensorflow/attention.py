"""Attention in Keras and TensorFlow that looks where it should not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case

BATCH, LENGTH, WIDTH, HEADS = 3, 6, 8, 2


def tokens() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((BATCH, LENGTH, WIDTH)).astype(np.float32)


@case("token mixing", "axis 1")
def attention_between_heads(faulty: bool) -> dict[str, Any]:
    class Attention(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.project, self.out = keras.layers.Dense(3 * WIDTH), keras.layers.Dense(WIDTH)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            batch, length, width = x.shape
            split = tf.reshape(self.project(x), (batch, length, 3, HEADS, width // HEADS))
            query, key, value = tf.unstack(split if faulty else tf.transpose(split, (0, 3, 2, 1, 4)), axis=2)
            scores = tf.matmul(query, key, transpose_b=True) / (width // HEADS) ** 0.5
            mixed = tf.matmul(tf.nn.softmax(scores), value)
            joined = mixed if faulty else tf.transpose(mixed, (0, 2, 1, 3))
            return self.out(tf.reshape(joined, x.shape))

    keras.utils.set_random_seed(0)
    return {"model": Attention(), "inputs": tokens(), "sequence": 1}


@case("causality", "axis 1")
def attention_without_its_causal_mask(faulty: bool) -> dict[str, Any]:
    class Block(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.norm = keras.layers.LayerNormalization()
            self.attention = keras.layers.MultiHeadAttention(HEADS, WIDTH // HEADS)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            normal = self.norm(x)
            return x + self.attention(normal, normal, use_causal_mask=not faulty)

    keras.utils.set_random_seed(0)
    return {"model": Block(), "inputs": tokens(), "sequence": 1, "causal": True}


@case("causality", "axis 1")
def convolution_padded_on_both_sides(faulty: bool) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv1D(WIDTH, 3, padding="same" if faulty else "causal", activation="tanh"),
        keras.layers.Conv1D(WIDTH, 3, padding="causal", dilation_rate=2),
    ]
    return {"model": keras.Sequential(layers), "inputs": tokens(), "sequence": 1, "causal": True}


@case("padding", "axis 1")
def layer_that_loses_the_mask(faulty: bool) -> dict[str, Any]:
    class Masked(keras.layers.Layer):
        """Lets Keras know what is padding, as an embedding with `mask_zero` does."""

        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
            return tf.identity(x)

    class Shift(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = not faulty

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return x + 1.0

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.masked, self.shift, self.mean = Masked(), Shift(), keras.layers.GlobalAveragePooling1D()
            self.out = keras.layers.Dense(2)

        def call(self, x: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
            return self.out(self.mean(self.shift(self.masked(x, mask=tf.cast(present, tf.bool)))))

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": (tokens(), np.ones((BATCH, LENGTH), np.float32)), "sequence": 1, "mask": 1}


@case("batch independence", "axis 0")
def attention_over_the_batch(faulty: bool) -> dict[str, Any]:
    class Attention(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            draw = np.random.default_rng(0).standard_normal((3, WIDTH, WIDTH)).astype(np.float32)
            self.query, self.key, self.value = (tf.Variable(each / WIDTH**0.5) for each in draw)

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            rows = tf.transpose(x, (1, 0, 2)) if faulty else x  # the other order of axes, for which it was not written
            scores = tf.matmul(rows @ self.query, rows @ self.key, transpose_b=True) / WIDTH**0.5
            mixed = tf.nn.softmax(scores) @ (rows @ self.value)
            return tf.transpose(mixed, (1, 0, 2)) if faulty else mixed

    return {"model": Attention(), "inputs": tokens()}
