from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.attention import sinusoidal_positions
from impls.jax.models import layers


def _perceptron(own, x):
    return layers.linear(own["fc2"], jax.nn.relu(layers.linear(own["fc1"], x)))


def _encoded(own, x, heads):
    x = layers.layer_norm(own["norm1"], x + layers.self_attention(own["attention"], x, heads))
    return layers.layer_norm(own["norm2"], x + _perceptron(own, x))


def _decoded(own, x, memory, heads):
    x = layers.layer_norm(own["norm1"], x + layers.self_attention(own["attention"], x, heads, causal=True))
    x = layers.layer_norm(own["norm2"], x + layers.cross_attention(own["cross"], x, memory, heads))
    return layers.layer_norm(own["norm3"], x + _perceptron(own, x))


@implements("transformer")
def transformer(parameters, states, source, target, *, training, heads, depth):
    memory = sinusoidal_positions(parameters["source_embedding"]["weight"][source], base=10000.0)
    for number in range(depth):
        memory = _encoded(parameters["encoder"][str(number)], memory, heads)
    x = sinusoidal_positions(parameters["target_embedding"]["weight"][target], base=10000.0)
    for number in range(depth):
        x = _decoded(parameters["decoder"][str(number)], x, memory, heads)
    return layers.linear(parameters["fc"], x), {}
