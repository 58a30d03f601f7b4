from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.models import layers


def _residual(own, x, when, groups):
    y = layers.conv2d(own["conv1"], jax.nn.silu(layers.group_norm(own["norm1"], x, groups)), padding=1)
    y = y + layers.linear(own["time"], when)[:, None, None, :]
    y = layers.conv2d(own["conv2"], jax.nn.silu(layers.group_norm(own["norm2"], y, groups)), padding=1)
    return (layers.conv2d(own["shortcut"], x) if "shortcut" in own else x) + y


def _attention(own, x, groups):
    batch, _, _, channels = x.shape
    y = layers.group_norm(own["norm"], x, groups).reshape(batch, -1, channels)
    return x + layers.self_attention(own["attend"], y, 1).reshape(x.shape)


@implements("ddpm_unet")
def ddpm_unet(parameters, states, x, step, *, training, groups):
    when = parameters["steps"]["weight"][step[:, 0]]
    for name in ("time1", "time2"):
        when = jax.nn.silu(layers.linear(parameters[name], when))
    x, levels = layers.conv2d(parameters["first"], x, padding=1), []
    for name in ("down1", "down2", "down3"):
        x = _residual(parameters[name], x, when, groups)
        levels.append(x)
        x = layers.conv2d(parameters[name]["shrink"], x, stride=2, padding=1) if "shrink" in parameters[name] else x
    x = _attention(parameters["attention"], x, groups)
    for name in ("up3", "up2", "up1"):
        x = _residual(parameters[name], jnp.concatenate([x, levels.pop()], axis=3), when, groups)
        if "smooth" in parameters[name]:
            x = layers.conv2d(parameters[name]["smooth"], layers.upsample(x), padding=1)
    x = jax.nn.silu(layers.group_norm(parameters["norm"], x, groups))
    return layers.conv2d(parameters["last"], x, padding=1), {}
