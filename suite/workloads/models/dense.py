"""Models of dense layers."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Uniform
from suite.workloads.models.definition import model
from suite.workloads.models.layers import activation, batch_norm, dropout, linear
from suite.workloads.models.network import Network


@model(family="dense")
class Mlp:
    """Perceptron with one hidden layer, which is rectified.

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.1.

    With 784 inputs (28 × 28 pixels), 128 hidden units and 10 classes it has 101,770 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=4, inputs=6, hidden=5, classes=3),
        "small": dict(batch=32, inputs=784, hidden=128, classes=10),
        "medium": dict(batch=256, inputs=784, hidden=128, classes=10),
        "large": dict(batch=1024, inputs=784, hidden=1024, classes=10),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B I", (p.batch, p.inputs))
        x = activation(net, "relu", linear(net, "fc1", x, p.hidden), "relu")
        net.output("y", linear(net, "fc2", x, p.classes), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


@model(family="dense")
class DeepMlp:
    """Perceptron with three hidden layers, batch normalisation and dropout.

    Each hidden layer is linear, normalised over the batch, rectified, and drops each entry with probability `dropout`
    by a given mask; the last layer is linear. Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section
    6.4; Ioffe and Szegedy 2015; Srivastava et al. 2014, Dropout, with the scaling in training (section 10).
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=6, inputs=8, width=8, classes=3, dropout=0.25),
        "small": dict(batch=32, inputs=784, width=256, classes=10, dropout=0.5),
        "medium": dict(batch=256, inputs=784, width=256, classes=10, dropout=0.5),
        "large": dict(batch=1024, inputs=784, width=1024, classes=10, dropout=0.5),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.width % 4:
            return "the width of the first hidden layer must be a multiple of 4, that of the third is a quarter"
        return None if p.dropout < 1 and p.batch > 1 else "dropout must leave something, and a batch have two examples"

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B I", (p.batch, p.inputs), Uniform(0.0, 1.0))
        for number, width in enumerate((p.width, p.width // 2, p.width // 4), 1):
            x = linear(net, f"fc{number}", x, width)
            x = batch_norm(net, f"bn{number}", x)
            x = activation(net, f"relu{number}", x, "relu")
            x = dropout(net, f"dropout{number}", x, p.dropout)
        net.output("y", linear(net, "fc4", x, p.classes), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))
