from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.models import layers


def _normalized(own, running, number, x, training, **convolution):
    """Convolution, then normalisation, which are `conv1` and `bn1` of a block; and the latter's new statistics."""
    y = layers.conv2d(own[f"conv{number}"], x, **convolution)
    norm = f"bn{number}"
    y, new = layers.batch_norm(own[norm], running[norm], y, training=training)
    return y, {norm: new}


def _shortcut(own, running, x, stride, training):
    if "downsample" not in own:
        return x, {}
    y = layers.conv2d(own["downsample"]["0"], x, stride=stride)
    y, new = layers.batch_norm(own["downsample"]["1"], running["downsample"]["1"], y, training=training)
    return y, {"downsample": {"1": new}}


def _basic(own, running, x, stride, training):
    y, new1 = _normalized(own, running, 1, x, training, stride=stride, padding=1)
    y, new2 = _normalized(own, running, 2, jax.nn.relu(y), training, padding=1)
    x, new = _shortcut(own, running, x, stride, training)
    return jax.nn.relu(y + x), new1 | new2 | new


def _bottleneck(own, running, x, stride, training):
    y, new1 = _normalized(own, running, 1, x, training)
    y, new2 = _normalized(own, running, 2, jax.nn.relu(y), training, stride=stride, padding=1)
    y, new3 = _normalized(own, running, 3, jax.nn.relu(y), training)
    x, new = _shortcut(own, running, x, stride, training)
    return jax.nn.relu(y + x), new1 | new2 | new3 | new


def _resnet(block, blocks, parameters, states, x, training):
    x = layers.conv2d(parameters["conv1"], x, stride=2, padding=3)
    x, first = layers.batch_norm(parameters["bn1"], states["bn1"], x, training=training)
    x = layers.max_pool2d(jax.nn.relu(x), 3, 2, 1)
    new = {"bn1": first}
    for stage, count in enumerate(blocks):
        own, running = parameters[f"layer{stage + 1}"], states[f"layer{stage + 1}"]
        new[f"layer{stage + 1}"] = after = {}
        for number in map(str, range(count)):
            stride = 2 if stage > 0 and number == "0" else 1
            x, after[number] = block(own[number], running[number], x, stride, training)
    return layers.linear(parameters["fc"], x.mean(axis=(1, 2))), new


@implements("resnet18")
def resnet18(parameters, states, x, *, training):
    return _resnet(_basic, (2, 2, 2, 2), parameters, states, x, training)


@implements("resnet50")
def resnet50(parameters, states, x, *, training):
    return _resnet(_bottleneck, (3, 4, 6, 3), parameters, states, x, training)
