"""GPT-2."""

from __future__ import annotations

from typing import Any

from suite.workloads.definition import GENERATION, Problem
from suite.workloads.distributions import Classes, Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import add, embedding, layer_norm, reshape
from suite.workloads.models.network import Network, Value
from suite.workloads.models.vit import block

EPS = 1e-5


def caching_only(problem: Problem, task: str, mode: str, precision: str) -> str | None:
    """Why the variant without a cache does nothing else."""
    return None if task in GENERATION else "without a cache is a way to generate; the rest has none"


@model(family="gpt2")
class Gpt2:
    """Decoder of GPT-2: the next token of a text, at every position.

    Tokens and positions have learned embeddings; then blocks with normalisation before the causal attention and the
    perceptron, GELU by its tanh formula in the latter, and a last normalisation. The logits are products with the
    tokens' embeddings, which have no bias. No dropout. Source: Radford et al. 2019, Language models are unsupervised
    multitask learners, section 2.3; Press and Wolf 2017, Using the output embedding to improve language models.

    GPT-2 small (vocabulary 50,257, 1024 positions, 768 features, 12 heads and layers) has 124,439,808 parameters.

    Generation is greedy: after the text of `seq` tokens, `new_tokens` times the likeliest one. Keys and values of the
    tokens before are kept, so that each position passes the layers once, and logits are those of the last one; in the
    variant `uncached` nothing is kept, and the whole text, padded to its final length, passes for every token. The task
    `first_token` ends with the first token; `next_token` is the one after it.
    """

    loss = "token_cross_entropy"
    problems = {
        "tiny": dict(batch=2, seq=5, positions=8, vocabulary=11, features=8, heads=2, depth=2, new_tokens=3),
        "small": dict(batch=4, seq=32, positions=64, vocabulary=100, features=64, heads=4, depth=4, new_tokens=16),
        "medium": dict(batch=4, seq=128, positions=256, vocabulary=1000, features=256, heads=8, depth=6, new_tokens=32),
        "large": dict(
            batch=1, seq=256, positions=1024, vocabulary=50257, features=768, heads=12, depth=12, new_tokens=32
        ),
        "gpt2_small": dict(
            batch=4, seq=992, positions=1024, vocabulary=50257, features=768, heads=12, depth=12, new_tokens=32
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.seq + p.new_tokens > p.positions:
            return f"a text of {p.seq} tokens and {p.new_tokens} new ones has more than {p.positions} positions"
        return "the features must divide into heads" if p.features % p.heads else None

    @staticmethod
    def generation_flops(p: Problem, task: str) -> float:
        def of_text(seq: int) -> float:
            net = Network(training=False)
            Gpt2.layers(net, Problem({**p, "seq": seq}))
            return sum(step.flops for step in net.steps if step.layer != "logits")

        logits: float = 2.0 * p.batch * p.features * p.vocabulary
        tokens: int = p.new_tokens
        if task == "generate":
            return of_text(p.seq + tokens - 1) + tokens * logits
        return of_text(p.seq) + logits if task == "first_token" else of_text(p.seq + 1) - of_text(p.seq) + logits

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
        sizes: dict[str, Any] = dict(batch=p.batch * p.seq, in_features=p.features, out_features=p.vocabulary)
        logits = net.apply("logits", "linear", {"x": rows, "weight": table}, without={"bias": 0.0}, **sizes)
        net.output("y", reshape(net, "y", logits, "B T C", (p.batch, p.seq, p.vocabulary)))
        net.target("labels", "B T", (p.batch, p.seq), Classes(p.vocabulary))
