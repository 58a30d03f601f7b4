from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from suite.workloads import Problem


def _softmax_in_float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Seen in 0.10.2; discussed by its authors in jax-ml/jax#34112.
    if precision == "float64":
        return "jax.nn.dot_product_attention computes its softmax in float32, whatever the precision of its arguments"
    return None


@implements(
    "attention",
    layout={name: "B T H D" for name in ("query", "key", "value", "y")},
    unsupported=_softmax_in_float32,
)
def attention(query, key, value, *, causal):
    return jax.nn.dot_product_attention(query, key, value, is_causal=causal)


@implements("attention", variant="written_out")
def attention_written_out(query, key, value, *, causal):
    scores = query @ key.swapaxes(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], dtype=bool)), scores, -jnp.inf)
    return jax.nn.softmax(scores, axis=-1) @ value
