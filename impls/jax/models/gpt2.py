from __future__ import annotations

from impls.interface import implements
from impls.jax.models import layers
from impls.jax.models.vit import block
from suite.workloads.models.gpt2 import EPS


@implements("gpt2")
def gpt2(parameters, states, ids, *, training, heads, depth):
    table = parameters["tokens"]["weight"]
    x = table[ids] + parameters["positions"][: ids.shape[1]]
    for number in range(depth):
        x = block(parameters["blocks"][str(number)], x, heads, eps=EPS, approximate=True, causal=True)
    return layers.layer_norm(parameters["norm"], x, eps=EPS) @ table.T, {}
