from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


@implements("lenet5")
def lenet5(parameters, states, x, *, training):
    for name in ("conv1", "conv2"):
        x = layers.avg_pool2d(jnp.tanh(layers.conv2d(parameters[name], x)), 2, 2)
    x = layers.flatten(x)
    for name in ("fc1", "fc2"):
        x = jnp.tanh(layers.linear(parameters[name], x))
    return layers.linear(parameters["fc3"], x), {}


def _classified(parameters, x, masks, training):
    """Two hidden layers with dropout of a half, and one for the classes."""
    x = layers.flatten(x)
    for number, name in enumerate(("fc1", "fc2")):
        x = jax.nn.relu(layers.linear(parameters[name], x))
        x = layers.dropout(x, masks[number], 0.5) if training else x
    return layers.linear(parameters["fc3"], x), {}


@implements("alexnet")
def alexnet(parameters, states, x, *masks, training):
    x = jax.nn.relu(layers.conv2d(parameters["conv1"], x, stride=4))
    x = layers.max_pool2d(layers.local_response_norm(x), 3, 2)
    x = jax.nn.relu(layers.conv2d(parameters["conv2"], x, padding=2, groups=2))
    x = layers.max_pool2d(layers.local_response_norm(x), 3, 2)
    for name, groups in (("conv3", 1), ("conv4", 2), ("conv5", 2)):
        x = jax.nn.relu(layers.conv2d(parameters[name], x, padding=1, groups=groups))
    return _classified(parameters, layers.max_pool2d(x, 3, 2), masks, training)


@implements("vgg16")
def vgg16(parameters, states, x, *masks, training):
    for stage, count in enumerate((2, 2, 3, 3, 3), 1):
        for number in range(1, count + 1):
            x = jax.nn.relu(layers.conv2d(parameters[f"conv{stage}_{number}"], x, padding=1))
        x = layers.max_pool2d(x, 2, 2)
    return _classified(parameters, x, masks, training)
