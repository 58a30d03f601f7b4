"""Deep Q-networks."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Normal, Uniform
from suite.workloads.models.definition import model
from suite.workloads.models.layers import GLOROT, activation, conv2d, flatten, linear
from suite.workloads.models.network import Network


@model(family="dqn")
class Dqn:
    """Deep Q-network: the value of each action, from four frames of 84 × 84.

    Convolutions of 8 × 8 with stride 4, 4 × 4 with stride 2 and 3 × 3, to width, 2 width and 2 width channels, and
    linear layers of `hidden` and of the actions, with ReLU after all but the last. The loss is the mean squared error
    to given values. Source: Mnih et al. 2015, Human-level control through deep reinforcement learning, methods.

    With width 32, 512 hidden units and 4 actions it has 1,686,180 parameters.
    """

    loss = "mse"
    smooth = False
    problems = {
        "tiny": dict(batch=2, size=36, width=2, hidden=8, actions=3),
        "small": dict(batch=8, size=84, width=8, hidden=64, actions=4),
        "medium": dict(batch=32, size=84, width=32, hidden=512, actions=4),
        "large": dict(batch=256, size=84, width=32, hidden=512, actions=18),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 4, p.size, p.size), Uniform(0.0, 1.0))
        for number, (factor, kernel, stride) in enumerate(((1, 8, 4), (2, 4, 2), (2, 3, 1)), 1):
            x = conv2d(net, f"conv{number}", x, factor * p.width, kernel, stride=stride)
            x = activation(net, f"relu{number}", x, "relu")
        x = activation(net, "relu4", linear(net, "fc1", flatten(net, "flat", x), p.hidden), "relu")
        net.output("y", linear(net, "fc2", x, p.actions, gain=GLOROT), "B D")
        net.target("targets", "B D", (p.batch, p.actions), Normal())
