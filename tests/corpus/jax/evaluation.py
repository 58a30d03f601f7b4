"""Functions in JAX that do not know, or forget, whether they are trained."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

Tree = Any


def table() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)


def matrix(rows: int = 4, columns: int = 4) -> jax.Array:
    return jnp.array(np.random.default_rng(0).standard_normal((rows, columns)) / rows**0.5, jnp.float32)


@case("evaluation determinism", "drop (evaluation.py")
def dropout_that_is_not_told_the_mode(faulty: bool) -> dict[str, Any]:
    def drop(x: jax.Array, key: jax.Array) -> jax.Array:
        return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), 2 * x, 0.0)

    def model(parameters: Tree, x: jax.Array, training: bool, key: jax.Array) -> jax.Array:
        x = jax.nn.relu(x @ parameters["first"])
        if training or faulty:
            x = drop(x, key)
        return x @ parameters["second"]

    return {"model": model, "parameters": {"first": matrix(), "second": matrix(4, 2)}, "inputs": table()}


def normalised(states: Tree, x: jax.Array, moves: bool, own: bool) -> tuple[jax.Array, Tree]:
    """By the statistics of the batch, or by those that were kept."""
    mean, variance = x.mean(0), x.var(0)
    moved = {"mean": 0.9 * states["mean"] + 0.1 * mean, "variance": 0.9 * states["variance"] + 0.1 * variance}
    if not own:
        mean, variance = states["mean"], states["variance"]
    return (x - mean) / jnp.sqrt(variance + 1e-5), moved if moves else states


def statistics() -> Tree:
    return {"mean": jnp.zeros(4), "variance": jnp.ones(4)}


@case("batch independence", "axis 0")
def batch_statistics_in_evaluation(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, states: Tree, x: jax.Array, training: bool) -> tuple[jax.Array, Tree]:
        x, states = normalised(states, x @ parameters["first"], moves=training, own=training or faulty)
        return x @ parameters["second"], states

    weights = {"first": matrix(), "second": matrix(4, 2)}
    return {"model": model, "parameters": weights, "states": statistics(), "inputs": table()}


@case("evaluation mode", "mean")
def statistics_that_evaluation_moves(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, states: Tree, x: jax.Array, training: bool) -> tuple[jax.Array, Tree]:
        x, states = normalised(states, x @ parameters["first"], moves=training or faulty, own=training)
        return x @ parameters["second"], states

    weights = {"first": matrix(), "second": matrix(4, 2)}
    return {"model": model, "parameters": weights, "states": statistics(), "inputs": table()}
