"""Densely connected networks."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    activation,
    avg_pool2d,
    batch_norm,
    concat,
    conv2d,
    global_average,
    linear,
    max_pool2d,
)
from suite.workloads.models.network import Network, Value

BLOCKS = (6, 12, 24, 16)


@model(family="densenet")
class Densenet121:
    """DenseNet of 121 layers (DenseNet-BC): every layer of a block sees the results of all before it.

    A layer is batch normalisation, ReLU, convolution of 1 × 1 to four times `growth` channels, batch normalisation,
    ReLU, convolution of 3 × 3 to `growth`, which are joined to its input. Blocks of 6, 12, 24 and 16 layers, between
    them batch normalisation, ReLU, convolution of 1 × 1 to half the channels and the mean over 2 × 2. Before them a
    convolution of 7 × 7 with stride 2 to twice `growth`, batch normalisation, ReLU and the maximum over 3 × 3; after
    them batch normalisation, ReLU, the mean over the image and a linear layer. No convolution has a bias.
    Source: Huang, Liu, van der Maaten and Weinberger 2017, Densely connected convolutional networks, table 1 and section
    3.

    With a growth of 32 and 1000 classes it has 7,978,856 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=8, size=64, growth=2, classes=5),
        "small": dict(batch=2, size=64, growth=8, classes=10),
        "medium": dict(batch=4, size=128, growth=16, classes=100),
        "large": dict(batch=8, size=224, growth=32, classes=1000),
        "imagenet": dict(batch=32, size=224, growth=32, classes=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return "the size must be a multiple of 32, as it is halved five times" if p.size % 32 else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        x = conv2d(net, "conv0", x, 2 * p.growth, 7, stride=2, padding=3, bias=False)
        x = max_pool2d(net, "pool0", activation(net, "relu0", batch_norm(net, "norm0", x), "relu"), 3, 2, 1)
        for block, count in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                x = _layer(net, f"denseblock{block}.denselayer{number}", x, p.growth)
            if block < len(BLOCKS):
                x = _transition(net, f"transition{block}", x)
        x = activation(net, "relu5", batch_norm(net, "norm5", x), "relu")
        net.output("y", linear(net, "classifier", global_average(net, "mean", x), p.classes), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


def _layer(net: Network, name: str, x: Value, growth: int) -> Value:
    y = activation(net, f"{name}.relu1", batch_norm(net, f"{name}.norm1", x), "relu")
    y = conv2d(net, f"{name}.conv1", y, 4 * growth, 1, bias=False)
    y = activation(net, f"{name}.relu2", batch_norm(net, f"{name}.norm2", y), "relu")
    return concat(net, name, [x, conv2d(net, f"{name}.conv2", y, growth, 3, padding=1, bias=False)], axis=1)


def _transition(net: Network, name: str, x: Value) -> Value:
    y = activation(net, f"{name}.relu", batch_norm(net, f"{name}.norm", x), "relu")
    return avg_pool2d(net, f"{name}.pool", conv2d(net, f"{name}.conv", y, x.shape[1] // 2, 1, bias=False), 2, 2)
