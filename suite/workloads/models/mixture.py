"""Mixtures of experts."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import GLOROT, activation, add, layer_norm, linear, multiply, reshape
from suite.workloads.models.network import Network, Value


@model(family="mixture")
class MixtureOfExperts:
    """A block of a transformer whose perceptron is a mixture of experts.

    y = x + Σ_e g_e · expert_e(norm(x)), for every position. The gates g are the softmax of a linear layer without bias,
    0 but for the largest `chosen`, and these divided by their sum. An expert is a linear layer to `hidden` units, GELU,
    and one back. All experts are computed, and no position is dropped. Source: Shazeer et al. 2017, Outrageously large
    neural networks, section 2, without its noise; Fedus, Zoph and Shazeer 2022, Switch transformers, for the place in
    the block.
    """

    loss = "mse"
    smooth = False
    problems = {
        "tiny": dict(batch=2, seq=3, features=4, hidden=6, experts=4, chosen=2),
        "small": dict(batch=4, seq=16, features=32, hidden=64, experts=4, chosen=2),
        "medium": dict(batch=8, seq=64, features=128, hidden=512, experts=8, chosen=2),
        "large": dict(batch=8, seq=128, features=512, hidden=2048, experts=8, chosen=2),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.chosen <= p.experts else f"of {p.experts} experts no {p.chosen} can be chosen"

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B T D", (p.batch, p.seq, p.features))
        rows = p.batch * p.seq
        normal = reshape(net, "rows", layer_norm(net, "norm", x), "B I", (rows, p.features))
        gates = _gates(net, normal, p)
        parts = []
        for number in range(p.experts):
            name = f"experts.{number}"
            y = activation(net, f"{name}.gelu", linear(net, f"{name}.fc1", normal, p.hidden), "gelu")
            y = linear(net, f"{name}.fc2", y, p.features, gain=GLOROT)
            gate = net.elementary(
                f"{name}.gate", "slice", [gates], "B C", (rows, 1), axis=1, start=number, stop=number + 1
            )
            parts.append(multiply(net, f"{name}.weighed", y, gate))
        mixed = reshape(net, "mixed", add(net, "sum", *parts), "B T D", x.shape)
        net.output("y", add(net, "y", x, mixed))
        net.target("targets", "B T D", x.shape, Normal())


def _gates(net: Network, x: Value, p: Problem) -> Value:
    logits = linear(net, "gate", x, p.experts, bias=False, gain=GLOROT)
    shares = net.apply("gate.softmax", "softmax", {"x": logits}, batch=x.shape[0], features=p.experts, mean=0.0)
    kept = net.elementary("gate.kept", "keep_largest", [shares], shares.axes, shares.shape, count=p.chosen)
    total = net.elementary("gate.total", "sum", [kept], "B", (x.shape[0],), axes=(1,))
    column = reshape(net, "gate.column", total, "B C", (x.shape[0], 1))
    return net.elementary("gate.shares", "divide", [kept, column], kept.axes, kept.shape)
