"""Weights in JAX that do not train, though the model computes with them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

Tree = Any


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@case("registration", "head of shape (4, 2)")
def weights_that_are_closed_over(faulty: bool) -> dict[str, Any]:
    head = jnp.array(drawn(4, 2))

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return jnp.tanh(x @ parameters["first"]) @ (head if faulty else parameters["head"])

    parameters = {"first": drawn(4, 4, seed=2) / 2, "head": head}
    return {"model": model, "parameters": parameters, "inputs": drawn(6, 4, seed=1)}


@case("registration", "projected (weights.py")
def weights_that_are_drawn_in_the_call(faulty: bool) -> dict[str, Any]:
    def projected(x: jax.Array) -> jax.Array:
        return x @ jax.random.normal(jax.random.key(7), (4, 3))

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        x = projected(x) if faulty else x @ parameters["first"]
        return jnp.tanh(x) @ parameters["second"]

    parameters = {"second": drawn(3, 2, seed=2)} | ({} if faulty else {"first": drawn(4, 3)})
    return {"model": model, "parameters": parameters, "inputs": drawn(6, 4, seed=1)}


@case("gradient flow", "layers.0")
def deep_stack_of_sigmoids(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        for weight in parameters["layers"]:
            x = jax.nn.sigmoid(x @ weight) if faulty else x + jnp.tanh(x @ weight)
        return x @ parameters["out"]

    layers = [drawn(4, 4, seed=seed) / 2 for seed in range(10)]
    return {"model": model, "parameters": {"layers": layers, "out": drawn(4, 2)}, "inputs": drawn(6, 4, seed=20)}


@case("gradient flow", "codes")
def codes_that_are_stopped_with_their_index(faulty: bool) -> dict[str, Any]:
    """Which code is the nearest has no gradient; the code itself has one."""

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        x = x @ parameters["first"]
        codes = parameters["codes"][jnp.argmin((x[..., None] - parameters["codes"]) ** 2, -1)]
        return x + (jax.lax.stop_gradient(codes) if faulty else codes)

    parameters = {"first": drawn(4, 4) / 2, "codes": np.linspace(-2, 2, 5, dtype=np.float32)}
    return {"model": model, "parameters": parameters, "inputs": drawn(6, 4, seed=1)}


@case("dead units", "model (weights.py")
def bias_that_kills_a_relu(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return jax.nn.relu(x @ parameters["weight"] + parameters["bias"]) @ parameters["out"]

    bias = np.where(np.arange(8) < 6, -20.0 if faulty else 0.0, 0.1).astype(np.float32)
    parameters = {"weight": drawn(4, 8) / 2, "bias": bias, "out": drawn(8, 2, seed=2) / 3}
    return {"model": model, "parameters": parameters, "inputs": drawn(8, 4, seed=1)}


@case("saturated gates", "gated (weights.py")
def gate_of_inputs_that_are_not_scaled(faulty: bool) -> dict[str, Any]:
    """Pixels from 0 to 255 where 0 to 1 was meant."""

    def gated(parameters: Tree, x: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(x @ parameters["gate"]) * (x @ parameters["value"])

    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        return gated(parameters, x if faulty else x / 255)

    pixels = np.random.default_rng(1).integers(0, 256, (6, 4)).astype(np.float32)
    return {"model": model, "parameters": {"gate": drawn(4, 4), "value": drawn(4, 4, seed=2)}, "inputs": pixels}
