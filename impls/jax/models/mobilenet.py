from __future__ import annotations

import jax

from impls.interface import implements
from impls.jax.models import layers
from suite.workloads.models.mobilenet import STAGES


def _normalized(own, running, x, training, bounded=True, **convolution):
    """Convolution, batch normalisation, and min(max(·, 0), 6) where it is bounded."""
    x = layers.conv2d(own["conv"], x, **convolution)
    x, new = layers.batch_norm(own["norm"], running["norm"], x, training=training)
    return jax.nn.relu6(x) if bounded else x, {"norm": new}


def _gate(own, x):
    y = jax.nn.relu(layers.linear(own["squeeze"], x.mean(axis=(1, 2))))
    return x * jax.nn.sigmoid(layers.linear(own["excite"], y))[:, None, None, :]


def _block(own, running, x, stride, training):
    y, new = x, {}
    if "expand" in own:
        y, new["expand"] = _normalized(own["expand"], running["expand"], y, training)
    y, new["depthwise"] = _normalized(
        own["depthwise"], running["depthwise"], y, training, stride=stride, padding=1, groups=y.shape[3]
    )
    y = _gate(own["gate"], y) if "gate" in own else y
    y, new["project"] = _normalized(own["project"], running["project"], y, training, bounded=False)
    return x + y if x.shape == y.shape else y, new


@implements("mobilenet_v2")
def mobilenet_v2(parameters, states, x, *masks, training):
    new, number = {"blocks": {}}, 0
    x, new["stem"] = _normalized(parameters["stem"], states["stem"], x, training, stride=2, padding=1)
    for _, _, count, stride in STAGES:
        for repeat in range(count):
            own, running = parameters["blocks"][str(number)], states["blocks"][str(number)]
            x, new["blocks"][str(number)] = _block(own, running, x, stride if repeat == 0 else 1, training)
            number += 1
    x, new["head"] = _normalized(parameters["head"], states["head"], x, training)
    x = x.mean(axis=(1, 2))
    return layers.linear(parameters["fc"], layers.dropout(x, *masks, 0.2) if training else x), new
