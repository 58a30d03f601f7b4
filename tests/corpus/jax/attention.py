"""Attention in JAX that looks where it should not, or not where it should."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

BATCH, LENGTH, WIDTH, HEADS = 3, 6, 8, 2


def weights(*names: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    made = {}
    for name in names:
        weight = rng.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5
        made[name] = {"weight": jnp.array(weight, jnp.float32), "bias": jnp.zeros(WIDTH)}
    return made


def tokens() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((BATCH, LENGTH, WIDTH)).astype(np.float32)


def linear(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
    return x @ parameters["weight"] + parameters["bias"]


def attention(parameters: dict[str, Any], x: jax.Array, allowed: Any = True, layout: str = "bthd") -> jax.Array:
    """Self-attention; `layout` says how the axes of query, key and value are read."""
    heads = (*x.shape[:-1], HEADS, WIDTH // HEADS)
    query, key, value = (linear(parameters[name], x).reshape(heads) for name in ("query", "key", "value"))
    if layout == "bthd":
        query, key, value = (jnp.swapaxes(each, 1, 2) for each in (query, key, value))
    scores = query @ jnp.swapaxes(key, -1, -2) / (WIDTH // HEADS) ** 0.5
    mixed = jax.nn.softmax(jnp.where(allowed, scores, -jnp.inf)) @ value
    if layout == "bthd":
        mixed = jnp.swapaxes(mixed, 1, 2)
    return linear(parameters["out"], mixed.reshape(x.shape))


PROJECTIONS = ("query", "key", "value", "out")


@case("token mixing", "axis 1")
def heads_that_are_read_as_positions(faulty: bool) -> dict[str, Any]:
    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        return attention(parameters, x, layout="bhtd" if faulty else "bthd")

    return {"model": model, "parameters": weights(*PROJECTIONS), "inputs": tokens(), "sequence": 1}


@case("causality", "axis 1")
def causal_mask_off_by_one(faulty: bool) -> dict[str, Any]:
    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        row, column = jnp.arange(x.shape[1])[:, None], jnp.arange(x.shape[1])
        return attention(parameters, x, column <= row + 1 if faulty else column <= row)

    claims = {"sequence": 1, "causal": True}
    return {"model": model, "parameters": weights(*PROJECTIONS), "inputs": tokens(), **claims}


@case("padding", "axis 1")
def mean_over_padded_positions(faulty: bool) -> dict[str, Any]:
    def model(parameters: dict[str, Any], x: jax.Array, mask: jax.Array) -> jax.Array:
        x = attention(parameters, x, mask[:, None, None, :] > 0)
        kept = jnp.ones_like(mask) if faulty else mask
        return (x * kept[:, :, None]).sum(1) / kept.sum(1, keepdims=True)

    inputs = (tokens(), np.ones((BATCH, LENGTH), np.float32))
    return {"model": model, "parameters": weights(*PROJECTIONS), "inputs": inputs, "sequence": 1, "mask": 1}


@case("batch independence", "axis 0")
def softmax_over_the_batch(faulty: bool) -> dict[str, Any]:
    def model(parameters: dict[str, Any], x: jax.Array) -> jax.Array:
        gates = jax.nn.softmax(linear(parameters["gate"], x), axis=0 if faulty else -1)
        return linear(parameters["out"], gates * x)

    return {"model": model, "parameters": weights("gate", "out"), "inputs": tokens()}
