from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements


@implements("mlp", layout={"weight1": "I O", "weight2": "I O"})
def mlp(x, weight1, bias1, weight2, bias2):
    hidden = jax.nn.relu(jnp.dot(x, weight1) + bias1)
    return jnp.dot(hidden, weight2) + bias2
