"""The first convolutional networks, of layers in a row."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    avg_pool2d,
    conv2d,
    dropout,
    flatten,
    linear,
    local_response_norm,
    max_pool2d,
)
from suite.workloads.models.network import Network, Value


@model(family="lenet")
class Lenet5:
    """LeNet-5, with dense connections and a linear last layer.

    On images of 32 × 32: convolution of 5 × 5 to 6 channels, mean over 2 × 2, convolution of 5 × 5 to 16, mean over 2 ×
    2, and linear layers of 120, 84 and `classes`, with tanh after all but the last. Each map of the second convolution
    sees all six before it, and the means have no weights of their own, unlike the original. Source: LeCun, Bottou,
    Bengio and Haffner 1998, Gradient-based learning applied to document recognition, section II.B.

    With 10 classes it has 61,706 parameters.
    """

    loss = "softmax_cross_entropy"
    problems = {
        "tiny": dict(batch=3, classes=10),
        "small": dict(batch=32, classes=10),
        "medium": dict(batch=128, classes=10),
        "large": dict(batch=512, classes=10),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 1, 32, 32))
        for number, channels in enumerate((6, 16), 1):
            x = activation(net, f"tanh{number}", conv2d(net, f"conv{number}", x, channels, 5), "tanh")
            x = avg_pool2d(net, f"pool{number}", x, 2, 2)
        x = flatten(net, "flat", x)
        for number, features in enumerate((120, 84), 1):
            x = activation(net, f"tanh{number + 2}", linear(net, f"fc{number}", x, features, gain=GLOROT), "tanh")
        net.output("y", linear(net, "fc3", x, p.classes, gain=GLOROT), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


@model(family="lenet")
class Alexnet:
    """AlexNet, with the two groups in which it was trained on two GPUs.

    Five convolutions (11 × 11 with stride 4; 5 × 5 in two groups; 3 × 3; 3 × 3 and 3 × 3 in two groups) with ReLU,
    local response normalisation after the first two, maxima over 3 × 3 with stride 2 after the first, second and fifth,
    and linear layers of hidden, hidden and `classes`, the first two with ReLU and dropout of a half by given masks. Of
    the first convolution's channels, `width`, the others have 8/3, 4, 4 and 8/3 times as many. Source: Krizhevsky,
    Sutskever and Hinton 2012, ImageNet classification with deep convolutional neural networks, sections 3.2 to 3.5, on
    images of 227 × 227, which its numbers need.

    With width 96, 4096 hidden units and 1000 classes it has 60,965,224 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=2, size=67, width=6, hidden=16, classes=5),
        "small": dict(batch=4, size=99, width=24, hidden=256, classes=10),
        "medium": dict(batch=8, size=227, width=48, hidden=1024, classes=100),
        "large": dict(batch=8, size=227, width=96, hidden=4096, classes=1000),
        "imagenet": dict(batch=32, size=227, width=96, hidden=4096, classes=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return "the width must be a multiple of 6, as the others are 8/3 of it, in two groups" if p.width % 6 else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        x = _rectified(net, 1, x, p.width, 11, stride=4, padding=0)
        x = max_pool2d(net, "pool1", local_response_norm(net, "norm1", x), 3, 2)
        x = _rectified(net, 2, x, p.width * 8 // 3, 5, groups=2)
        x = max_pool2d(net, "pool2", local_response_norm(net, "norm2", x), 3, 2)
        x = _rectified(net, 3, x, p.width * 4, 3)
        x = _rectified(net, 4, x, p.width * 4, 3, groups=2)
        x = _rectified(net, 5, x, p.width * 8 // 3, 3, groups=2)
        x = flatten(net, "flat", max_pool2d(net, "pool5", x, 3, 2))
        classify(net, x, p)


def _rectified(
    net: Network,
    number: int,
    x: Value,
    channels: int,
    kernel: int,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
) -> Value:
    pads = kernel // 2 if padding is None else padding
    x = conv2d(net, f"conv{number}", x, channels, kernel, stride=stride, padding=pads, groups=groups)
    return activation(net, f"relu{number}", x, "relu")


def classify(net: Network, x: Value, p: Problem) -> None:
    """Two hidden layers with ReLU and dropout of a half, then one for the classes."""
    for number in (1, 2):
        x = activation(net, f"fc{number}.relu", linear(net, f"fc{number}", x, p.hidden), "relu")
        x = dropout(net, f"dropout{number}", x, 0.5)
    net.output("y", linear(net, "fc3", x, p.classes), "B C")
    net.target("labels", "B", (p.batch,), Classes(p.classes))


@model(family="lenet")
class Vgg16:
    """VGG of 16 layers (configuration D).

    Thirteen convolutions of 3 × 3 with ReLU in five stages of 2, 2, 3, 3 and 3, each of which ends with the maximum
    over 2 × 2; the stages have width, 2, 4, 8 and 8 times as many channels. Then linear layers of hidden, hidden and
    `classes`, the first two with ReLU and dropout of a half by given masks. Source: Simonyan and Zisserman 2015, Very
    deep convolutional networks for large-scale image recognition, table 1.

    With 64 channels, images of 224 × 224, 4096 hidden units and 1000 classes it has 138,357,544 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=2, size=32, width=4, hidden=16, classes=5),
        "small": dict(batch=4, size=32, width=16, hidden=128, classes=10),
        "medium": dict(batch=8, size=64, width=64, hidden=512, classes=100),
        "large": dict(batch=4, size=224, width=64, hidden=4096, classes=1000),
        "imagenet": dict(batch=32, size=224, width=64, hidden=4096, classes=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return "the size must be a multiple of 32, as it is halved five times" if p.size % 32 else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        for stage, (factor, count) in enumerate(zip((1, 2, 4, 8, 8), (2, 2, 3, 3, 3), strict=True), 1):
            for number in range(1, count + 1):
                x = conv2d(net, f"conv{stage}_{number}", x, p.width * factor, 3, padding=1)
                x = activation(net, f"relu{stage}_{number}", x, "relu")
            x = max_pool2d(net, f"pool{stage}", x, 2, 2)
        classify(net, flatten(net, "flat", x), p)
