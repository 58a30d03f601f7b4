from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("sum")
def sum_(x, *, axis):
    return tf.reduce_sum(x, axis=axis)


@implements("mean")
def mean(x, *, axis):
    return tf.reduce_mean(x, axis=axis)


@implements("variance")
def variance(x, *, correction):
    """tf.math.reduce_variance is the biased one."""
    features = x.shape[-1]
    return tf.math.reduce_variance(x, axis=-1) * (features / (features - correction))


@implements("logsumexp")
def logsumexp(x):
    return tf.reduce_logsumexp(x, axis=-1)


@implements("cumsum")
def cumsum(x):
    return tf.cumsum(x, axis=-1, exclusive=False, reverse=False)


@implements("max")
def max_(x):
    return tf.reduce_max(x, axis=-1)


@implements("topk")
def topk(x, *, k):
    return tf.math.top_k(x, k, sorted=True).values


@implements("gather")
def gather(x, index):
    return tf.gather(x, index, axis=1, batch_dims=1)


@implements("scatter_add")
def scatter_add(x, index, updates):
    return tf.tensor_scatter_nd_add(x, index[:, tf.newaxis], updates)


@implements("scatter_add", variant="segments")
def scatter_add_segments(x, index, updates):
    return x + tf.math.unsorted_segment_sum(updates, index, x.shape[0])


@implements("where")
def where(condition, a, c):
    return tf.where(condition, a, c)


@implements("sort")
def sort(x):
    return tf.sort(x, axis=-1, direction="ASCENDING")
