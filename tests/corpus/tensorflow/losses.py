"""Losses in TensorFlow that are not what was meant."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)


@case("broadcast", "losses.py")
def column_against_row(faulty: bool) -> dict[str, Any]:
    def loss(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.math.squared_difference(outputs if faulty else tf.squeeze(outputs, -1), targets))

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(1)])
    inputs = points()
    return {"model": model, "inputs": inputs, "targets": inputs.sum(axis=1), "loss": loss}


@case("double work", "cross_entropy")
def probabilities_taken_for_logits(faulty: bool) -> dict[str, Any]:
    """Keras' own losses notice it; those of TensorFlow do not."""

    def loss(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs))

    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(3, activation="softmax" if faulty else None)
    model = keras.Sequential([keras.layers.Dense(6, activation="tanh"), last])
    labels = np.argmax(points()[:, :3], axis=1)
    return {"model": model, "inputs": points(), "targets": labels, "loss": loss, "classes": 3}


@case("double work", "first/kernel")
def weights_decayed_by_the_loss_and_the_optimizer(faulty: bool) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    penalty = keras.regularizers.L2(1e-3) if faulty else None
    first = keras.layers.Dense(6, activation="tanh", kernel_regularizer=penalty, name="first")
    model = keras.Sequential([first, keras.layers.Dense(1)])
    model.compile(keras.optimizers.AdamW(1e-2, weight_decay=1e-2), keras.losses.MeanSquaredError())
    return {"model": model, "inputs": points(), "targets": points()[:, :1]}


@case("accumulation", "loss")
def mean_over_what_the_batch_happens_to_hold(faulty: bool) -> dict[str, Any]:
    """Labels below 0 do not count; a micro-batch with few others then weighs as much as one with many."""

    def loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
        counts = tf.cast(labels >= 0, each.dtype)
        return tf.reduce_sum(each * counts) / (
            tf.reduce_sum(counts) if faulty else tf.cast(tf.size(counts), each.dtype)
        )

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(3)])
    return {"model": model, "inputs": points(), "targets": np.array([0, -1, 2, 1, -1, 0, 1, 2]), "loss": loss}
