"""TensorFlow models that train in evaluation, or update their statistics too often."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)


@case("evaluation mode", "norm/moving_mean")
def normalisation_told_to_train(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(5), keras.layers.Dense(2)
            self.norm = keras.layers.BatchNormalization(name="norm")

        def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
            hidden = self.norm(self.first(x), training=True if faulty else training)
            return self.second(tf.nn.tanh(hidden))

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("evaluation determinism", "modes.py")
def dropout_that_knows_no_mode(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2)

        def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
            hidden = self.first(x)
            if faulty or training:
                hidden = tf.nn.dropout(hidden, 0.5)
            return self.second(hidden)

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}


@case("evaluation determinism", "output 0")
def trace_made_while_training(faulty: bool) -> dict[str, Any]:
    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
            self.is_training = False

        @tf.function
        def compiled(self, x: tf.Tensor, training: bool) -> tf.Tensor:
            hidden = tf.tanh(x @ self.weight)
            keep = self.is_training if faulty else training  # an attribute is read once, when the function is traced
            return tf.nn.dropout(hidden, 0.5) if keep else hidden

        def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
            self.is_training = training
            return self.compiled(x, False if faulty else training)

    model = Model()
    model(tf.constant(points()), training=True)
    return {"model": model, "inputs": points()}


@case("running statistics", "norm/moving_mean")
def normalisation_called_twice_for_each_batch(faulty: bool) -> dict[str, Any]:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(5), keras.layers.Dense(2)
            self.norm = keras.layers.BatchNormalization(name="norm", momentum=0.9)

        def encode(self, x: tf.Tensor, training: bool) -> tf.Tensor:
            return tf.nn.tanh(self.norm(self.first(x), training=training))

        def call(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
            code = self.encode(x, training)
            return code, self.second(self.encode(x, training) if faulty else code)

    keras.utils.set_random_seed(0)
    return {"model": Model(), "inputs": points()}
