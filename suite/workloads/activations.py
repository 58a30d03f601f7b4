"""Activations, entry by entry or along an axis."""

from __future__ import annotations

from typing import ClassVar

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, Value, workload
from suite.workloads.distributions import Apart, Draw, Normal, Shifted, Uniform


def _sizes(**settings: Value) -> dict[str, dict[str, Value]]:
    """The four sizes that all activations have, with these settings."""
    shapes = {"tiny": (5, 7), "small": (256, 128), "medium": (2048, 512), "large": (4096, 2048)}
    return {name: dict(batch=batch, features=features, **settings) for name, (batch, features) in shapes.items()}


class _Entrywise:
    """What a function of every entry by itself has in common: one tensor, and a result of its shape.

    An operation is counted for each sum, product, comparison and elementary function of an entry.
    """

    draw: ClassVar[Draw] = Normal(2.0)
    flops: ClassVar[int]
    gradient_flops: ClassVar[int]

    @classmethod
    def tensors(cls, p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), cls.draw)}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B D", (p.batch, p.features))}

    @classmethod
    def cost(cls, p: Problem) -> Cost:
        elements = p.batch * p.features
        return Cost(flops=cls.flops * elements, reduction=1, gradient_flops=cls.gradient_flops * elements)


@workload(family="activations")
class Relu(_Entrywise):
    """Rectified linear unit.

    y[b,d] = max(x[b,d], 0)

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.3.1.

    Published shape: the first fully connected layer of AlexNet (Krizhevsky et al. 2012: 128 images, 4096 units).
    """

    problems = {**_sizes(), "alexnet.fc6": dict(batch=128, features=4096)}
    smooth = False
    draw = Apart((0.0,))
    flops, gradient_flops = 1, 3


@workload(family="activations")
class Relu6(_Entrywise):
    """Rectified linear unit with a ceiling.

    y[b,d] = min(max(x[b,d], 0), 6)

    Source: Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10; Howard et al. 2017, MobileNets.

    Published shape: the last layer of MobileNetV2 (Sandler et al. 2018, table 2: 1280 channels, here of 256 images).
    """

    problems = {**_sizes(), "mobilenet_v2": dict(batch=256, features=1280)}
    smooth = False
    draw = Apart((0.0, 6.0), scale=4.0)
    flops, gradient_flops = 2, 5


@workload(family="activations")
class LeakyRelu(_Entrywise):
    """Rectified linear unit with a small slope for negative arguments.

    y[b,d] = x[b,d] where x[b,d] > 0, else slope · x[b,d]

    Source: Maas, Hannun and Ng 2013, Rectifier nonlinearities improve neural network acoustic models.
    """

    problems = {
        **_sizes(slope=0.01),
        "tiny": dict(batch=5, features=7, slope=0.1),
    }
    smooth = False
    draw = Apart((0.0,))
    flops, gradient_flops = 2, 5


@workload(family="activations")
class Elu(_Entrywise):
    """Exponential linear unit.

    y[b,d] = x[b,d] where x[b,d] > 0, else alpha · (exp x[b,d] − 1)

    Source: Clevert, Unterthiner and Hochreiter 2016, Fast and accurate deep network learning by exponential linear units.
    """

    problems = {
        **_sizes(alpha=1.0),
        "tiny": dict(batch=5, features=7, alpha=0.7),
    }
    smooth = False
    draw = Apart((0.0,))
    flops, gradient_flops = 3, 6


@workload(family="activations")
class Selu(_Entrywise):
    """Exponential linear unit scaled so that mean 0 and variance 1 are a fixed point.

    y[b,d] = λ · x[b,d] where x[b,d] > 0, else λ · α · (exp x[b,d] − 1)

    with λ = 1.0507009873554804934… and α = 1.6732632423543772848…. Source: Klambauer, Unterthiner, Mayr and Hochreiter
    2017, Self-normalizing neural networks, equation 2.
    """

    problems = _sizes()
    smooth = False
    draw = Apart((0.0,))
    flops, gradient_flops = 4, 7


@workload(family="activations")
class Gelu(_Entrywise):
    """Gaussian error linear unit, exact.

    y[b,d] = x[b,d] · Φ(x[b,d]) with Φ(t) = (1 + erf(t / √2)) / 2

    not the approximation by tanh, which is `gelu_tanh`. Source: Hendrycks and Gimpel 2016, Gaussian error linear units,
    section 2.

    Published shape: BERT-base (8 sequences of 128 tokens, 3072 wide). In `stress.tail` the arguments lie around −7, where
    1 + erf cancels: a function that computes Φ so returns 0 in float32. `below` is by how much they lie below 0.
    """

    problems = {
        **_sizes(below=0.0),
        "bert_base": dict(batch=1024, features=3072, below=0.0),
        "stress.tail": dict(batch=256, features=128, below=7.0),
    }
    may_be_zero = ("below",)
    flops, gradient_flops = 5, 11

    @classmethod
    def tensors(cls, p: Problem) -> dict[str, Tensor]:
        draw = Shifted(-p.below, 0.1) if p.below else cls.draw
        return {"x": Input("B D", (p.batch, p.features), draw)}

    @classmethod
    def cost(cls, p: Problem) -> Cost:
        # Far below 0, Φ(x) is nearly φ(x) / |x|, which magnifies a relative error of x by x².
        elements = p.batch * p.features
        condition = 1 + p.below**2
        return Cost(cls.flops * elements, 1, cls.gradient_flops * elements, condition)


@workload(family="activations")
class GeluTanh(_Entrywise):
    """Gaussian error linear unit, approximated by tanh.

    y[b,d] = x[b,d] / 2 · (1 + tanh(√(2/π) · (x[b,d] + 0.044715 · x[b,d]³)))

    Source: Hendrycks and Gimpel 2016, Gaussian error linear units, section 2.

    Published shape: GPT-2 small (1024 tokens, 3072 wide).
    """

    problems = {**_sizes(), "gpt2": dict(batch=1024, features=3072)}
    draw = Normal()  # for larger arguments the 1 − tanh² of the derivative cancels
    flops, gradient_flops = 8, 18


@workload(family="activations")
class Silu(_Entrywise):
    """Sigmoid linear unit, also called swish.

    y[b,d] = x[b,d] / (1 + exp(−x[b,d]))

    Source: Elfwing, Uchibe and Doya 2018, Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning, equation 5.

    Published shape: the width of LLaMA-7B (Touvron et al. 2023: 11,008 units; 512 tokens).
    """

    problems = {**_sizes(), "llama_7b": dict(batch=512, features=11008)}
    flops, gradient_flops = 4, 9


@workload(family="activations")
class HardSwish(_Entrywise):
    """Swish with a piecewise linear sigmoid.

    y[b,d] = x[b,d] · min(max(x[b,d] + 3, 0), 6) / 6

    Source: Howard et al. 2019, Searching for MobileNetV3, section 5.2.

    Published shape: the last hidden layer of MobileNetV3-Large (1280 units; 256 images).
    """

    problems = {**_sizes(), "mobilenet_v3_large": dict(batch=256, features=1280)}
    smooth = False
    draw = Apart((-3.0, 3.0), scale=3.0)
    flops, gradient_flops = 5, 10


@workload(family="activations")
class Softplus:
    """Smooth maximum of the argument and 0.

    y[b,d] = log(1 + exp x[b,d])

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, equation 3.31.

    `scale` is the standard deviation of the arguments; in `stress.logits_1e3` exp overflows.
    """

    problems = {
        **_sizes(scale=2.0),
        "stress.logits_1e3": dict(batch=256, features=128, scale=1e3),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Normal(p.scale))}

    outputs = _Entrywise.outputs

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Backward: a sigmoid and a product.
        elements = p.batch * p.features
        return Cost(flops=3 * elements, reduction=1, gradient_flops=7 * elements)


@workload(family="activations")
class Log1p(_Entrywise):
    """Logarithm of one plus the argument.

    y[b,d] = log(1 + x[b,d])

    not rounded in between: softplus and the losses with logits are made of it. Source: Higham 2002, Accuracy and Stability,
    section 1.14.1.

    `below` is by how much the arguments lie below 0. Around −0.39, as in `stress.below`, formulas change over in some
    libraries.
    """

    problems = {**_sizes(below=0.0), "stress.below": dict(batch=256, features=128, below=0.39)}
    may_be_zero = ("below",)
    flops, gradient_flops = 2, 4

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.below < 0.5 else f"below={p.below} comes too near to −1, where the logarithm ends"

    @classmethod
    def tensors(cls, p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Uniform(-p.below - 0.05, -p.below + 0.05))}


@workload(family="activations")
class Mish:
    """The argument times the tanh of its softplus.

    y[b,d] = x[b,d] · tanh(log(1 + exp x[b,d]))

    Source: Misra 2020, Mish: a self regularized non-monotonic activation function.

    `scale` is the standard deviation of the arguments; in `stress.logits_1e3` exp overflows.
    """

    problems = {
        **_sizes(scale=2.0),
        "stress.logits_1e3": dict(batch=256, features=128, scale=1e3),
    }

    tensors = Softplus.tensors
    outputs = _Entrywise.outputs

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Backward: a sigmoid and six sums and products.
        elements = p.batch * p.features
        return Cost(flops=5 * elements, reduction=1, gradient_flops=14 * elements)


@workload(family="activations")
class Sigmoid(_Entrywise):
    """Logistic sigmoid.

    y[b,d] = 1 / (1 + exp(−x[b,d]))

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, equation 3.30.
    """

    problems = _sizes()
    flops, gradient_flops = 4, 7


@workload(family="activations")
class Tanh(_Entrywise):
    """Hyperbolic tangent.

    y[b,d] = tanh x[b,d]

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.3.2.
    """

    problems = _sizes()
    flops, gradient_flops = 1, 4


@workload(family="activations")
class Softmax:
    """Exponentials over their sum, along the last axis.

    y[b,d] = exp x[b,d] / Σ_e exp x[b,e]

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, equation 6.29.

    Published shapes: ImageNet's 1000 classes (256 images) and the scores of BERT-base's attention (8 sequences, 12 heads
    and 128 tokens make 12,288 rows of 128). `mean` is that of the arguments, which changes nothing; in
    `stress.logits_1e4` exp overflows where the maximum is not taken off.
    """

    problems = {
        **_sizes(mean=0.0),
        "imagenet": dict(batch=256, features=1000, mean=0.0),
        "bert_base.128": dict(batch=12288, features=128, mean=0.0),
        "stress.logits_1e4": dict(batch=256, features=128, mean=1e4),
    }
    may_be_zero = ("mean",)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B D", (p.batch, p.features), Shifted(p.mean, 2.0))}

    outputs = _Entrywise.outputs

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per entry: maximum, subtract, exponential, sum, divide; backward: multiply, sum, subtract, multiply.
        elements = p.batch * p.features
        return Cost(flops=5 * elements, reduction=p.features, gradient_flops=9 * elements)


@workload(family="activations")
class LogSoftmax:
    """Logarithm of the softmax along the last axis.

    y[b,d] = x[b,d] − log Σ_e exp x[b,e]

    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, equation 6.30.

    Published shapes: ImageNet's 1000 classes (256 images) and the vocabulary of GPT-2 (50,257; 256 tokens). `scale` is the
    standard deviation of the arguments; in `stress.logits_1e4` exp overflows, and the logarithm of the softmax is −∞.
    """

    problems = {
        **_sizes(scale=2.0),
        "imagenet": dict(batch=256, features=1000, scale=2.0),
        "gpt2": dict(batch=256, features=50257, scale=2.0),
        "stress.logits_1e4": dict(batch=256, features=128, scale=1e4),
    }

    tensors = Softplus.tensors
    outputs = _Entrywise.outputs

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per entry: maximum, subtract, exponential, sum, subtract; backward: sum, exponential, multiply, subtract.
        elements = p.batch * p.features
        return Cost(flops=5 * elements, reduction=p.features, gradient_flops=9 * elements)


@workload(family="activations")
class Glu:
    """Gated linear unit: the first half of the last axis times the sigmoid of the second.

    y[b,d] = x[b,d] / (1 + exp(−x[b,D+d]))

    where D is `features`, and x has 2D. Source: Dauphin, Fan, Auli and Grangier 2017, Language modeling with gated
    convolutional networks, equation 1.
    """

    problems = _sizes()

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B E", (p.batch, 2 * p.features), Normal(2.0))}

    outputs = _Entrywise.outputs

    @staticmethod
    def cost(p: Problem) -> Cost:
        # A sigmoid and a product; backward: five products and a subtraction.
        elements = p.batch * p.features
        return Cost(flops=5 * elements, reduction=1, gradient_flops=11 * elements)
