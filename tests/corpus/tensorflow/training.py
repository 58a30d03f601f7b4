"""Training in Keras that does not do what was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.corpus.case import case


def points() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)


def mean_square(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean((outputs - targets) ** 2)


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    first = keras.layers.Dense(6, activation="tanh", name="first")
    return keras.Sequential([first, keras.layers.Dense(1, name="second")])


@case("stale graph and aliasing", "first/kernel")
def best_weights_that_go_on_training(faulty: bool) -> dict[str, Any]:
    return {
        "model": network(),
        "inputs": points(),
        "targets": points()[:, :1],
        "loss": mean_square,
        "snapshot": (lambda model: model.variables) if faulty else keras.Model.get_weights,
    }


def descent(sign: float, of: Callable[[keras.Model], list[Any]]) -> Callable[..., float]:
    def step(model: keras.Model, inputs: tf.Tensor, targets: tf.Tensor) -> float:
        with tf.GradientTape() as tape:
            loss = mean_square(model(inputs, training=True), targets)
        variables = of(model)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign(variable + sign * 0.05 * gradient)
        return float(loss)

    return step


@case("learning sanity", "step")
def descent_that_climbs(faulty: bool) -> dict[str, Any]:
    step = descent(1.0 if faulty else -1.0, lambda model: model.trainable_variables)
    inputs = 0.1 * points()
    return {"model": network(), "inputs": inputs, "targets": inputs[:, :1], "loss": mean_square, "step": step}


@case("learning sanity", "first/kernel")
def optimizer_of_a_frozen_backbone_alone(faulty: bool) -> dict[str, Any]:
    """The variables are asked for while all layers are still frozen."""
    model = network()
    model.build((None, 4))
    model.layers[0].trainable = model.layers[1].trainable = not faulty
    variables = list(model.trainable_variables)
    model.layers[0].trainable = model.layers[1].trainable = True
    step = descent(-1.0, lambda _: variables)
    return {"model": model, "inputs": points(), "targets": points()[:, :1], "loss": mean_square, "step": step}
