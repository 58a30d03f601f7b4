from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.models import layers


@implements("mlp")
def mlp(parameters, states, x, *, training):
    return layers.linear(parameters["fc2"], jax.nn.relu(layers.linear(parameters["fc1"], x))), {}


@implements("deep_mlp")
def deep_mlp(parameters, states, x, *masks, training, dropout):
    new = {}
    for number in (1, 2, 3):
        norm = f"bn{number}"
        x = layers.linear(parameters[f"fc{number}"], x)
        x, new[norm] = layers.batch_norm(parameters[norm], states[norm], x, training=training)
        x = jax.nn.relu(x)
        x = layers.dropout(x, masks[number - 1], dropout) if training else x
    return layers.linear(parameters["fc4"], x), new
