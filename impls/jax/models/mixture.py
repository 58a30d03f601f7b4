from __future__ import annotations

import jax
from jax import lax

from impls.interface import implements
from impls.jax.models import layers


@implements("mixture_of_experts")
def mixture_of_experts(parameters, states, x, *, training, experts, chosen):
    normal = layers.layer_norm(parameters["norm"], x)
    largest, places = lax.top_k(jax.nn.softmax(layers.linear(parameters["gate"], normal)), chosen)
    shares = largest / largest.sum(axis=-1, keepdims=True)
    gates = (jax.nn.one_hot(places, experts, dtype=x.dtype) * shares[..., None]).sum(axis=-2)
    y = x
    for number in range(experts):
        own = parameters["experts"][str(number)]
        hidden = jax.nn.gelu(layers.linear(own["fc1"], normal), approximate=False)
        y = y + gates[..., number, None] * layers.linear(own["fc2"], hidden)
    return y, {}
