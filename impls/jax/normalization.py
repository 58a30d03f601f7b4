from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from impls.interface import implements

NHWC = {"x": "N H W C", "y": "N H W C"}


@implements("layer_norm")
def layer_norm(x, weight, bias, *, eps):
    # Not jax.nn.standardize: its default takes the variance as E[x²] − E[x]², which cancels where the mean is large.
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + eps) * weight + bias


def standardized(x, axes, eps):
    """x to mean 0 and variance 1 over `axes`; the mean and the biased variance."""
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    variance = (centred**2).mean(axis=axes, keepdims=True)
    return centred * lax.rsqrt(variance + eps), mean, variance


@implements("batch_norm", layout=NHWC)
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum):
    normal, mean, variance = standardized(x, (0, 1, 2), eps)
    count = x.size // x.shape[3]
    new_mean = (1 - momentum) * running_mean + momentum * mean.ravel()
    new_var = (1 - momentum) * running_var + momentum * count / (count - 1) * variance.ravel()
    return normal * weight + bias, new_mean, new_var


@implements("batch_norm_inference", layout=NHWC)
def batch_norm_inference(x, weight, bias, running_mean, running_var, *, eps):
    return (x - running_mean) * (lax.rsqrt(running_var + eps) * weight) + bias


@implements("instance_norm", layout=NHWC)
def instance_norm(x, weight, bias, *, eps):
    return standardized(x, (1, 2), eps)[0] * weight + bias


@implements("group_norm", layout=NHWC)
def group_norm(x, weight, bias, *, groups, eps):
    n, h, w, c = x.shape
    grouped = x.reshape(n, h, w, groups, c // groups)
    return standardized(grouped, (1, 2, 4), eps)[0].reshape(x.shape) * weight + bias


@implements("local_response_norm", layout=NHWC)
def local_response_norm(x, *, radius, alpha, beta, k):
    sums = lax.reduce_window(
        x**2,
        0.0,
        lax.add,
        window_dimensions=(1, 1, 1, 2 * radius + 1),
        window_strides=(1, 1, 1, 1),
        padding=[(0, 0), (0, 0), (0, 0), (radius, radius)],
    )
    return x * (k + alpha * sums) ** -beta


@implements("weight_norm")
def weight_norm(direction, gain):
    return gain[:, None] * direction / jnp.linalg.norm(direction, axis=1, keepdims=True)


@implements("spectral_norm")
def spectral_norm(weight, u, *, iterations):
    constant = lax.stop_gradient(weight)
    for _ in range(iterations):
        v = constant.T @ u
        v = v / jnp.linalg.norm(v)
        u = constant @ v
        u = u / jnp.linalg.norm(u)
    return weight / (u @ weight @ v), u


@implements("rms_norm")
def rms_norm(x, weight, *, eps):
    return x * lax.rsqrt((x**2).mean(axis=-1, keepdims=True) + eps) * weight
