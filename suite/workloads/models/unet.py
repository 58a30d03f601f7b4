"""U-Net."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import activation, batch_norm, concat, conv2d, conv_transpose2d, max_pool2d
from suite.workloads.models.network import Network, Value

LEVELS = 4


@model(family="unet")
class Unet:
    """U-Net: a label for every pixel.

    Five levels, of which each has twice the channels and half the size of the one above, reached by the maximum over 2
    × 2. Back up, a transposed convolution of 2 × 2 with stride 2 halves the channels and doubles the size, and the
    level's own result is joined to it. A level is two convolutions of 3 × 3 with a bias, each with batch normalisation
    and ReLU; the last layer is a convolution of 1 × 1 to the classes. Source: Ronneberger, Fischer and Brox 2015,
    U-Net, figure 1, with a row of padding, so that the size is kept, and batch normalisation.

    With 64 channels and 2 classes it has 31,043,586 parameters.
    """

    loss = "pixel_cross_entropy"
    smooth = False
    condition = 8.0  # no sums pass its normalisations by; measured in tests/suite/workloads/models/test_condition.py
    problems = {
        "tiny": dict(batch=2, size=32, width=2, classes=3, learning_rate=0.001),
        "small": dict(batch=2, size=32, width=8, classes=2),
        "medium": dict(batch=2, size=128, width=32, classes=2),
        "large": dict(batch=2, size=256, width=64, classes=2),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return "the size must be a multiple of 16, as it is halved four times" if p.size % 16 else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        levels = []
        for level in range(LEVELS):
            x = _twice(net, f"down{level + 1}", x, p.width * 2**level)
            levels.append(x)
            x = max_pool2d(net, f"pool{level + 1}", x, 2, 2)
        x = _twice(net, "bottom", x, p.width * 2**LEVELS)
        for level in reversed(range(LEVELS)):
            x = conv_transpose2d(net, f"up{level + 1}.transpose", x, p.width * 2**level, 2, 2)
            x = concat(net, f"up{level + 1}.joined", [x, levels[level]], axis=1)
            x = _twice(net, f"up{level + 1}", x, p.width * 2**level)
        net.output("y", conv2d(net, "final", x, p.classes, 1))
        net.target("labels", "N H W", (p.batch, p.size, p.size), Classes(p.classes))


def _twice(net: Network, name: str, x: Value, channels: int) -> Value:
    for number in (1, 2):
        x = conv2d(net, f"{name}.conv{number}", x, channels, 3, padding=1)
        x = activation(net, f"{name}.relu{number}", batch_norm(net, f"{name}.bn{number}", x), "relu")
    return x
