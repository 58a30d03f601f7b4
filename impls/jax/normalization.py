from __future__ import annotations

from jax import lax

from impls.interface import implements


@implements("layer_norm")
def layer_norm(x, weight, bias, *, eps):
    # Not jax.nn.standardize: its default takes the variance as E[x²] − E[x]², which cancels where the mean is large.
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + eps) * weight + bias
