from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.definition import training_only
from suite.workloads.models.vit import EPS


def block(own, x, heads, *, eps, approximate=False, causal=False, cache=None, start=0):
    """Normalised before attention and perceptron; `approximate` is jax.nn.gelu's. With a cache, that comes back too."""
    y = layers.layer_norm(own["norm1"], x, eps=eps)
    if cache:
        y, cache = layers.cached_attention(own["attention"], y, heads, cache, start)
        x = x + y
    else:
        x = x + layers.self_attention(own["attention"], y, heads, causal=causal)
    y = layers.linear(own["fc1"], layers.layer_norm(own["norm2"], x, eps=eps))
    x = x + layers.linear(own["fc2"], jax.nn.gelu(y, approximate=approximate))
    return (x, cache) if cache else x


@implements("vit")
def vit(parameters, states, x, checkpointed=False, *, training, patch, features, heads, depth):
    transform = partial(block, heads=heads, eps=EPS)
    transform = jax.checkpoint(transform) if checkpointed else transform
    batch = len(x)
    x = layers.conv2d(parameters["patches"], x, stride=patch).reshape(batch, -1, features)
    tokens = jnp.broadcast_to(parameters["class_token"], (batch, 1, features))
    x = jnp.concatenate([tokens, x], axis=1) + parameters["positions"]
    for number in range(depth):
        x = transform(parameters["blocks"][str(number)], x)
    return layers.linear(parameters["head"], layers.layer_norm(parameters["norm"], x, eps=EPS)[:, 0]), {}


@implements("vit", variant="checkpointed", unsupported=training_only)
def checkpointed_vit(*arguments, training, patch, features, heads, depth):
    """Keeps the input of each block alone; the backward pass computes the rest again."""
    return vit(*arguments, True, training=training, patch=patch, features=features, heads=heads, depth=depth)
