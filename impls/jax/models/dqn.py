from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.models import layers


@implements("dqn")
def dqn(parameters, states, x, *, training):
    for name, stride in (("conv1", 4), ("conv2", 2), ("conv3", 1)):
        x = jax.nn.relu(layers.conv2d(parameters[name], x, stride=stride))
    x = jax.nn.relu(layers.linear(parameters["fc1"], layers.flatten(x)))
    return layers.linear(parameters["fc2"], x), {}
