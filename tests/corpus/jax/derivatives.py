"""Backward passes in JAX that are not the derivative."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case


def example() -> np.ndarray:
    return np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def weight(seed: int = 0) -> jax.Array:
    return jnp.array(np.random.default_rng(seed).standard_normal((4, 4)), jnp.float32) / 2


@case("gradient check", "first")
def custom_vjp_with_the_wrong_saved_value(faulty: bool) -> dict[str, Any]:
    """The derivative of tanh is 1 − y² of its output, not of its input."""

    @jax.custom_vjp
    def activation(x: jax.Array) -> jax.Array:
        return jnp.tanh(x)

    def forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        y = jnp.tanh(x)
        return y, x if faulty else y

    def backward(saved: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
        return (gradient * (1 - saved**2),)

    activation.defvjp(forward, backward)

    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        return activation(x @ parameters["first"]) @ parameters["second"]

    parameters = {"first": weight(), "second": weight(1)}
    return {"model": model, "parameters": parameters, "inputs": example()}


@case("gradient check", "scale")
def scale_that_gradients_do_not_pass(faulty: bool) -> dict[str, Any]:
    """A normalisation by the largest entry of the weights, taken for a constant."""

    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        scale = jnp.exp(parameters["scale"])
        if faulty:
            scale = scale + jax.lax.stop_gradient(parameters["scale"] ** 2)
        else:
            scale = scale + parameters["scale"] ** 2
        return jnp.tanh(x @ parameters["weight"]) * scale

    parameters = {"weight": weight(), "scale": jnp.array([0.5, -0.3, 0.8, 0.1])}
    return {"model": model, "parameters": parameters, "inputs": example()}
