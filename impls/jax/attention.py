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


def _causal(seq):
    return jnp.tril(jnp.ones((seq, seq), dtype=bool))


@implements(
    "grouped_query_attention",
    layout={"query": "B T H D", "key": "B T K D", "value": "B T K D", "y": "B T H D"},
    unsupported=_softmax_in_float32,
)
def grouped_query_attention(query, key, value, *, causal):
    return jax.nn.dot_product_attention(query, key, value, scale=query.shape[-1] ** -0.5, is_causal=causal)


@implements("grouped_query_attention", variant="written_out")
def grouped_query_attention_written_out(query, key, value, *, causal):
    batch, heads, seq, head_dim = query.shape
    grouped = query.reshape(batch, key.shape[1], heads // key.shape[1], seq, head_dim)
    scores = jnp.einsum("bkgtd,bksd->bkgts", grouped, key) * head_dim**-0.5
    if causal:
        scores = jnp.where(_causal(seq), scores, -jnp.inf)
    return jnp.einsum("bkgts,bksd->bkgtd", jax.nn.softmax(scores, axis=-1), value).reshape(query.shape)


@implements(
    "masked_attention",
    layout={"query": "B T H D", "key": "B S H D", "value": "B S H D", "y": "B T H D"},
    unsupported=_softmax_in_float32,
)
def masked_attention(query, key, value, mask):
    y = jax.nn.dot_product_attention(
        query, key, value, mask=mask[:, None, None, :], scale=query.shape[-1] ** -0.5, is_causal=False
    )
    # It gives the mean of all values where there is no valid key.
    return jnp.where(mask.any(axis=-1)[:, None, None, None], y, 0)


@implements("masked_attention", variant="written_out")
def masked_attention_written_out(query, key, value, mask):
    scores = query @ key.swapaxes(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    # With `where`, what is not visible has weight 0, in a row without a valid key too.
    weights = jax.nn.softmax(scores, axis=-1, where=mask[:, None, None, :])
    return weights @ value


@implements(
    "sliding_window_attention",
    layout={name: "B T H D" for name in ("query", "key", "value", "y")},
    unsupported=_softmax_in_float32,
)
def sliding_window_attention(query, key, value, *, window):
    return jax.nn.dot_product_attention(
        query, key, value, scale=query.shape[-1] ** -0.5, is_causal=True, local_window_size=(window - 1, 0)
    )


@implements("sliding_window_attention", variant="written_out")
def sliding_window_attention_written_out(query, key, value, *, window):
    scores = query @ key.swapaxes(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    position = jnp.arange(query.shape[2])
    distance = position[:, None] - position
    scores = jnp.where((distance >= 0) & (distance < window), scores, -jnp.inf)
    return jax.nn.softmax(scores, axis=-1) @ value


def _angles(x, seq, features, base):
    """Position times frequency, T × features/2."""
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    frequency = base ** (-2 * jnp.arange(features // 2, dtype=dtype) / features)
    return jnp.outer(jnp.arange(seq, dtype=dtype), frequency)


@implements("rotary_embedding")
def rotary_embedding(x, *, base, pairs):
    angles = _angles(x, x.shape[2], x.shape[3], base)
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)  # T D/2
    if pairs == "halves":
        first, second = jnp.split(x, 2, axis=-1)
        return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    return jnp.stack([first * cos - second * sin, first * sin + second * cos], axis=-1).reshape(x.shape)


@implements("sinusoidal_positions")
def sinusoidal_positions(x, *, base):
    seq, features = x.shape[1:]
    angles = _angles(x, seq, features, base)
    table = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(seq, features)
    return features**0.5 * x + table.astype(x.dtype)


@implements("additive_attention", layout={"query_weight": "Q A", "key_weight": "K A"})
def additive_attention(query, key, query_weight, key_weight, score_weight):
    units = jnp.tanh((query @ query_weight)[:, :, None] + (key @ key_weight)[:, None])  # B T S A
    return jax.nn.softmax(units @ score_weight, axis=-1) @ key


@implements(
    "decode_attention",
    layout={name: "B S H D" for name in ("key_cache", "value_cache", "new_key_cache", "new_value_cache")},
    unsupported=_softmax_in_float32,
)
def decode_attention(query, key, value, key_cache, value_cache, *, filled):
    key_cache = key_cache.at[:, filled].set(key)
    value_cache = value_cache.at[:, filled].set(value)
    y = jax.nn.dot_product_attention(
        query[:, None],
        key_cache[:, : filled + 1],
        value_cache[:, : filled + 1],
        scale=query.shape[-1] ** -0.5,
        is_causal=False,
    )
    return y[:, 0], key_cache, value_cache


@implements("decode_attention", variant="written_out")
def decode_attention_written_out(query, key, value, key_cache, value_cache, *, filled):
    key_cache = key_cache.at[:, :, filled].set(key)
    value_cache = value_cache.at[:, :, filled].set(value)
    scores = jnp.einsum("bhd,bhsd->bhs", query, key_cache[:, :, : filled + 1]) * query.shape[-1] ** -0.5
    y = jnp.einsum("bhs,bhsd->bhd", jax.nn.softmax(scores, axis=-1), value_cache[:, :, : filled + 1])
    return y, key_cache, value_cache


@implements("multi_head_attention", layout={"in_weight": "I O", "out_weight": "I O"})
def multi_head_attention(x, in_weight, in_bias, out_weight, out_bias, *, heads, causal):
    batch, seq, features = x.shape
    projected = (x @ in_weight + in_bias).reshape(batch, seq, 3, heads, features // heads)
    query, key, value = jnp.unstack(projected, axis=2)  # B T H head_dim
    scores = jnp.einsum("bthd,bshd->bhts", query, key) * query.shape[-1] ** -0.5
    if causal:
        scores = jnp.where(_causal(seq), scores, -jnp.inf)
    joined = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores, axis=-1), value)
    return joined.reshape(x.shape) @ out_weight + out_bias
