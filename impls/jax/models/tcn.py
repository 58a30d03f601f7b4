from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.definition import training_only


def _block(own, x, masks, *, kernel, dilation, dropout, training):
    zeros, y = (kernel - 1) * dilation, x
    for number, name in enumerate(("conv1", "conv2")):
        padded = jnp.pad(y, [(0, 0), (zeros, 0), (0, 0)])
        y = jax.nn.relu(layers.conv1d(own[name], padded, dilation=dilation))
        y = layers.dropout(y, masks[number], dropout) if training else y
    return jax.nn.relu((layers.conv1d(own["shortcut"], x) if "shortcut" in own else x) + y)


@implements("tcn")
def tcn(parameters, states, x, *masks, training, blocks, kernel, dropout):
    block = partial(_block, kernel=kernel, dropout=dropout, training=training)
    for number in range(blocks):
        own, given = parameters["blocks"][str(number)], masks[2 * number : 2 * number + 2]
        x = block(own, x, given, dilation=2**number)
    return layers.conv1d(parameters["final"], x), {}


@implements("tcn", variant="checkpointed", unsupported=training_only)
def checkpointed_tcn(parameters, states, x, *masks, training, blocks, kernel, dropout):
    """Keeps the input of each block alone; the backward pass computes the rest again."""
    for number in range(blocks):
        own, given = parameters["blocks"][str(number)], masks[2 * number : 2 * number + 2]
        block = partial(_block, kernel=kernel, dilation=2**number, dropout=dropout, training=training)
        x = jax.checkpoint(block)(own, x, given)
    return layers.conv1d(parameters["final"], x), {}
