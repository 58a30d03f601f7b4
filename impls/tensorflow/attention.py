from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem


@implements("attention")
def attention(query, key, value, *, causal):
    """Written out: TensorFlow has no fused function for it."""
    head_dim = query.shape[-1]
    scores = tf.matmul(query, key, transpose_b=True) * head_dim**-0.5  # B H T S
    if causal:
        visible = tf.linalg.band_part(tf.ones(scores.shape[-2:], dtype=tf.bool), -1, 0)
        scores = tf.where(visible, scores, scores.dtype.min)
    return tf.matmul(tf.nn.softmax(scores), value)


def _causal(seq):
    return tf.linalg.band_part(tf.ones([seq, seq], dtype=tf.bool), -1, 0)


@implements("grouped_query_attention")
def grouped_query_attention(query, key, value, *, causal):
    group = query.shape[1] // key.shape[1]
    key, value = tf.repeat(key, group, axis=1), tf.repeat(value, group, axis=1)  # B H T D
    scores = tf.matmul(query, key, transpose_b=True) * query.shape[-1] ** -0.5  # B H T S
    if causal:
        scores = tf.where(_causal(query.shape[2]), scores, scores.dtype.min)
    return tf.matmul(tf.nn.softmax(scores), value)


@implements("grouped_query_attention", variant="einsum")
def grouped_query_attention_einsum(query, key, value, *, causal):
    """Without copies of the keys and values."""
    batch, heads, seq, head_dim = query.shape
    grouped = tf.reshape(query, [batch, key.shape[1], heads // key.shape[1], seq, head_dim])
    scores = tf.einsum("bkgtd,bksd->bkgts", grouped, key) * head_dim**-0.5
    if causal:
        scores = tf.where(_causal(seq), scores, scores.dtype.min)
    return tf.reshape(tf.einsum("bkgts,bksd->bkgtd", tf.nn.softmax(scores), value), query.shape)


@implements("masked_attention")
def masked_attention(query, key, value, mask):
    visible = mask[:, None, None, :]
    scores = tf.matmul(query, key, transpose_b=True) * query.shape[-1] ** -0.5  # B H T S
    weights = tf.nn.softmax(tf.where(visible, scores, scores.dtype.min))
    # For the rows without a valid key, whose softmax is even.
    return tf.matmul(tf.where(visible, weights, tf.zeros([], weights.dtype)), value)


@implements("sliding_window_attention")
def sliding_window_attention(query, key, value, *, window):
    seq, head_dim = query.shape[2:]
    visible = tf.linalg.band_part(tf.ones([seq, seq], dtype=tf.bool), min(window, seq) - 1, 0)
    scores = tf.matmul(query, key, transpose_b=True) * head_dim**-0.5  # B H T S
    return tf.matmul(tf.nn.softmax(tf.where(visible, scores, scores.dtype.min)), value)


def _angles(x, seq, features, base):
    """Position times frequency, T × features/2."""
    dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
    exponent = tf.range(features // 2, dtype=dtype) * (-2 / features)
    return tf.range(seq, dtype=dtype)[:, None] * tf.pow(tf.constant(base, dtype), exponent)


@implements("rotary_embedding")
def rotary_embedding(x, *, base, pairs):
    angles = _angles(x, x.shape[2], x.shape[3], base)
    cos, sin = tf.cast(tf.cos(angles), x.dtype), tf.cast(tf.sin(angles), x.dtype)  # T D/2
    if pairs == "halves":
        first, second = tf.split(x, 2, axis=-1)
        return tf.concat([first * cos - second * sin, first * sin + second * cos], axis=-1)
    first, second = x[..., 0::2], x[..., 1::2]
    return tf.reshape(tf.stack([first * cos - second * sin, first * sin + second * cos], axis=-1), x.shape)


@implements("sinusoidal_positions")
def sinusoidal_positions(x, *, base):
    seq, features = x.shape[1:]
    angles = _angles(x, seq, features, base)
    table = tf.reshape(tf.stack([tf.sin(angles), tf.cos(angles)], axis=-1), [seq, features])
    return features**0.5 * x + tf.cast(table, x.dtype)


@implements("additive_attention", layout={"query_weight": "Q A", "key_weight": "K A"})
def additive_attention(query, key, query_weight, key_weight, score_weight):
    units = tf.tanh((query @ query_weight)[:, :, None] + (key @ key_weight)[:, None])  # B T S A
    weights = tf.nn.softmax(tf.reduce_sum(units * score_weight, axis=-1))
    return tf.matmul(weights, key)


def _slices_not_pushed(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0: "'IndexedSlices' object has no attribute '_id'".
    if task == "hvp":
        return "tf.autodiff.ForwardAccumulator cannot pass the gradient of tf.tensor_scatter_nd_update"
    return None


@implements(
    "decode_attention",
    layout={"key_cache": "S B H D", "value_cache": "S B H D", "new_key_cache": "S B H D", "new_value_cache": "S B H D"},
    unsupported=_slices_not_pushed,
)
def decode_attention(query, key, value, key_cache, value_cache, *, filled):
    # Positions first, for these are what tensor_scatter_nd_update indexes.
    key_cache = tf.tensor_scatter_nd_update(key_cache, [[filled]], key[None])
    value_cache = tf.tensor_scatter_nd_update(value_cache, [[filled]], value[None])
    scores = tf.einsum("bhd,sbhd->bhs", query, key_cache[: filled + 1]) * query.shape[-1] ** -0.5
    y = tf.einsum("bhs,sbhd->bhd", tf.nn.softmax(scores), value_cache[: filled + 1])
    return y, key_cache, value_cache


@implements("multi_head_attention", layout={"in_weight": "I O", "out_weight": "I O"})
def multi_head_attention(x, in_weight, in_bias, out_weight, out_bias, *, heads, causal):
    batch, seq, features = x.shape
    head_dim = features // heads
    projected = tf.reshape(x @ in_weight + in_bias, [batch, seq, 3, heads, head_dim])
    query, key, value = tf.unstack(projected, axis=2)  # B T H head_dim
    scores = tf.einsum("bthd,bshd->bhts", query, key) * head_dim**-0.5
    if causal:
        scores = tf.where(_causal(seq), scores, scores.dtype.min)
    joined = tf.einsum("bhts,bshd->bthd", tf.nn.softmax(scores), value)
    return tf.reshape(joined, [batch, seq, features]) @ out_weight + out_bias
