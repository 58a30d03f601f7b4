from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.bert import EPS


def _block(own, x, heads):
    x = layers.layer_norm(own["norm1"], x + layers.self_attention(own["attention"], x, heads), eps=EPS)
    y = layers.linear(own["fc2"], jax.nn.gelu(layers.linear(own["fc1"], x), approximate=False))
    return layers.layer_norm(own["norm2"], x + y, eps=EPS)


@implements("bert_base")
def bert_base(parameters, states, ids, segments, *, training, heads, depth):
    x = parameters["tokens"]["weight"][ids] + parameters["segments_embedding"]["weight"][segments]
    x = layers.layer_norm(parameters["norm"], x + parameters["positions"][: ids.shape[1]], eps=EPS)
    for number in range(depth):
        x = _block(parameters["blocks"][str(number)], x, heads)
    x = jnp.tanh(layers.linear(parameters["pooler"], x[:, 0]))
    return layers.linear(parameters["classifier"], x), {}
