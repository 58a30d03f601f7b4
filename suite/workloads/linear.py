"""Products with a matrix."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Normal


@workload(family="linear")
class Linear:
    """Affine map of each row.

    y[b,o] = bias[o] + Σ_i x[b,i] · weight[o,i]

    The weight has its output axis first. Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.1.

    Published shapes: the feed-forward layer of BERT-base (8 sequences of 128 tokens, 768 → 3072), the joint
    query-key-value projection of GPT-2 small (1 sequence of 1024 tokens, 768 → 2304), the classifier of ResNet-50
    (32 images, 2048 → 1000).
    """

    bound = "product"
    problems = {
        "tiny": dict(batch=3, in_features=5, out_features=4),
        "small": dict(batch=32, in_features=128, out_features=128),
        "medium": dict(batch=64, in_features=1024, out_features=1024),
        "large": dict(batch=256, in_features=4096, out_features=4096),
        "bert_base.ffn": dict(batch=1024, in_features=768, out_features=3072),
        "gpt2.qkv": dict(batch=1024, in_features=768, out_features=2304),
        "resnet50.fc": dict(batch=32, in_features=2048, out_features=1000),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B I", (p.batch, p.in_features)),
            "weight": Parameter("O I", (p.out_features, p.in_features), Normal(p.in_features**-0.5)),
            "bias": Parameter("O", (p.out_features,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B O", (p.batch, p.out_features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=2 * p.batch * p.in_features * p.out_features, reduction=p.in_features)
