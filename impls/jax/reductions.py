from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from impls.interface import implements


@implements("sum")
def sum_(x, *, axis):
    return jnp.sum(x, axis=axis)


@implements("mean")
def mean(x, *, axis):
    return jnp.mean(x, axis=axis)


@implements("variance")
def variance(x, *, correction):
    return jnp.var(x, axis=-1, correction=correction)


@implements("logsumexp")
def logsumexp(x):
    return jax.nn.logsumexp(x, axis=-1)


@implements("cumsum")
def cumsum(x):
    return jnp.cumsum(x, axis=-1)


@implements("max")
def max_(x):
    return jnp.max(x, axis=-1)


@implements("topk")
def topk(x, *, k):
    return lax.top_k(x, k)[0]


@implements("gather")
def gather(x, index):
    return jnp.take_along_axis(x, index, axis=1)


@implements("scatter_add")
def scatter_add(x, index, updates):
    return x.at[index].add(updates)


@implements("scatter_add", variant="segments")
def scatter_add_segments(x, index, updates):
    return x + jax.ops.segment_sum(updates, index, num_segments=x.shape[0], indices_are_sorted=False)


@implements("where")
def where(condition, a, c):
    return jnp.where(condition, a, c)


@implements("sort")
def sort(x):
    return jnp.sort(x, axis=-1, stable=True, descending=False)
