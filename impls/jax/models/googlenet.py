from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.googlenet import BLOCKS


def _inception(own, x):
    parts = [
        layers.conv2d(own["conv1"], x),
        layers.conv2d(own["conv3"], jax.nn.relu(layers.conv2d(own["reduce3"], x)), padding=1),
        layers.conv2d(own["conv5"], jax.nn.relu(layers.conv2d(own["reduce5"], x)), padding=2),
        layers.conv2d(own["project"], layers.max_pool2d(x, 3, 1, 1)),
    ]
    return jax.nn.relu(jnp.concatenate(parts, axis=3))


@implements("googlenet")
def googlenet(parameters, states, x, *masks, training):
    x = jax.nn.relu(layers.conv2d(parameters["conv1"], x, stride=2, padding=3))
    x = layers.local_response_norm(layers.max_pool2d(x, 3, 2, 1))
    x = jax.nn.relu(layers.conv2d(parameters["reduce2"], x))
    x = jax.nn.relu(layers.conv2d(parameters["conv2"], x, padding=1))
    x = layers.max_pool2d(layers.local_response_norm(x), 3, 2, 1)
    for name in BLOCKS:
        if name in ("4a", "5a"):
            x = layers.max_pool2d(x, 3, 2, 1)
        x = _inception(parameters[f"inception{name}"], x)
    x = x.mean(axis=(1, 2))
    return layers.linear(parameters["fc"], layers.dropout(x, *masks, 0.4) if training else x), {}
