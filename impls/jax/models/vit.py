from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.vit import EPS


def block(own, x, heads, *, eps, approximate=False, causal=False):
    """Normalised before attention and perceptron; `approximate` is jax.nn.gelu's."""
    x = x + layers.self_attention(own["attention"], layers.layer_norm(own["norm1"], x, eps=eps), heads, causal=causal)
    y = layers.linear(own["fc1"], layers.layer_norm(own["norm2"], x, eps=eps))
    return x + layers.linear(own["fc2"], jax.nn.gelu(y, approximate=approximate))


@implements("vit")
def vit(parameters, states, x, *, training, patch, features, heads, depth):
    batch = len(x)
    x = layers.conv2d(parameters["patches"], x, stride=patch).reshape(batch, -1, features)
    tokens = jnp.broadcast_to(parameters["class_token"], (batch, 1, features))
    x = jnp.concatenate([tokens, x], axis=1) + parameters["positions"]
    for number in range(depth):
        x = block(parameters["blocks"][str(number)], x, heads, eps=EPS)
    return layers.linear(parameters["head"], layers.layer_norm(parameters["norm"], x, eps=EPS)[:, 0]), {}
