"""GPT-2."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import add, embedding, layer_norm, reshape
from suite.workloads.models.network import Network, Value
from suite.workloads.models.vit import block

EPS = 1e-5


@model(family="gpt2")
class Gpt2:
    """Decoder of GPT-2: the next token of a text, at every position.

    Tokens and positions have learned embeddings; then blocks with normalisation before the causal attention and the perceptron,
    GELU by its tanh formula in the latter, and a last normalisation. The logits are products with the tokens' embeddings, which
    have no bias. No dropout. Source: Radford et al. 2019, Language models are unsupervised multitask learners, section 2.3;
    Press and Wolf 2017, Using the output embedding to improve language models.

    GPT-2 small (vocabulary 50,257, 1024 positions, 768 features, 12 heads and layers) has 124,439,808 parameters.
    """

    loss = "token_cross_entropy"
    problems = {
        "tiny": dict(batch=2, seq=5, positions=8, vocabulary=11, features=8, heads=2, depth=2),
        "small": dict(batch=4, seq=32, positions=64, vocabulary=100, features=64, heads=4, depth=4),
        "medium": dict(batch=4, seq=128, positions=256, vocabulary=1000, features=256, heads=8, depth=6),
        "large": dict(batch=1, seq=256, positions=1024, vocabulary=50257, features=768, heads=12, depth=12),
        "gpt2_small": dict(batch=4, seq=1024, positions=1024, vocabulary=50257, features=768, heads=12, depth=12),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.seq > p.positions:
            return f"a text of {p.seq} tokens has more than {p.positions} positions"
        return "the features must divide into heads" if p.features % p.heads else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        ids = net.input("ids", "B T", (p.batch, p.seq), Classes(p.vocabulary))
        x = embedding(net, "tokens", ids, p.vocabulary, p.features)
        table = Value("tokens.weight", "V D", (p.vocabulary, p.features))
        known = net.parameter("positions", "T D", (p.positions, p.features), Normal(0.02))
        used = net.elementary("used", "slice", [known], "T D", (p.seq, p.features), axis=0, start=0, stop=p.seq)
        x = add(net, "embedded", x, used)
        for number in range(p.depth):
            x = block(net, f"blocks.{number}", x, p.heads, eps=EPS, function="gelu_tanh", causal=True)
        x = layer_norm(net, "norm", x, eps=EPS)
        rows = reshape(net, "rows", x, "B I", (p.batch * p.seq, p.features))
        sizes = dict(batch=p.batch * p.seq, in_features=p.features, out_features=p.vocabulary)
        logits = net.apply("logits", "linear", {"x": rows, "weight": table}, without={"bias": 0.0}, **sizes)
        net.output("y", reshape(net, "y", logits, "B T C", (p.batch, p.seq, p.vocabulary)))
        net.target("labels", "B T", (p.batch, p.seq), Classes(p.vocabulary))
