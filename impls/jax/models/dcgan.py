from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


@implements("dcgan_generator")
def dcgan_generator(parameters, states, code, *, training):
    x, new = code[:, None, None, :], {}
    for number, stride, padding in ((1, 1, 0), (2, 2, 1), (3, 2, 1)):
        norm = f"bn{number}"
        x = layers.conv_transpose2d(parameters[f"conv{number}"], x, stride=stride, padding=padding)
        x, new[norm] = layers.batch_norm(parameters[norm], states[norm], x, training=training)
        x = jax.nn.relu(x)
    return jnp.tanh(layers.conv_transpose2d(parameters["conv4"], x, stride=2, padding=1)), new


@implements("dcgan_discriminator")
def dcgan_discriminator(parameters, states, x, *, training):
    x, new = layers.conv2d(parameters["conv1"], x, stride=2, padding=1), {}
    for number in (2, 3):
        norm = f"bn{number}"
        x = layers.conv2d(parameters[f"conv{number}"], jax.nn.leaky_relu(x, 0.2), stride=2, padding=1)
        x, new[norm] = layers.batch_norm(parameters[norm], states[norm], x, training=training)
    x = layers.conv2d(parameters["conv4"], jax.nn.leaky_relu(x, 0.2))
    return x.reshape(len(x), 1), new
