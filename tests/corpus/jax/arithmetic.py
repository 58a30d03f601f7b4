"""Numbers in JAX that become infinite, NaN, or less exact than they look."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

Tree = Any


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@case("non-finite", "distance (arithmetic.py")
def root_that_where_does_not_protect(faulty: bool) -> dict[str, Any]:
    """`where` picks the value, but the gradient of the branch that was not taken is 0 · ∞."""

    def distance(x: jax.Array) -> jax.Array:
        squared = (x**2).sum(-1)
        if faulty:
            return jnp.where(squared > 0, jnp.sqrt(squared), 0.0)
        return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return distance(x @ parameters["weight"])

    inputs = drawn(5, 4, seed=1)
    inputs[2] = 0
    return {"model": model, "parameters": {"weight": drawn(4, 4)}, "inputs": inputs}


@case("non-finite", "exp in softplus")
def exponential_that_overflows(faulty: bool) -> dict[str, Any]:
    """Infinite from 89 on in float32, and no NaN tells of it: log(1 + ∞) is ∞."""

    def softplus(x: jax.Array) -> jax.Array:
        return jnp.log1p(jnp.exp(x)) if faulty else jnp.logaddexp(x, 0.0)

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return softplus(x @ parameters["weight"])

    return {"model": model, "parameters": {"weight": np.eye(4, dtype=np.float32)}, "inputs": 150 * drawn(5, 4, seed=1)}


@case("low precision", "square in model")
def squares_that_float16_cannot_hold(faulty: bool) -> dict[str, Any]:
    """The sum of the squares of numbers near 300 is above 65504, where float16 ends."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        x = x @ parameters["weight"]
        scale = 1.0 if faulty else jax.lax.stop_gradient(jnp.abs(x).max(-1, keepdims=True))
        x = x / scale
        return x / jnp.sqrt(jnp.square(x).mean(-1, keepdims=True))

    return {
        "model": model,
        "parameters": {"weight": np.eye(4, dtype=np.float32)},
        "inputs": 300 + 50 * drawn(5, 4, seed=1),
    }


@case("low precision", "convert_element_type in angles")
def float32_inside_of_float64(faulty: bool) -> dict[str, Any]:
    def angles(x: jax.Array) -> jax.Array:
        dtype = jnp.float32 if faulty else x.dtype
        return jnp.sin(x.astype(dtype) * jnp.arange(1, 4, dtype=dtype))

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return angles(x @ parameters["first"]) @ parameters["second"]

    parameters = {"first": drawn(4, 3, seed=2) / 2, "second": drawn(3, 2)}
    return {"model": model, "parameters": parameters, "inputs": drawn(5, 4, seed=1)}
