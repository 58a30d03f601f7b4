from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


@implements("autoencoder")
def autoencoder(parameters, states, x, *, training):
    code = layers.linear(parameters["encoder2"], jax.nn.relu(layers.linear(parameters["encoder1"], x)))
    return layers.linear(parameters["decoder2"], jax.nn.relu(layers.linear(parameters["decoder1"], code))), {}


@implements("vae")
def vae(parameters, states, x, noise, *, training):
    hidden = jax.nn.relu(layers.linear(parameters["encoder"], x))
    mean = layers.linear(parameters["mean"], hidden)
    log_variance = layers.linear(parameters["log_variance"], hidden)
    code = mean + jnp.exp(log_variance / 2) * noise
    hidden = jax.nn.relu(layers.linear(parameters["decoder1"], code))
    return (layers.linear(parameters["decoder2"], hidden), mean, log_variance), {}
