"""Residual networks."""

from __future__ import annotations

from collections.abc import Callable

from suite.workloads.definition import Problem
from suite.workloads.definition import Value as Setting
from suite.workloads.distributions import Classes, Draw
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    RESIDUAL_SCALE,
    SCALE,
    activation,
    add,
    batch_norm,
    conv2d,
    global_average,
    linear,
    max_pool2d,
)
from suite.workloads.models.network import Network, Value

Block = Callable[[Network, str, Value, int, int], Value]


def _problems() -> dict[str, dict[str, Setting]]:
    """`tiny` has all stages, with few channels; the last is ImageNet's, of which the others are parts."""
    return {
        "tiny": dict(batch=6, size=33, width=4, classes=5),
        "small": dict(batch=2, size=64, width=16, classes=10),
        "medium": dict(batch=8, size=64, width=64, classes=100),
        "large": dict(batch=8, size=224, width=64, classes=1000),
        "imagenet": dict(batch=32, size=224, width=64, classes=1000),
    }


def _normalized(
    net: Network, name: str, number: int, x: Value, channels: int, kernel: int, stride: int, scale: Draw = SCALE
) -> Value:
    """Convolution without bias, then batch normalisation."""
    x = conv2d(net, f"{name}.conv{number}", x, channels, kernel, stride=stride, padding=kernel // 2, bias=False)
    return batch_norm(net, f"{name}.bn{number}", x, scale=scale)


def _shortcut(net: Network, name: str, x: Value, like: Value, stride: int) -> Value:
    """x itself, or brought to the shape of `like` by a convolution of 1 × 1."""
    if x.shape == like.shape:
        return x
    x = conv2d(net, f"{name}.downsample.0", x, like.shape[1], 1, stride=stride, bias=False)
    return batch_norm(net, f"{name}.downsample.1", x)


def _basic(net: Network, name: str, x: Value, width: int, stride: int) -> Value:
    y = _normalized(net, name, 1, x, width, 3, stride)
    y = activation(net, f"{name}.relu1", y, "relu")
    y = _normalized(net, name, 2, y, width, 3, 1, RESIDUAL_SCALE)
    return activation(net, f"{name}.relu", add(net, f"{name}.sum", y, _shortcut(net, name, x, y, stride)), "relu")


def _bottleneck(net: Network, name: str, x: Value, width: int, stride: int) -> Value:
    """The stride is in the middle, as in all implementations since, and not in the first convolution."""
    y = activation(net, f"{name}.relu1", _normalized(net, name, 1, x, width, 1, 1), "relu")
    y = activation(net, f"{name}.relu2", _normalized(net, name, 2, y, width, 3, stride), "relu")
    y = _normalized(net, name, 3, y, 4 * width, 1, 1, RESIDUAL_SCALE)
    return activation(net, f"{name}.relu", add(net, f"{name}.sum", y, _shortcut(net, name, x, y, stride)), "relu")


def _resnet(net: Network, p: Problem, block: Block, blocks: tuple[int, ...]) -> None:
    x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
    x = batch_norm(net, "bn1", conv2d(net, "conv1", x, p.width, 7, stride=2, padding=3, bias=False))
    x = max_pool2d(net, "maxpool", activation(net, "relu", x, "relu"), 3, 2, 1)
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage > 0 and number == 0 else 1
            x = block(net, f"layer{stage + 1}.{number}", x, p.width * 2**stage, stride)
    net.output("y", linear(net, "fc", global_average(net, "avgpool", x), p.classes), "B C")
    net.target("labels", "B", (p.batch,), Classes(p.classes))


@model(family="resnet")
class Resnet18:
    """Residual network of 18 layers.

    A convolution of 7 × 7 with stride 2, a maximum over 3 × 3 with stride 2, four stages of two blocks each, the mean
    over the image, and a linear layer. A block is y = max(0, F(x) + x), with F two convolutions of 3 × 3, each without
    bias and normalised over the batch, the first of a stage with stride 2 (but for the first stage); where shapes
    differ, x goes through a convolution of 1 × 1. Stages have width, 2, 4 and 8 times as many channels. Source: He,
    Zhang, Ren and Sun 2016, Deep residual learning for image recognition, table 1, with projections where shapes differ
    (option B).

    With 64 channels and 1000 classes it has 11,689,512 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = _problems()

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        _resnet(net, p, _basic, (2, 2, 2, 2))


@model(family="resnet")
class Resnet50:
    """Residual network of 50 layers.

    As resnet18, with 3, 4, 6 and 3 blocks, each of three convolutions: 1 × 1, 3 × 3 and 1 × 1 to four times as many
    channels. The stride is in the convolution of 3 × 3. Source: He, Zhang, Ren and Sun 2016, Deep residual learning for
    image recognition, table 1; Goyal et al. 2017, Accurate, large minibatch SGD, section 5.1, for the place of the
    stride.

    With 64 channels and 1000 classes it has 25,557,032 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = _problems()

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        _resnet(net, p, _bottleneck, (3, 4, 6, 3))
