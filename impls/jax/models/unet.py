from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.unet import LEVELS


def _twice(own, running, x, training):
    """Two convolutions of 3 × 3, normalised and rectified."""
    new = {}
    for number in (1, 2):
        norm = f"bn{number}"
        x = layers.conv2d(own[f"conv{number}"], x, padding=1)
        x, new[norm] = layers.batch_norm(own[norm], running[norm], x, training=training)
        x = jax.nn.relu(x)
    return x, new


@implements("unet")
def unet(parameters, states, x, *, training):
    levels, new = [], {}
    for level in range(1, LEVELS + 1):
        name = f"down{level}"
        x, new[name] = _twice(parameters[name], states[name], x, training)
        levels.append(x)
        x = layers.max_pool2d(x, 2, 2)
    x, new["bottom"] = _twice(parameters["bottom"], states["bottom"], x, training)
    for level in reversed(range(1, LEVELS + 1)):
        name = f"up{level}"
        x = layers.conv_transpose2d(parameters[name]["transpose"], x, stride=2)
        x = jnp.concatenate([x, levels[level - 1]], axis=3)
        x, new[name] = _twice(parameters[name], states[name], x, training)
    return layers.conv2d(parameters["final"], x), new
