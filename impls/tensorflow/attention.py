from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("attention")
def attention(query, key, value, *, causal):
    """Written out: TensorFlow has no fused function for it."""
    head_dim = query.shape[-1]
    scores = tf.matmul(query, key, transpose_b=True) * head_dim**-0.5  # B H T S
    if causal:
        visible = tf.linalg.band_part(tf.ones(scores.shape[-2:], dtype=tf.bool), -1, 0)
        scores = tf.where(visible, scores, scores.dtype.min)
    return tf.matmul(tf.nn.softmax(scores), value)
