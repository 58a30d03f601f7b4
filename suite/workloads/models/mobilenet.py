"""MobileNet."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Draw
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    RESIDUAL_SCALE,
    SCALE,
    activation,
    add,
    batch_norm,
    conv2d,
    dropout,
    global_average,
    linear,
    multiply,
    reshape,
)
from suite.workloads.models.network import Network, Value

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks, stride of the first block."""


@model(family="mobilenet")
class MobilenetV2:
    """MobileNetV2: inverted residuals with linear bottlenecks.

    A block widens x by a convolution of 1 × 1 (but where the expansion is 1), convolves each channel by itself with 3 ×
    3, and narrows by 1 × 1; each is followed by batch normalisation, the first two by min(max(·, 0), 6); x is added
    where the stride is 1 and the shapes agree. Before the blocks a convolution of 3 × 3 with stride 2 to 32 channels,
    after them one of 1 × 1 to 1280, the mean over the image, dropout of 0.2 by a given mask, and a linear layer. No
    convolution has a bias. All channels are divided by `divisor`. With `squeeze_excite` the depthwise result of every
    block is multiplied by a gate for each channel: the mean over the image, linear to a quarter, ReLU, linear, sigmoid.
    Source: Sandler et al. 2018, MobileNetV2, tables 1 and 2; Hu, Shen and Sun 2018, Squeeze-and-excitation networks,
    section 3.

    With divisor 1, 1000 classes and no gates it has 3,504,872 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    condition = 8.0  # blocks whose shape changes add no x; measured in tests/suite/workloads/models/test_condition.py
    problems = {
        "tiny": dict(batch=6, size=33, divisor=8, classes=5, squeeze_excite=True, learning_rate=0.001),
        "small": dict(batch=2, size=64, divisor=4, classes=10, squeeze_excite=False),
        "medium": dict(batch=4, size=128, divisor=2, classes=100, squeeze_excite=False),
        "large": dict(batch=8, size=224, divisor=1, classes=1000, squeeze_excite=False),
        "imagenet": dict(batch=32, size=224, divisor=1, classes=1000, squeeze_excite=False),
        "imagenet.squeeze_excite": dict(batch=32, size=224, divisor=1, classes=1000, squeeze_excite=True),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.divisor in (1, 2, 4, 8) else "the divisor must be 1, 2, 4 or 8, which divides all channels"

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        x = _normalized(net, "stem", x, 32 // p.divisor, 3, stride=2)
        number = 0
        for expansion, channels, count, stride in STAGES:
            for repeat in range(count):
                step = stride if repeat == 0 else 1
                x = _block(net, f"blocks.{number}", x, expansion, channels // p.divisor, step, p.squeeze_excite)
                number += 1
        x = global_average(net, "mean", _normalized(net, "head", x, 1280 // p.divisor, 1))
        net.output("y", linear(net, "fc", dropout(net, "dropout", x, 0.2), p.classes), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


def _block(net: Network, name: str, x: Value, expansion: int, channels: int, stride: int, gated: bool) -> Value:
    wide = expansion * x.shape[1]
    y = x if expansion == 1 else _normalized(net, f"{name}.expand", x, wide, 1)
    y = _normalized(net, f"{name}.depthwise", y, wide, 3, stride=stride, groups=wide)
    y = _gated(net, f"{name}.gate", y) if gated else y
    residual = stride == 1 and x.shape[1] == channels
    scale = RESIDUAL_SCALE if residual else SCALE
    y = _normalized(net, f"{name}.project", y, channels, 1, bounded=False, scale=scale)
    return add(net, f"{name}.sum", x, y) if residual else y


def _normalized(
    net: Network,
    name: str,
    x: Value,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    bounded: bool = True,
    scale: Draw = SCALE,
) -> Value:
    y = conv2d(net, f"{name}.conv", x, channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False)
    y = batch_norm(net, f"{name}.norm", y, scale=scale)
    return activation(net, f"{name}.relu6", y, "relu6") if bounded else y


def _gated(net: Network, name: str, x: Value) -> Value:
    y = global_average(net, f"{name}.mean", x)
    y = activation(net, f"{name}.relu", linear(net, f"{name}.squeeze", y, max(1, x.shape[1] // 4)), "relu")
    y = activation(net, f"{name}.sigmoid", linear(net, f"{name}.excite", y, x.shape[1]), "sigmoid")
    return multiply(net, name, x, reshape(net, f"{name}.pixel", y, "N C H W", (*y.shape, 1, 1)))
