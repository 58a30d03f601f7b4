"""Normalisations."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Shifted


@workload(family="normalization")
class LayerNorm:
    """Normalisation over the last axis.

    y[b,t,d] = (x[b,t,d] − mean_d x) / √(var_d x + eps) · weight[d] + bias[d]

    with the biased variance (the sum of squares divided by D). Source: Ba, Kiros and Hinton 2016, Layer normalization,
    equation 4; eps as in the Transformer encoders.

    Published shapes: BERT-base (8 sequences of 128 tokens, 768 wide) and GPT-2 small (1 sequence of 1024, 768 wide).
    """

    problems = {
        "tiny": dict(batch=2, seq=3, features=7, eps=1e-5),
        "small": dict(batch=4, seq=64, features=128, eps=1e-5),
        "medium": dict(batch=8, seq=256, features=512, eps=1e-5),
        "large": dict(batch=16, seq=512, features=2048, eps=1e-5),
        "bert_base": dict(batch=8, seq=128, features=768, eps=1e-12),
        "gpt2": dict(batch=1, seq=1024, features=768, eps=1e-5),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features > 1 else "over a single feature every result is the bias"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B T D", (p.batch, p.seq, p.features), Shifted(mean=0.5, scale=2.0)),
            "weight": Parameter("D", (p.features,), Shifted(mean=1.0, scale=0.1)),
            "bias": Parameter("D", (p.features,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per element: sum; centre, square, sum; scale, multiply, add. Backward: two more sums and four products.
        elements = p.batch * p.seq * p.features
        return Cost(flops=7 * elements, reduction=p.features, gradient_flops=18 * elements)
