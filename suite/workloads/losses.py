"""Losses: the mean over the batch."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload
from suite.workloads.distributions import Classes, Normal


@workload(family="losses")
class SoftmaxCrossEntropy:
    """Mean negative log-likelihood of the labels under the softmax of the logits.

    y = 1/B Σ_b (log Σ_c exp logits[b,c] − logits[b, labels[b]])

    No class weights, no smoothing, no ignored label. Source: Goodfellow, Bengio and Courville 2016, Deep Learning,
    section 6.2.2.3.

    Published shapes: ResNet-50 on ImageNet (256 images, 1000 classes), the masked-token loss of BERT-base (8 sequences
    with 20 masked tokens each, vocabulary 30,522), GPT-2 small (256 tokens, vocabulary 50,257).
    """

    problems = {
        "tiny": dict(batch=4, classes=5),
        "small": dict(batch=128, classes=10),
        "medium": dict(batch=256, classes=1000),
        "large": dict(batch=2048, classes=10000),
        "resnet50.imagenet": dict(batch=256, classes=1000),
        "bert_base.mlm": dict(batch=160, classes=30522),
        "gpt2.lm": dict(batch=256, classes=50257),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "logits": Input("B C", (p.batch, p.classes), Normal(2.0)),
            "labels": Input("B", (p.batch,), Classes(p.classes)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("", ())}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per logit: maximum, subtract, exponential, sum; backward: subtract, exponential and scale again.
        elements = p.batch * p.classes
        return Cost(flops=4 * elements, reduction=max(p.batch, p.classes), gradient_flops=7 * elements)
