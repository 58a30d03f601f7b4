from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.models import layers


def _convolution(own, adjacency, x):
    return adjacency @ (x @ own["weight"]) + own["bias"]


@implements("gcn")
def gcn(parameters, states, x, adjacency, *masks, training):
    x = jax.nn.relu(_convolution(parameters["conv1"], adjacency, x))
    x = layers.dropout(x, *masks, 0.5) if training else x
    return _convolution(parameters["conv2"], adjacency, x), {}
