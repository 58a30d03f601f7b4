from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


def _block(own, x, masks, kernel, dilation, dropout, training):
    zeros, y = (kernel - 1) * dilation, x
    for number, name in enumerate(("conv1", "conv2")):
        padded = jnp.pad(y, [(0, 0), (zeros, 0), (0, 0)])
        y = jax.nn.relu(layers.conv1d(own[name], padded, dilation=dilation))
        y = layers.dropout(y, masks[number], dropout) if training else y
    return jax.nn.relu((layers.conv1d(own["shortcut"], x) if "shortcut" in own else x) + y)


@implements("tcn")
def tcn(parameters, states, x, *masks, training, blocks, kernel, dropout):
    for number in range(blocks):
        own = parameters["blocks"][str(number)]
        x = _block(own, x, masks[2 * number : 2 * number + 2], kernel, 2**number, dropout, training)
    return layers.conv1d(parameters["final"], x), {}
