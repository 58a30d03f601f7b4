"""Models of dense layers."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Target, Tensor, workload
from suite.workloads.distributions import Classes, Normal


@workload(family="dense")
class Mlp:
    """Perceptron with one hidden layer.

    y = max(0, x · weight1ᵀ + bias1) · weight2ᵀ + bias2

    with the output axis of each weight first, `softmax_cross_entropy` as the loss, and plain gradient descent,
    θ ← θ − learning_rate · ∂loss/∂θ, as the training step. With 784 inputs (28 × 28 pixels), 128 hidden units and 10
    classes it has 101,770 parameters. Source: Goodfellow, Bengio and Courville 2016, Deep Learning, sections 6.1 and
    8.3.1.
    """

    tasks = ("forward", "gradient", "train_step")
    loss = "softmax_cross_entropy"
    smooth = False
    problems = {
        "tiny": dict(batch=4, inputs=6, hidden=5, classes=3, learning_rate=0.1),
        "small": dict(batch=32, inputs=784, hidden=128, classes=10, learning_rate=0.1),
        "medium": dict(batch=256, inputs=784, hidden=128, classes=10, learning_rate=0.1),
        "large": dict(batch=1024, inputs=784, hidden=1024, classes=10, learning_rate=0.1),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B I", (p.batch, p.inputs)),
            "weight1": Parameter("O I", (p.hidden, p.inputs), Normal((2 / p.inputs) ** 0.5)),
            "bias1": Parameter("O", (p.hidden,)),
            "weight2": Parameter("O I", (p.classes, p.hidden), Normal((2 / p.hidden) ** 0.5)),
            "bias2": Parameter("O", (p.classes,)),
            "labels": Target("B", (p.batch,), Classes(p.classes)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B C", (p.batch, p.classes))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        flops = 2 * p.batch * (p.inputs * p.hidden + p.hidden * p.classes)
        return Cost(flops=flops, reduction=max(p.inputs, p.hidden))
