"""Axes in JAX that were mixed up, and a field of view that is not what was meant."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

Tree = Any


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@case("token mixing", "axis 1")
def scan_over_the_batch(faulty: bool) -> dict[str, Any]:
    """`jax.lax.scan` runs along axis 0, which is that of the examples until someone exchanges it."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        def step(state: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
            state = jnp.tanh(row @ parameters["in"] + state @ parameters["back"])
            return state, state

        rows = x if faulty else jnp.swapaxes(x, 0, 1)
        _, states = jax.lax.scan(step, jnp.zeros((rows.shape[1], 4)), rows)
        return states if faulty else jnp.swapaxes(states, 0, 1)

    parameters = {"in": drawn(4, 4) / 2, "back": drawn(4, 4, seed=2) / 2}
    return {"model": model, "parameters": parameters, "inputs": drawn(4, 5, 4, seed=1), "sequence": 1, "causal": True}


@case("permutation equivariance", "axis 1")
def reshape_for_a_transpose(faulty: bool) -> dict[str, Any]:
    """Means over positions, of an array that was to have them last."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        batch, length, width = x.shape
        last = x.reshape(batch, width, length) if faulty else jnp.swapaxes(x, 1, 2)
        return x @ parameters["own"] + (last.mean(-1) @ parameters["all"])[:, None]

    parameters = {"own": drawn(4, 4), "all": drawn(4, 4, seed=2)}
    inputs = drawn(3, 6, 4, seed=1)
    return {"model": model, "parameters": parameters, "inputs": inputs, "sequence": 1, "equivariant": "permutation"}


@case("translation equivariance", "axis 3")
def bias_that_lies_along_the_width(faulty: bool) -> dict[str, Any]:
    """Of N, C, H, W the last axis is the width: as many columns as channels, and a bias fits both."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        for layer in parameters:
            x = jax.lax.conv(x, layer["weight"], (1, 1), "SAME")
            x = jax.nn.relu(x + (layer["bias"] if faulty else layer["bias"][:, None, None]))
        return x

    layers = [
        {"weight": drawn(16, 2, 3, 3) / 3, "bias": drawn(16, seed=3)},
        {"weight": drawn(16, 16, 3, 3, seed=2) / 12, "bias": drawn(16, seed=4)},
    ]
    inputs = drawn(2, 2, 6, 16, seed=1)
    return {"model": model, "parameters": layers, "inputs": inputs, "sequence": 3, "equivariant": "translation"}


@case("receptive field", "axis 1")
def dilation_that_does_not_grow(faulty: bool) -> dict[str, Any]:
    """Three layers of width 3, dilated by 1, 2 and 4, see 15 positions; undilated they see 7."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        for depth, weight in enumerate(parameters):
            dilation = 1 if faulty else 2**depth
            layout = ("NWC", "WIO", "NWC")
            x = jax.lax.conv_general_dilated(
                x, weight, (1,), [(2 * dilation, 0)], rhs_dilation=(dilation,), dimension_numbers=layout
            )
            x = jnp.tanh(x)
        return x

    parameters = [drawn(3, 4, 4, seed=seed) / 3 for seed in range(3)]
    claims = {"sequence": 1, "causal": True, "receptive_field": 15}
    return {"model": model, "parameters": parameters, "inputs": drawn(2, 20, 4, seed=4), **claims}
