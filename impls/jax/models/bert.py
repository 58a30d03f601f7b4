from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.bert import EPS
from suite.workloads.models.definition import training_only


def _block(own, x, heads):
    x = layers.layer_norm(own["norm1"], x + layers.self_attention(own["attention"], x, heads), eps=EPS)
    y = layers.linear(own["fc2"], jax.nn.gelu(layers.linear(own["fc1"], x), approximate=False))
    return layers.layer_norm(own["norm2"], x + y, eps=EPS)


@implements("bert_base")
def bert_base(parameters, states, ids, segments, checkpointed=False, *, training, heads, depth):
    block = partial(_block, heads=heads)
    block = jax.checkpoint(block) if checkpointed else block
    x = parameters["tokens"]["weight"][ids] + parameters["segments_embedding"]["weight"][segments]
    x = layers.layer_norm(parameters["norm"], x + parameters["positions"][: ids.shape[1]], eps=EPS)
    for number in range(depth):
        x = block(parameters["blocks"][str(number)], x)
    x = jnp.tanh(layers.linear(parameters["pooler"], x[:, 0]))
    return layers.linear(parameters["classifier"], x), {}


@implements("bert_base", variant="checkpointed", unsupported=training_only)
def checkpointed_bert_base(*arguments, training, heads, depth):
    """Keeps the input of each block alone; the backward pass computes the rest again."""
    return bert_base(*arguments, True, training=training, heads=heads, depth=depth)
