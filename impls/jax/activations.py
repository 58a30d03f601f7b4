from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements


@implements("relu")
def relu(x):
    return jax.nn.relu(x)


@implements("relu6")
def relu6(x):
    return jax.nn.relu6(x)


@implements("leaky_relu")
def leaky_relu(x, *, slope):
    return jax.nn.leaky_relu(x, negative_slope=slope)


@implements("elu")
def elu(x, *, alpha):
    return jax.nn.elu(x, alpha=alpha)


@implements("selu")
def selu(x):
    return jax.nn.selu(x)


@implements("gelu")
def gelu(x):
    return jax.nn.gelu(x, approximate=False)


@implements("gelu_tanh")
def gelu_tanh(x):
    return jax.nn.gelu(x, approximate=True)


@implements("silu")
def silu(x):
    return jax.nn.silu(x)


@implements("hard_swish")
def hard_swish(x):
    return jax.nn.hard_swish(x)


@implements("softplus")
def softplus(x):
    return jax.nn.softplus(x)


@implements("log1p")
def log1p(x):
    return jnp.log1p(x)


@implements("mish")
def mish(x):
    return jax.nn.mish(x)


@implements("sigmoid")
def sigmoid(x):
    return jax.nn.sigmoid(x)


@implements("tanh")
def tanh(x):
    return jnp.tanh(x)


@implements("softmax")
def softmax(x):
    return jax.nn.softmax(x, axis=-1)


@implements("log_softmax")
def log_softmax(x):
    return jax.nn.log_softmax(x, axis=-1)


@implements("glu")
def glu(x):
    return jax.nn.glu(x, axis=-1)
