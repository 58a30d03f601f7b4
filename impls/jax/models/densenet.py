from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.densenet import BLOCKS


def _activated(own, running, norm, x, training):
    """ReLU of the normalised x, and the new statistics."""
    x, new = layers.batch_norm(own[norm], running[norm], x, training=training)
    return jax.nn.relu(x), {norm: new}


def _layer(own, running, x, training):
    y, new1 = _activated(own, running, "norm1", x, training)
    y = layers.conv2d(own["conv1"], y)
    y, new2 = _activated(own, running, "norm2", y, training)
    y = layers.conv2d(own["conv2"], y, padding=1)
    return jnp.concatenate([x, y], axis=3), new1 | new2


def _transition(own, running, x, training):
    x, new = _activated(own, running, "norm", x, training)
    return layers.avg_pool2d(layers.conv2d(own["conv"], x), 2, 2), new


@implements("densenet121")
def densenet121(parameters, states, x, *, training):
    x = layers.conv2d(parameters["conv0"], x, stride=2, padding=3)
    x, new = _activated(parameters, states, "norm0", x, training)
    x = layers.max_pool2d(x, 3, 2, 1)
    for block, count in enumerate(BLOCKS, 1):
        name = f"denseblock{block}"
        new[name] = {}
        for layer in (f"denselayer{number + 1}" for number in range(count)):
            x, new[name][layer] = _layer(parameters[name][layer], states[name][layer], x, training)
        if block < len(BLOCKS):
            name = f"transition{block}"
            x, new[name] = _transition(parameters[name], states[name], x, training)
    x, last = _activated(parameters, states, "norm5", x, training)
    return layers.linear(parameters["classifier"], x.mean(axis=(1, 2))), new | last
