"""Normalising flows."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.definition import Value as Setting
from suite.workloads.models.definition import model
from suite.workloads.models.layers import activation, add, linear, multiply
from suite.workloads.models.network import Network, Value

LEARNING_RATE = 1e-3
LAST_GAIN = 0.01
"""Each coupling begins near the identity, as Kingma and Dhariwal 2018 (Glow, section 3.3) have it: they begin with 0."""
_PROBLEMS: dict[str, dict[str, Setting]] = {
    "tiny": dict(batch=4, features=3, hidden=5, couplings=4),
    "small": dict(batch=256, features=2, hidden=128, couplings=6, learning_rate=LEARNING_RATE),
    "medium": dict(batch=256, features=32, hidden=256, couplings=8, learning_rate=LEARNING_RATE),
    "large": dict(batch=1024, features=64, hidden=512, couplings=8, learning_rate=LEARNING_RATE),
}


@model(family="realnvp")
class Realnvp:
    """RealNVP on vectors: data to a normal code, and the logarithm of the determinant of the Jacobian.

    A coupling keeps every other feature, x_a, and changes the rest, x_b, to x_b · exp s(x_a) + t(x_a); which are kept
    alternates, the even ones first. s and t are perceptrons with two hidden layers and ReLU, s with tanh at its end.
    The determinant is exp of the sum of s over what is changed. The loss is the mean negative log-likelihood under a
    standard normal code, `flow_nll`. Source: Dinh, Sohl-Dickstein and Bengio 2017, Density estimation using Real NVP,
    sections 3.2 to 3.5.

    With 2 features, 128 hidden units and 6 couplings it has 205,848 parameters.
    """

    loss = "flow_nll"
    smooth = False
    problems = _PROBLEMS

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features > 1 else "a single feature has no other to be coupled with"

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x, logdets = net.input("x", "B D", (p.batch, p.features)), []
        for number in range(p.couplings):
            name = f"couplings.{number}"
            fixed, moving, s, t = _coupled(net, name, x, p.hidden, number)
            scaled = multiply(
                net, f"{name}.scaled", moving, net.elementary(f"{name}.factor", "exp", [s], s.axes, s.shape)
            )
            x = add(net, f"{name}.y", fixed, scaled, t)
            logdets.append(net.elementary(f"{name}.logdet", "sum", [s], "B", (p.batch,), axes=(1,)))
        net.output("code", x, "B D")
        net.output("logdet", add(net, "logdet", *logdets), "B")


@model(family="realnvp")
class RealnvpInverse:
    """RealNVP backwards: data from a code, by the same couplings in reverse, and the logarithm of that determinant.

    x_b = (y_b − t(y_a)) · exp(−s(y_a)). What comes of `realnvp` gives its input again. Source: Dinh, Sohl-Dickstein and
    Bengio 2017, Density estimation using Real NVP, equation 8.
    """

    loss = "flow_nll"
    smooth = False
    problems = _PROBLEMS
    check = staticmethod(lambda p: Realnvp.check(p))

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x, logdets = net.input("code", "B D", (p.batch, p.features)), []
        for number in reversed(range(p.couplings)):
            name = f"couplings.{number}"
            fixed, moving, s, t = _coupled(net, name, x, p.hidden, number)
            back = net.elementary(f"{name}.back", "scale", [s], s.axes, s.shape, factor=-1.0)
            shifted = net.elementary(f"{name}.shifted", "subtract", [moving, t], x.axes, x.shape)
            factor = net.elementary(f"{name}.factor", "exp", [back], s.axes, s.shape)
            x = add(net, f"{name}.x", fixed, multiply(net, f"{name}.scaled", shifted, factor))
            logdets.append(net.elementary(f"{name}.logdet", "sum", [back], "B", (p.batch,), axes=(1,)))
        net.output("x", x, "B D")
        net.output("logdet", add(net, "logdet", *logdets), "B")


def _coupled(net: Network, name: str, x: Value, hidden: int, number: int) -> tuple[Value, Value, Value, Value]:
    """The features that are kept, the others, and s and t of the kept ones, which are 0 in their places."""
    kept = tuple(feature % 2 == number % 2 for feature in range(x.shape[1]))
    others = tuple(not keep for keep in kept)

    def select(layer: str, value: Value, columns: tuple[bool, ...]) -> Value:
        return net.elementary(f"{name}.{layer}", "keep_columns", [value], value.axes, value.shape, kept=columns)

    fixed, moving = select("fixed", x, kept), select("moving", x, others)
    s = activation(net, f"{name}.s.tanh", _perceptron(net, f"{name}.s", fixed, hidden), "tanh")
    t = _perceptron(net, f"{name}.t", fixed, hidden)
    return fixed, moving, select("scale", s, others), select("translation", t, others)


def _perceptron(net: Network, name: str, x: Value, hidden: int) -> Value:
    y = x
    for number in (1, 2):
        y = activation(net, f"{name}.relu{number}", linear(net, f"{name}.fc{number}", y, hidden), "relu")
    return linear(net, f"{name}.fc3", y, x.shape[1], gain=LAST_GAIN)
