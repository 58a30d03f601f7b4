"""Vision transformers."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    add,
    concat,
    conv2d,
    layer_norm,
    linear,
    position,
    reshape,
    self_attention,
    transpose,
)
from suite.workloads.models.network import Network, Value

EPS = 1e-6


def block(net: Network, name: str, x: Value, heads: int, *, eps: float, function: str, causal: bool = False) -> Value:
    """Normalised before: x + attention(norm(x)), then x + mlp(norm(x)), the hidden layer four times as wide."""
    y = self_attention(net, f"{name}.attention", layer_norm(net, f"{name}.norm1", x, eps=eps), heads, causal=causal)
    x = add(net, f"{name}.sum1", x, y)
    y = linear(net, f"{name}.fc1", layer_norm(net, f"{name}.norm2", x, eps=eps), 4 * x.shape[2], gain=GLOROT)
    y = linear(net, f"{name}.fc2", activation(net, f"{name}.{function}", y, function), x.shape[2], gain=GLOROT)
    return add(net, f"{name}.sum2", x, y)


@model(family="vit")
class Vit:
    """Vision transformer.

    Patches of the image are embedded by a convolution whose stride is its size; a learned class token comes first,
    learned positions are added. Then blocks with normalisation before attention and perceptron, GELU between the
    latter's layers, a last normalisation, and a linear layer on the class token. eps is 1e-6 in all normalisations.
    Source: Dosovitskiy et al. 2021, An image is worth 16 × 16 words, section 3.1 and table 1.

    ViT-B/16 (224 × 224, patches of 16, 768 features, 12 heads and layers, 1000 classes) has 86,567,656 parameters.
    """

    loss = "softmax_cross_entropy"
    problems = {
        "tiny": dict(batch=2, size=8, patch=4, features=8, heads=2, depth=2, classes=3),
        "small": dict(batch=4, size=32, patch=8, features=64, heads=4, depth=4, classes=10),
        "medium": dict(batch=8, size=64, patch=8, features=192, heads=3, depth=12, classes=100),
        "vit_tiny": dict(batch=8, size=224, patch=16, features=192, heads=3, depth=12, classes=1000),
        "large": dict(batch=8, size=224, patch=16, features=768, heads=12, depth=12, classes=1000),
        "vit_b16": dict(batch=32, size=224, patch=16, features=768, heads=12, depth=12, classes=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.size % p.patch:
            return f"the size must be a multiple of the patch, {p.patch}"
        return "the features must divide into heads" if p.features % p.heads else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, p.size, p.size))
        count = (p.size // p.patch) ** 2
        x = conv2d(net, "patches", x, p.features, p.patch, stride=p.patch)
        x = reshape(net, "patches.row", x, "B D T", (p.batch, p.features, count))
        x = transpose(net, "tokens", x, "B T D")
        token = net.parameter("class_token", "K T D", (1, 1, p.features), Normal(0.02))
        tokens = net.elementary(
            "class_tokens", "broadcast", [token], "B T D", (p.batch, 1, p.features), shape=(p.batch, 1, p.features)
        )
        positions = net.parameter("positions", "K T D", (1, count + 1, p.features), Normal(0.02))
        x = add(net, "embedded", concat(net, "joined", [tokens, x], axis=1), positions)
        for number in range(p.depth):
            x = block(net, f"blocks.{number}", x, p.heads, eps=EPS, function="gelu")
        x = position(net, "pooled", layer_norm(net, "norm", x, eps=EPS), 0)
        net.output("y", linear(net, "head", x, p.classes, gain=GLOROT), "B C")
        net.target("labels", "B", (p.batch,), Classes(p.classes))
