"""Inception."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    activation,
    concat,
    conv2d,
    dropout,
    global_average,
    linear,
    local_response_norm,
    max_pool2d,
)
from suite.workloads.models.network import Network, Value

BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Of each block, the channels of: 1 × 1; 3 × 3's reduction and itself; 5 × 5's reduction and itself; the pool's
projection."""


@model(family="googlenet")
class Googlenet:
    """GoogLeNet: nine inception blocks.

    A block joins, by channels, a convolution of 1 × 1, one of 1 × 1 and then 3 × 3, one of 1 × 1 and then 5 × 5, and
    the maximum over 3 × 3 (stride 1) and then 1 × 1. Before the blocks: 7 × 7 with stride 2, maximum, normalisation, 1
    × 1, 3 × 3, normalisation, maximum; maxima of 3 × 3 with stride 2 and one row of padding before the blocks 4a and
    5a. After them the mean over the image, dropout of 0.4 by a given mask, and a linear layer. All convolutions have a
    bias and a ReLU. The auxiliary classifiers are left out. All channels are those of the paper, divided by `divisor`.
    Source: Szegedy et al. 2015, Going deeper with convolutions, table 1; normalisation as in alexnet.

    With divisor 1 and 1000 classes it has 6,998,552 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=2, size=33, divisor=16, classes=5, learning_rate=0.001),
        "small": dict(batch=2, size=64, divisor=4, classes=10),
        "medium": dict(batch=4, size=128, divisor=2, classes=100),
        "large": dict(batch=8, size=224, divisor=1, classes=1000),
        "imagenet": dict(batch=32, size=224, divisor=1, classes=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return (
            None
            if p.divisor in (1, 2, 4, 8, 16)
            else "the divisor must be 1, 2, 4, 8 or 16, which divides all channels"
        )

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        x = _rectified(net, "conv1", x, 64 // p.divisor, 7, stride=2)
        x = local_response_norm(net, "norm1", max_pool2d(net, "pool1", x, 3, 2, 1))
        x = _rectified(net, "reduce2", x, 64 // p.divisor, 1)
        x = _rectified(net, "conv2", x, 192 // p.divisor, 3)
        x = max_pool2d(net, "pool2", local_response_norm(net, "norm2", x), 3, 2, 1)
        for name, channels in BLOCKS.items():
            if name in ("4a", "5a"):
                x = max_pool2d(net, f"pool{name}", x, 3, 2, 1)
            x = _inception(net, f"inception{name}", x, [count // p.divisor for count in channels])
        x = dropout(net, "dropout", global_average(net, "mean", x), 0.4)
        net.output("y", linear(net, "fc", x, p.classes), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


def _inception(net: Network, name: str, x: Value, channels: list[int]) -> Value:
    c1, r3, c3, r5, c5, projection = channels
    parts = [
        _rectified(net, f"{name}.conv1", x, c1, 1),
        _rectified(net, f"{name}.conv3", _rectified(net, f"{name}.reduce3", x, r3, 1), c3, 3),
        _rectified(net, f"{name}.conv5", _rectified(net, f"{name}.reduce5", x, r5, 1), c5, 5),
        _rectified(net, f"{name}.project", max_pool2d(net, f"{name}.pool", x, 3, 1, 1), projection, 1),
    ]
    return concat(net, name, parts, axis=1)


def _rectified(net: Network, name: str, x: Value, channels: int, kernel: int, stride: int = 1) -> Value:
    x = conv2d(net, name, x, channels, kernel, stride=stride, padding=kernel // 2)
    return activation(net, f"{name}.relu", x, "relu")
