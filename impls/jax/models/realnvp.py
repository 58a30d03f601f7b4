from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


def _perceptron(own, x):
    x = jax.nn.relu(layers.linear(own["fc1"], x))
    return layers.linear(own["fc3"], jax.nn.relu(layers.linear(own["fc2"], x)))


def _scale_and_shift(own, x, number):
    """The features of one parity, which these are, and scale and shift of the others, made of them."""
    kept = (jnp.arange(x.shape[1]) % 2 == number % 2).astype(x.dtype)
    fixed = x * kept
    return fixed, kept, jnp.tanh(_perceptron(own["s"], fixed)) * (1 - kept), _perceptron(own["t"], fixed) * (1 - kept)


@implements("realnvp")
def realnvp(parameters, states, x, *, training, couplings):
    logdet = jnp.zeros(len(x), x.dtype)
    for number in range(couplings):
        fixed, kept, s, t = _scale_and_shift(parameters["couplings"][str(number)], x, number)
        x = fixed + x * (1 - kept) * jnp.exp(s) + t
        logdet = logdet + s.sum(axis=1)
    return (x, logdet), {}


@implements("realnvp_inverse")
def realnvp_inverse(parameters, states, code, *, training, couplings):
    logdet = jnp.zeros(len(code), code.dtype)
    for number in reversed(range(couplings)):
        fixed, kept, s, t = _scale_and_shift(parameters["couplings"][str(number)], code, number)
        code = fixed + (code * (1 - kept) - t) * jnp.exp(-s)
        logdet = logdet - s.sum(axis=1)
    return (code, logdet), {}
