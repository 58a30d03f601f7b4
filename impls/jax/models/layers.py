"""Layers of models as pure functions: `own` are a layer's parameters, by the definition's names. Images are N H W C."""

from __future__ import annotations

from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from impls.jax import attention, convolution, normalization, pooling, recurrent


class Scope(dict[str, Any]):
    """Parameters that know their path, for `layer` to note what comes of them."""

    def __init__(self, tree, path, found, shifts):
        super().__init__(
            {
                name: Scope(value, f"{path}{name}.", found, shifts) if isinstance(value, dict) else value
                for name, value in tree.items()
            }
        )
        self.path, self.found, self.shifts = path.removesuffix("."), found, shifts

    def note(self, y):
        y = y + self.shifts[self.path] if self.path in self.shifts else y
        self.found[self.path] = y
        return y


def layer(function):
    """The layer itself; in a `Scope` its result, the first where it has several, is noted."""

    @wraps(function)
    def noted(own, *arguments, **settings):
        result = function(own, *arguments, **settings)
        if not isinstance(own, Scope):
            return result
        return (own.note(result[0]), *result[1:]) if isinstance(result, tuple) else own.note(result)

    return noted


@layer
def conv2d(own, x, *, stride=1, padding=0, groups=1):
    """With a bias where the layer has one."""
    y = lax.conv_general_dilated(
        x,
        own["weight"],
        window_strides=(stride, stride),
        padding=[(padding, padding)] * 2,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + own["bias"] if "bias" in own else y


@layer
def linear(own, x):
    y = jnp.dot(x, own["weight"])
    return y + own["bias"] if "bias" in own else y


@layer
def batch_norm(own, running, x, *, training, eps=1e-5, momentum=0.1):
    """Over all axes but the last; the result, and the running statistics after it."""
    means, variances = running["running_mean"], running["running_var"]
    if not training:
        y = normalization.batch_norm_inference(x, own["weight"], own["bias"], means, variances, eps=eps)
        return y, {"running_mean": means, "running_var": variances}
    image = x if x.ndim == 4 else x[:, None, None]
    y, means, variances = normalization.batch_norm(
        image, own["weight"], own["bias"], means, variances, eps=eps, momentum=momentum
    )
    return y.reshape(x.shape), {"running_mean": means, "running_var": variances}


def max_pool2d(x, kernel, stride, padding=0):
    return pooling.max_pool2d(x, kernel=kernel, stride=stride, padding=padding, ceil_mode=False)


def avg_pool2d(x, kernel, stride):
    return pooling.avg_pool2d(x, kernel=kernel, stride=stride, padding=0, ceil_mode=False, count_include_pad=True)


def local_response_norm(x):
    """Over five channels, with the constants of AlexNet."""
    return normalization.local_response_norm(x, radius=2, alpha=1e-4, beta=0.75, k=2.0)


def flatten(x):
    """As the definition does: channels first."""
    return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)


def dropout(x, mask, rate):
    """By a mask that is given: True where an entry is kept."""
    return x * mask / (1 - rate)


@layer
def conv_transpose2d(own, x, *, stride, padding=0):
    """With a bias where the layer has one."""
    bias = own["bias"] if "bias" in own else 0  # noqa: SIM401 - what is read is noted by `own[...]`
    settings = dict(stride=stride, padding=padding, output_padding=0, groups=1)
    return convolution.conv_transpose2d(x, own["weight"], bias, **settings)


@layer
def layer_norm(own, x, *, eps=1e-5):
    return normalization.layer_norm(x, own["weight"], own["bias"], eps=eps)


@layer
def self_attention(own, x, heads, *, causal=False):
    own = own["in_weight"], own["in_bias"], own["out_weight"], own["out_bias"]
    return attention.multi_head_attention(x, *own, heads=heads, causal=causal)


def cached_attention(own, x, heads, cache, start):
    """Of x, whose first position is `start`, to all positions up to each; and the cache of keys and values, B S H D,
    with theirs."""
    batch, seq, features = x.shape
    projected = (x @ own["in_weight"] + own["in_bias"]).reshape(batch, seq, 3, heads, features // heads)
    query, key, value = jnp.unstack(projected, axis=2)  # B T H D
    keys, values = (
        lax.dynamic_update_slice_in_dim(kept, new, start, axis=1) for kept, new in zip(cache, (key, value), strict=True)
    )
    scores = jnp.einsum("bthd,bshd->bhts", query, keys) * query.shape[-1] ** -0.5
    known = jnp.arange(keys.shape[1]) <= start + jnp.arange(seq)[:, None]
    joined = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(jnp.where(known, scores, -jnp.inf), axis=-1), values)
    return joined.reshape(x.shape) @ own["out_weight"] + own["out_bias"], (keys, values)


@layer
def recurrent_layers(own, x, kind, *, bidirectional=False):
    """`kind` is `lstm`, `gru` or `rnn_tanh`, from a state of zeros."""
    names = ["weight_ih", "weight_hh", "bias", *(["bias_n"] if kind == "gru" else [])]
    layers = len(own["bias"]) // (2 if bidirectional else 1)
    suffixes = [f"l{n}{end}" for n in range(layers) for end in (("", "_reverse") if bidirectional else ("",))]
    weights = [own[name][suffix] for suffix in suffixes for name in names]
    zeros = jnp.zeros((len(suffixes), len(x), own["weight_hh"]["l0"].shape[1]), x.dtype)
    states = (zeros, zeros) if kind == "lstm" else (zeros,)
    return getattr(recurrent, kind)(x, None, *states, *weights, bidirectional=bidirectional, ragged=False)[0]


@layer
def conv1d(own, x, *, dilation=1):
    return convolution.conv1d(x, own["weight"], own["bias"], stride=1, padding=0, dilation=dilation, groups=1)


@layer
def group_norm(own, x, groups, *, eps=1e-5):
    return normalization.group_norm(x, own["weight"], own["bias"], groups=groups, eps=eps)


def upsample(x):
    """Every pixel four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


@layer
def cross_attention(own, x, memory, heads):
    """Queries from x; keys and values from the memory."""

    def split(name, source):
        return linear(own[name], source).reshape(*source.shape[:2], heads, -1)

    query, key, value = split("query", x), split("key", memory), split("value", memory)  # B T H D
    scores = jnp.einsum("bthd,bshd->bhts", query, key) * query.shape[-1] ** -0.5
    joined = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores, axis=-1), value)
    return linear(own["out"], joined.reshape(x.shape))
