"""Normalisations."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Statistic, Tensor, workload
from suite.workloads.distributions import Normal, Shifted, Uniform

SCALE = 2.0
"""The standard deviation of what is normalised."""
_IMAGES, _GAIN = Shifted(mean=0.5, scale=SCALE), Shifted(mean=1.0, scale=0.1)


def _levelling(over: int, eps: float) -> float:
    """The condition of the gradient of a normalisation over so many numbers.

    Two numbers m ± s become ±s / √(s² + eps), which is nearly ±1: of 1 / √(s² + eps) the derivative by s is what
    s² / (s² + eps)^1.5 leaves, eps / (s² + eps)^1.5, so that a rounding error is magnified by 1 + s² / eps. And s is about
    as large as the standard deviation.
    """
    return 1 + SCALE**2 / eps if over == 2 else 1.0


@workload(family="normalization")
class LayerNorm:
    """Normalisation over the last axis.

    y[b,t,d] = (x[b,t,d] − mean_d x) / √(var_d x + eps) · weight[d] + bias[d]

    with the biased variance (the sum of squares divided by D). Source: Ba, Kiros and Hinton 2016, Layer normalization,
    equation 4; eps as in the Transformer encoders.

    Published shapes: BERT-base (8 sequences of 128 tokens, 768 wide) and GPT-2 small (1 sequence of 1024, 768 wide).
    `mean` is that of the numbers drawn, whose standard deviation is 2; in `stress.mean_1e4` it is 1e4 times that.
    """

    may_be_zero = ("mean",)
    problems = {
        "tiny": dict(batch=2, seq=3, features=7, eps=1e-5, mean=0.5),
        "small": dict(batch=4, seq=64, features=128, eps=1e-5, mean=0.5),
        "medium": dict(batch=8, seq=256, features=512, eps=1e-5, mean=0.5),
        "large": dict(batch=16, seq=512, features=2048, eps=1e-5, mean=0.5),
        "bert_base": dict(batch=8, seq=128, features=768, eps=1e-12, mean=0.5),
        "gpt2": dict(batch=1, seq=1024, features=768, eps=1e-5, mean=0.5),
        "stress.mean_1e4": dict(batch=4, seq=64, features=128, eps=1e-5, mean=2e4),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features > 1 else "over a single feature every result is the bias"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B T D", (p.batch, p.seq, p.features), Shifted(mean=p.mean, scale=SCALE)),
            "weight": Parameter("D", (p.features,), _GAIN),
            "bias": Parameter("D", (p.features,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Per element: sum; centre, square, sum; scale, multiply, add. Backward: two more sums and four products.
        elements = p.batch * p.seq * p.features
        # What is left of x after centring is smaller than x by the mean over the standard deviation; the rounding errors
        # of the mean are not.
        condition = max(1.0, p.mean / SCALE) * _levelling(p.features, p.eps)
        return Cost(flops=7 * elements, reduction=p.features, gradient_flops=18 * elements, condition=condition)


def _images(p: Problem) -> tuple[int, int, int, int]:
    return p.batch, p.channels, p.height, p.width


def _affine(p: Problem) -> dict[str, Tensor]:
    """Images, and a weight and a bias for each of their channels."""
    return {
        "x": Input("N C H W", _images(p), Shifted(mean=p.mean, scale=SCALE) if "mean" in p else _IMAGES),
        "weight": Parameter("C", (p.channels,), _GAIN),
        "bias": Parameter("C", (p.channels,)),
    }


def _running(p: Problem) -> dict[str, Tensor]:
    return {
        "running_mean": Input("C", (p.channels,), Normal(), fixed=True),
        "running_var": Input("C", (p.channels,), Uniform(0.5, 2.0), fixed=True),
    }


def _normalising(p: Problem, over: int) -> Cost:
    """As in layer_norm, with means over `over` numbers."""
    elements = p.batch * p.channels * p.height * p.width
    condition = max(1.0, p.mean / SCALE) * _levelling(over, p.eps)
    return Cost(7 * elements, reduction=over, gradient_flops=18 * elements, condition=condition)


@workload(family="normalization")
class BatchNorm:
    """Normalisation of every channel over batch and image, as in training.

    y[n,c,h,w] = (x[n,c,h,w] − mean_c) / √(var_c + eps) · weight[c] + bias[c]

    where mean_c and var_c are those of x[:,c,:,:], the variance biased (the sum of squares divided by the count M). The
    running statistics follow with `momentum` as the weight of the new value, and there the variance is unbiased:

    new_mean = (1 − momentum) · running_mean + momentum · mean_c
    new_var  = (1 − momentum) · running_var  + momentum · var_c · M / (M − 1)

    Source: Ioffe and Szegedy 2015, Batch normalization, algorithms 1 and 2 (step 10 has the unbiased variance).

    Published shapes: ResNet-50 (He et al. 2016, table 1).
    `mean` is that of the numbers drawn, whose standard deviation is 2; in `stress.mean_1e4` it is 1e4 times that.
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5, eps=1e-5, mean=0.5, momentum=0.1),
        "small": dict(batch=8, channels=16, height=28, width=28, eps=1e-5, mean=0.5, momentum=0.1),
        "medium": dict(batch=8, channels=64, height=56, width=56, eps=1e-5, mean=0.5, momentum=0.1),
        "large": dict(batch=16, channels=128, height=56, width=56, eps=1e-5, mean=0.5, momentum=0.1),
        "resnet50.conv1": dict(batch=8, channels=64, height=112, width=112, eps=1e-5, mean=0.5, momentum=0.1),
        "resnet50.conv5": dict(batch=8, channels=2048, height=7, width=7, eps=1e-5, mean=0.5, momentum=0.1),
        "stress.mean_1e4": dict(batch=8, channels=16, height=28, width=28, eps=1e-5, mean=2e4, momentum=0.1),
    }
    may_be_zero = ("mean",)

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.momentum > 1:
            return f"momentum={p.momentum} is a weight, at most 1"
        return None if p.batch * p.height * p.width > 1 else "a single number has no unbiased variance"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _affine(p) | _running(p)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {
            "y": Output("N C H W", _images(p)),
            "new_mean": Statistic("C", (p.channels,)),
            "new_var": Statistic("C", (p.channels,)),
        }

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _normalising(p, p.batch * p.height * p.width)


@workload(family="normalization")
class BatchNormInference:
    """Normalisation of every channel by given statistics, as after training.

    y[n,c,h,w] = (x[n,c,h,w] − running_mean[c]) / √(running_var[c] + eps) · weight[c] + bias[c]

    No gradient is taken by the statistics. Source: Ioffe and Szegedy 2015, Batch normalization, algorithm 2, step 11.

    Published shape: ResNet-50 (He et al. 2016, table 1).
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5, eps=1e-5),
        "small": dict(batch=8, channels=16, height=28, width=28, eps=1e-5),
        "medium": dict(batch=8, channels=64, height=56, width=56, eps=1e-5),
        "large": dict(batch=16, channels=128, height=56, width=56, eps=1e-5),
        "resnet50.conv1": dict(batch=8, channels=64, height=112, width=112, eps=1e-5),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _affine(p) | _running(p)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _images(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Centre, scale, multiply, add. Backward: two products and the sums for weight and bias.
        elements = p.batch * p.channels * p.height * p.width
        return Cost(flops=4 * elements, reduction=1, gradient_flops=9 * elements)


@workload(family="normalization")
class InstanceNorm:
    """Normalisation of every channel of every image over its pixels.

    y[n,c,h,w] = (x[n,c,h,w] − mean_{h,w} x) / √(var_{h,w} x + eps) · weight[c] + bias[c]

    with the biased variance (the sum of squares divided by H·W). Source: Ulyanov, Vedaldi and Lempitsky 2017, Instance
    normalization, equation 2.

    Published shape: the end of the residual blocks of the style transfer network of Johnson, Alahi and Fei-Fei 2016 on an
    image of 256 × 256 (table 1 of its supplement), in which the source put this.
    `mean` is that of the numbers drawn, whose standard deviation is 2; in `stress.mean_1e4` it is 1e4 times that.
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5, eps=1e-5, mean=0.5),
        "small": dict(batch=4, channels=16, height=28, width=28, eps=1e-5, mean=0.5),
        "medium": dict(batch=8, channels=64, height=56, width=56, eps=1e-5, mean=0.5),
        "large": dict(batch=16, channels=64, height=112, width=112, eps=1e-5, mean=0.5),
        "style_transfer": dict(batch=4, channels=128, height=64, width=64, eps=1e-5, mean=0.5),
        "stress.mean_1e4": dict(batch=4, channels=16, height=28, width=28, eps=1e-5, mean=2e4),
    }
    may_be_zero = ("mean",)

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.height * p.width > 1 else "over a single pixel every result is the bias"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _affine(p)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _images(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _normalising(p, p.height * p.width)


@workload(family="normalization")
class GroupNorm:
    """Normalisation of groups of channels of every image over channels and pixels together.

    y[n,c,h,w] = (x[n,c,h,w] − mean_g) / √(var_g + eps) · weight[c] + bias[c]   with g = c // (C/groups)

    where mean_g and var_g are those of all numbers of image n whose channel is of group g, the variance biased. Source: Wu
    and He 2018, Group normalization, equations 1, 2 and 7.

    Published shape: ResNet-50 with 32 groups, as in the source.
    `mean` is that of the numbers drawn, whose standard deviation is 2; in `stress.mean_1e4` it is 1e4 times that.
    """

    problems = {
        "tiny": dict(batch=2, channels=6, height=4, width=5, groups=3, eps=1e-5, mean=0.5),
        "small": dict(batch=4, channels=16, height=28, width=28, groups=4, eps=1e-5, mean=0.5),
        "medium": dict(batch=8, channels=64, height=56, width=56, groups=32, eps=1e-5, mean=0.5),
        "large": dict(batch=16, channels=128, height=56, width=56, groups=32, eps=1e-5, mean=0.5),
        "resnet50.conv2": dict(batch=8, channels=256, height=56, width=56, groups=32, eps=1e-5, mean=0.5),
        "stress.mean_1e4": dict(batch=4, channels=16, height=28, width=28, groups=4, eps=1e-5, mean=2e4),
    }
    may_be_zero = ("mean",)

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.channels % p.groups:
            return f"channels={p.channels} must be a multiple of groups={p.groups}"
        if p.channels // p.groups * p.height * p.width == 1:
            return "over a single number every result is the bias"
        return None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _affine(p)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _images(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _normalising(p, p.channels // p.groups * p.height * p.width)


@workload(family="normalization")
class LocalResponseNorm:
    """Division by a power of the sum of squares over neighbouring channels.

    y[n,c,h,w] = x[n,c,h,w] / (k + alpha · Σ_{|d − c| ≤ radius} x[n,d,h,w]²)^beta

    over the channels that there are; alpha is not divided by the number of channels. Source: Krizhevsky, Sutskever and
    Hinton 2012, ImageNet classification with deep convolutional neural networks, section 3.3, with n = 2·radius + 1.

    Published shape: after the first layer of that network, with its constants.
    """

    problems = {
        "tiny": dict(batch=2, channels=5, height=3, width=4, radius=1, alpha=0.25, beta=0.75, k=2.0),
        "small": dict(batch=4, channels=16, height=14, width=14, radius=2, alpha=1e-4, beta=0.75, k=2.0),
        "medium": dict(batch=8, channels=64, height=28, width=28, radius=2, alpha=1e-4, beta=0.75, k=2.0),
        "large": dict(batch=16, channels=96, height=55, width=55, radius=2, alpha=1e-4, beta=0.75, k=2.0),
        "alexnet": dict(batch=8, channels=96, height=55, width=55, radius=2, alpha=1e-4, beta=0.75, k=2.0),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", _images(p), _IMAGES)}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _images(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Square, sum, multiply, add, power, divide. Backward: such a sum again, and about as many products.
        reduction = 2 * p.radius + 1
        elements = p.batch * p.channels * p.height * p.width
        return Cost(
            flops=(reduction + 5) * elements, reduction=reduction, gradient_flops=(2 * reduction + 12) * elements
        )


@workload(family="normalization")
class WeightNorm:
    """A weight matrix from the direction and the length of each of its rows.

    y[o,i] = gain[o] · direction[o,i] / ‖direction[o]‖

    with the Euclidean norm. Source: Salimans and Kingma 2016, Weight normalization, equations 2 and 3.
    """

    problems = {
        "tiny": dict(outputs=3, inputs=5),
        "small": dict(outputs=128, inputs=256),
        "medium": dict(outputs=1024, inputs=1024),
        "large": dict(outputs=4096, inputs=4096),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.inputs > 1 else "a row of one number has no direction but its sign"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "direction": Parameter("O I", (p.outputs, p.inputs), Normal()),
            "gain": Parameter("O", (p.outputs,), _GAIN),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("O I", (p.outputs, p.inputs))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Square, sum, multiply. Backward: a dot product and three products.
        elements = p.outputs * p.inputs
        return Cost(flops=3 * elements, reduction=p.inputs, gradient_flops=8 * elements)


@workload(family="normalization")
class SpectralNorm:
    """A weight matrix divided by an estimate of its largest singular value.

    y = weight / sigma   with sigma = uᵀ · weight · v

    where `iterations` times v becomes weightᵀ · u and u becomes weight · v, both divided by their Euclidean norms; the
    last u is `new_u`, from which training goes on. The gradient takes u and v as constants. Source: Miyato, Kataoka,
    Koyama and Yoshida 2018, Spectral normalization for generative adversarial networks, algorithm 1 and section 2.1.

    The weights lie around 0.5, so that one singular value is far above the others.
    """

    # With u and v as constants the gradient is the derivative only when they no longer change; at `tiny` they do not, and
    # where a function is not smooth, differences are taken there.
    smooth = False
    # A second derivative depends on whether they are constants to it too, on which the frameworks differ.
    transforms = ("jvp", "jacobian")
    problems = {
        "tiny": dict(outputs=3, inputs=5, iterations=12),
        "small": dict(outputs=128, inputs=256, iterations=1),
        "medium": dict(outputs=1024, inputs=1024, iterations=1),
        "large": dict(outputs=4096, inputs=4096, iterations=1),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.outputs * p.inputs > 1 else "of a single number nothing is left but its sign"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "weight": Parameter("O I", (p.outputs, p.inputs), Shifted(mean=0.5, scale=0.1)),
            "u": Input("O", (p.outputs,), Shifted(mean=0.5, scale=0.1), fixed=True),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("O I", (p.outputs, p.inputs)), "new_u": Statistic("O", (p.outputs,))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Two products with the matrix for each iteration, one for sigma, and the division. Backward: a dot product, an
        # outer product and what joins them.
        elements = p.outputs * p.inputs
        products = 2 * (2 * p.iterations + 1) * elements
        return Cost(products + elements, reduction=max(p.outputs, p.inputs), gradient_flops=products + 7 * elements)


@workload(family="normalization")
class RmsNorm:
    """Division by the root mean square over the last axis.

    y[b,t,d] = x[b,t,d] / √(mean_d x[b,t,d]² + eps) · weight[d]

    Source: Zhang and Sennrich 2019, Root mean square layer normalization, equation 4.

    Published shapes: Llama 2 7B (Touvron et al. 2023: 4096 wide, here 1 sequence of 512).
    """

    problems = {
        "tiny": dict(batch=2, seq=3, features=7, eps=1e-6),
        "small": dict(batch=4, seq=64, features=128, eps=1e-6),
        "medium": dict(batch=8, seq=256, features=512, eps=1e-6),
        "large": dict(batch=16, seq=512, features=2048, eps=1e-6),
        "llama2_7b": dict(batch=1, seq=512, features=4096, eps=1e-5),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.features > 1 else "over a single feature every result is the weight with the sign of x"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B T D", (p.batch, p.seq, p.features)),
            "weight": Parameter("D", (p.features,), Shifted(mean=1.0, scale=0.1)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B T D", (p.batch, p.seq, p.features))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        elements = p.batch * p.seq * p.features
        return Cost(flops=4 * elements, reduction=p.features, gradient_flops=13 * elements)
