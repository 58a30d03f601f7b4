from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from impls.interface import implements
from impls.jax.models import layers
from impls.jax.models.vit import block
from suite.workloads.models.definition import training_only
from suite.workloads.models.gpt2 import EPS, caching_only


@implements("gpt2")
@implements("gpt2", variant="uncached", unsupported=caching_only)
def gpt2(parameters, states, ids, *, training, heads, depth):
    """The states are those of generation, where they are not empty: then logits are those of the last position alone."""
    table, cache, start = parameters["tokens"]["weight"], states.get("cache"), states.get("filled", 0)
    x = table[ids] + lax.dynamic_slice_in_dim(parameters["positions"], start, ids.shape[1])
    new = []
    for number in range(depth):
        own = parameters["blocks"][str(number)]
        if cache:
            x, kept = block(own, x, heads, eps=EPS, approximate=True, cache=cache[number], start=start)
            new.append(kept)
        else:
            x = block(own, x, heads, eps=EPS, approximate=True, causal=True)
    if cache:
        x = x[:, -1:]
    y = layers.layer_norm(parameters["norm"], x, eps=EPS) @ table.T
    return y, {"cache": new, "filled": start + ids.shape[1]} if cache else {}


@implements("gpt2", variant="checkpointed", unsupported=training_only)
def checkpointed_gpt2(parameters, states, ids, *, training, heads, depth):
    """Keeps the input of each block alone; the backward pass computes the rest again."""
    checkpointed = jax.checkpoint(partial(block, heads=heads, eps=EPS, approximate=True, causal=True))
    table = parameters["tokens"]["weight"]
    x = table[ids] + parameters["positions"][: ids.shape[1]]
    for number in range(depth):
        x = checkpointed(parameters["blocks"][str(number)], x)
    return layers.layer_norm(parameters["norm"], x, eps=EPS) @ table.T, {}


def empty_cache(parameters, batch, length, *, heads, depth):
    """For each block its keys and values, B S H D, and how many positions are known."""
    features = parameters["positions"].shape[1]
    empty = jnp.zeros((batch, length, heads, features // heads), parameters["positions"].dtype)
    return {"cache": [(empty, empty)] * depth, "filled": jnp.zeros((), int)}
