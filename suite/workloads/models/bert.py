"""BERT."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    add,
    embedding,
    layer_norm,
    linear,
    position,
    self_attention,
)
from suite.workloads.models.network import Network, Value

EPS = 1e-12


@model(family="bert")
class BertBase:
    """Encoder of BERT, with a class for the whole text.

    Tokens, positions and segments have learned embeddings, whose sum is normalised; then blocks of attention and of a
    perceptron with GELU, normalised after each addition; then a linear layer with tanh on the first position, and one
    to the classes. All positions are valid, there is no dropout, and eps is 1e-12. Source: Devlin, Chang, Lee and
    Toutanova 2019, BERT, section 3; Vaswani et al. 2017 for the blocks.

    BERT-base (vocabulary 30,522, 512 positions, 768 features, 12 heads and layers) has 109,482,240 parameters below the
    classes.
    """

    loss = "softmax_cross_entropy"
    problems = {
        "tiny": dict(batch=2, seq=5, positions=8, vocabulary=11, features=8, heads=2, depth=2, classes=3),
        "small": dict(batch=4, seq=32, positions=64, vocabulary=100, features=64, heads=4, depth=4, classes=2),
        "medium": dict(batch=8, seq=64, positions=128, vocabulary=5000, features=256, heads=4, depth=4, classes=2),
        "large": dict(batch=4, seq=128, positions=512, vocabulary=30522, features=768, heads=12, depth=12, classes=2),
        "bert_base": dict(
            batch=32, seq=128, positions=512, vocabulary=30522, features=768, heads=12, depth=12, classes=2
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.seq > p.positions:
            return f"a text of {p.seq} tokens has more than {p.positions} positions"
        return "the features must divide into heads" if p.features % p.heads else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        ids = net.input("ids", "B T", (p.batch, p.seq), Classes(p.vocabulary))
        segments = net.input("segments", "B T", (p.batch, p.seq), Classes(2))
        tokens = embedding(net, "tokens", ids, p.vocabulary, p.features)
        kinds = embedding(net, "segments_embedding", segments, 2, p.features)
        known = net.parameter("positions", "T D", (p.positions, p.features), Normal(0.02))
        used = net.elementary("used", "slice", [known], "T D", (p.seq, p.features), axis=0, start=0, stop=p.seq)
        x = layer_norm(net, "norm", add(net, "embedded", tokens, kinds, used), eps=EPS)
        for number in range(p.depth):
            x = _block(net, f"blocks.{number}", x, p.heads)
        x = linear(net, "pooler", position(net, "first", x, 0), p.features, gain=GLOROT)
        net.output("y", linear(net, "classifier", activation(net, "tanh", x, "tanh"), p.classes, gain=GLOROT), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))


def _block(net: Network, name: str, x: Value, heads: int) -> Value:
    y = self_attention(net, f"{name}.attention", x, heads)
    x = layer_norm(net, f"{name}.norm1", add(net, f"{name}.sum1", x, y), eps=EPS)
    y = activation(net, f"{name}.gelu", linear(net, f"{name}.fc1", x, 4 * x.shape[2], gain=GLOROT), "gelu")
    y = linear(net, f"{name}.fc2", y, x.shape[2], gain=GLOROT)
    return layer_norm(net, f"{name}.norm2", add(net, f"{name}.sum2", x, y), eps=EPS)
