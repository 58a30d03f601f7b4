"""The transformer, encoder and decoder."""

from __future__ import annotations

from typing import Any

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    add,
    cross_attention,
    embedding,
    layer_norm,
    linear,
    self_attention,
)
from suite.workloads.models.network import Network, Value


@model(family="transformer")
class Transformer:
    """Transformer: a sequence from a sequence.

    Tokens of source and target have embeddings of their own, which are scaled and get sinusoids added as in
    `sinusoidal_positions`. A layer of the encoder is self-attention and a perceptron with ReLU, one of the decoder
    causal self-attention, attention to the encoder's results, and a perceptron; x is added to each and the sum
    normalised. The logits are a linear layer. No dropout, and training is by teacher forcing. Source: Vaswani et al.
    2017, Attention is all you need, section 3, with embeddings that are not shared.
    """

    loss = "token_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=2, source_seq=5, target_seq=4, vocabulary=11, features=8, hidden=12, heads=2, depth=2),
        "small": dict(batch=4, source_seq=16, target_seq=16, vocabulary=100, features=64, hidden=128, heads=4, depth=2),
        "medium": dict(
            batch=8, source_seq=32, target_seq=32, vocabulary=1000, features=256, hidden=1024, heads=8, depth=3
        ),
        "large": dict(
            batch=8, source_seq=64, target_seq=64, vocabulary=10000, features=512, hidden=2048, heads=8, depth=6
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return "the features must divide into heads" if p.features % p.heads else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        memory = _embedded(net, "source", p, p.source_seq)
        for number in range(p.depth):
            name = f"encoder.{number}"
            memory = _added(net, f"{name}.norm1", memory, self_attention(net, f"{name}.attention", memory, p.heads))
            memory = _added(net, f"{name}.norm2", memory, _perceptron(net, name, memory, p.hidden))
        x = _embedded(net, "target", p, p.target_seq)
        for number in range(p.depth):
            name = f"decoder.{number}"
            y = self_attention(net, f"{name}.attention", x, p.heads, causal=True)
            x = _added(net, f"{name}.norm1", x, y)
            x = _added(net, f"{name}.norm2", x, cross_attention(net, f"{name}.cross", x, memory, p.heads))
            x = _added(net, f"{name}.norm3", x, _perceptron(net, name, x, p.hidden))
        net.output("y", linear(net, "fc", x, p.vocabulary, gain=GLOROT), "B T C")
        net.target("labels", "B T", (p.batch, p.target_seq), Classes(p.vocabulary))


def _embedded(net: Network, name: str, p: Problem, seq: int) -> Value:
    ids = net.input(name, "B T", (p.batch, seq), Classes(p.vocabulary))
    x = embedding(net, f"{name}_embedding", ids, p.vocabulary, p.features, scale=p.features**-0.5)
    sizes: dict[str, Any] = dict(batch=p.batch, seq=seq, features=p.features, base=10000.0)
    return net.apply(f"{name}.positions", "sinusoidal_positions", {"x": x}, **sizes)


def _added(net: Network, name: str, x: Value, y: Value) -> Value:
    return layer_norm(net, name, add(net, f"{name}.sum", x, y))


def _perceptron(net: Network, name: str, x: Value, hidden: int) -> Value:
    y = activation(net, f"{name}.relu", linear(net, f"{name}.fc1", x, hidden), "relu")
    return linear(net, f"{name}.fc2", y, x.shape[2], gain=GLOROT)
