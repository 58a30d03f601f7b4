"""Temporal convolutions."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import activation, add, conv1d, dropout, transpose
from suite.workloads.models.network import Network, Value


@model(family="tcn")
class Tcn:
    """Temporal convolutional network: a label for every step from the steps up to it.

    Each block is twice: convolution with zeros before the sequence only, so that no step sees a later one, ReLU, and
    dropout of `dropout` by a given mask; then x is added, by a convolution of one tap where the channels differ, and
    rectified. Block b has dilation 2ᵇ. The last layer is a convolution of one tap. Source: Bai, Kolter and Koltun 2018,
    An empirical evaluation of generic convolutional and recurrent networks for sequence modeling, section 3, without
    weight normalisation.
    """

    loss = "token_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=2, seq=9, inputs=3, channels=4, blocks=2, kernel=3, classes=3, dropout=0.25),
        "small": dict(batch=8, seq=64, inputs=8, channels=16, blocks=4, kernel=3, classes=10, dropout=0.2),
        "medium": dict(batch=16, seq=256, inputs=32, channels=64, blocks=6, kernel=3, classes=10, dropout=0.2),
        "large": dict(batch=32, seq=784, inputs=1, channels=128, blocks=8, kernel=7, classes=10, dropout=0.2),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.dropout < 1 else "dropout must leave something"

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C W", (p.batch, p.inputs, p.seq))
        for block in range(p.blocks):
            x = _block(net, f"blocks.{block}", x, p, 2**block)
        y = conv1d(net, "final", x, p.classes, 1)
        net.output("y", transpose(net, "last", y, "N W C"), "B T C")
        net.target("labels", "B T", (p.batch, p.seq), Classes(p.classes))


def _block(net: Network, name: str, x: Value, p: Problem, dilation: int) -> Value:
    y = x
    for number in (1, 2):
        y = _causal(net, f"{name}.conv{number}", y, p.channels, p.kernel, dilation)
        y = dropout(net, f"{name}.dropout{number}", activation(net, f"{name}.relu{number}", y, "relu"), p.dropout)
    if x.shape != y.shape:
        x = conv1d(net, f"{name}.shortcut", x, p.channels, 1)
    return activation(net, f"{name}.relu", add(net, f"{name}.sum", x, y), "relu")


def _causal(net: Network, name: str, x: Value, channels: int, kernel: int, dilation: int) -> Value:
    zeros = (kernel - 1) * dilation
    batch, before, size = x.shape
    widths = ((0, 0), (0, 0), (zeros, 0))
    padded = net.elementary(f"{name}.padded", "pad", [x], x.axes, (batch, before, size + zeros), widths=widths)
    return conv1d(net, name, padded, channels, kernel, dilation=dilation)
