"""Graph convolutions."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Probabilities
from suite.workloads.models.definition import model
from suite.workloads.models.layers import GLOROT, SHIFT, activation, add, dropout, linear
from suite.workloads.models.network import Network, Value


@model(family="gcn")
class Gcn:
    """Graph convolutional network of two layers: a class for every node.

    A layer is A · (X · Wᵀ) + b, with the normalised adjacency matrix A, dense and given; between the two are ReLU and
    dropout of a half by a given mask. The loss is over all nodes. Source: Kipf and Welling 2017, Semi-supervised
    classification with graph convolutional networks, equation 9.

    With 1433 features, 16 hidden units and 7 classes, those of Cora, it has 23,063 parameters.
    """

    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(nodes=6, features=5, hidden=4, classes=3),
        "small": dict(nodes=256, features=64, hidden=16, classes=7),
        "medium": dict(nodes=1024, features=512, hidden=16, classes=7),
        "large": dict(nodes=2708, features=1433, hidden=16, classes=7),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B I", (p.nodes, p.features))
        adjacency = net.input("adjacency", "B N", (p.nodes, p.nodes), Probabilities())
        x = activation(net, "relu", _convolution(net, "conv1", adjacency, x, p.hidden), "relu")
        x = dropout(net, "dropout", x, 0.5)
        net.output("y", _convolution(net, "conv2", adjacency, x, p.classes), "B C")
        net.target("labels", "B", (p.nodes,), Classes(p.classes))


def _convolution(net: Network, name: str, adjacency: Value, x: Value, features: int) -> Value:
    nodes = x.shape[0]
    y = linear(net, name, x, features, bias=False, gain=GLOROT)
    y = net.apply(f"{name}.spread", "matmul", {"a": adjacency, "b": y}, m=nodes, n=features, k=nodes)
    return add(net, f"{name}.sum", y, net.parameter(f"{name}.bias", "O", (features,), SHIFT))
