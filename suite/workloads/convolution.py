"""Convolutions."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, Value, workload
from suite.workloads.distributions import Normal

SAME = ("same_upper", "same_lower")


def extent(p: Problem) -> int:
    """Rows that the dilated kernel spans."""
    return int(p.get("dilation", 1) * (p.kernel - 1) + 1)


def output_size(p: Problem) -> int:
    """Rows (and columns) of the result: Dumoulin and Visin 2016, relation 14; with `same_*`, ⌈size / stride⌉."""
    if p.get("auto_pad") in SAME:
        return int(-(-p.size // p.stride))
    return int((p.size + 2 * p.padding - extent(p)) // p.stride + 1)


def _image(**changes: Value) -> dict[str, Value]:
    """A problem of conv2d: 3 × 3, one row of padding, nothing else special."""
    base: dict[str, Value] = dict(
        batch=8,
        in_channels=1,
        out_channels=1,
        size=1,
        kernel=3,
        stride=1,
        padding=1,
        dilation=1,
        groups=1,
        auto_pad="explicit",
    )
    return base | changes


def _layer(channels: int, filters: int, size: int, kernel: int, stride: int = 1, batch: int = 8) -> dict[str, Value]:
    """A published layer, padded by half the kernel."""
    return _image(
        batch=batch,
        in_channels=channels,
        out_channels=filters,
        size=size,
        kernel=kernel,
        stride=stride,
        padding=kernel // 2,
    )


def _depthwise(channels: int, size: int, stride: int) -> dict[str, Value]:
    """A depthwise layer of MobileNet on 8 images."""
    return dict(batch=8, channels=channels, multiplier=1, size=size, kernel=3, stride=stride, padding=1, dilation=1)


def _separable(channels: int, filters: int, size: int, stride: int) -> dict[str, Value]:
    """A depthwise layer of MobileNet and the pointwise one after it, on 8 images."""
    return dict(
        batch=8,
        channels=channels,
        multiplier=1,
        out_channels=filters,
        size=size,
        kernel=3,
        stride=stride,
        padding=1,
    )


def _he_normal(fan_in: int) -> Normal:
    return Normal((2 / fan_in) ** 0.5)


def _too_wide(p: Problem, what: str) -> str | None:
    if extent(p) > (padded := p.size + 2 * p.padding):
        return f"the dilated kernel spans {extent(p)} rows, more than the {padded} of the padded {what}"
    return None


def _before(p: Problem) -> int:
    """Rows of zeros before the image."""
    if p.get("auto_pad") in SAME:
        zeros = max(0, (output_size(p) - 1) * p.stride + extent(p) - p.size)
        return int(zeros // 2 if p.auto_pad == "same_upper" else -(-zeros // 2))
    return int(p.padding)


def _blind(p: Problem, what: str) -> str | None:
    """Windows that are far apart, or whose taps are, may all miss a small image; then only the bias has a gradient."""
    places = (i * p.stride + r * p.get("dilation", 1) for i in range(output_size(p)) for r in range(p.kernel))
    if not any(0 <= place - _before(p) < p.size for place in places):
        return f"no window has an entry in the {what}, only in the padding around it"
    return None


def _uneven(p: Problem) -> str | None:
    if p.in_channels % p.groups or p.out_channels % p.groups:
        return f"in_channels={p.in_channels} and out_channels={p.out_channels} must be multiples of groups={p.groups}"
    return None


@workload(family="convolution")
class Conv2d:
    """Cross-correlation over two spatial axes, with zeros around the image.

    y[n,o,p,q] = bias[o] + Σ_{c,r,s} x[n, g·C/G + c, p·stride + r·dilation − before, q·stride + s·dilation − before]
                                     · weight[o,c,r,s]

    where g = o // (O/G) is the group of output channel o, and entries of x outside the image are 0. The kernel is not
    flipped. With auto_pad `explicit`, `padding` rows of zeros stand on all four sides, so before = padding; with `valid`
    none do. With `same_upper` and `same_lower` the result has ⌈size / stride⌉ rows, and as many zeros as they need are
    shared out between both ends, of which the odd one comes at the end (upper) or at the start (lower).

    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, sections 2 and 5; for auto_pad,
    ONNX operator Conv-22.

    Published shapes: layers of ResNet-50 (He et al. 2016, table 1) and of MobileNet (Howard et al. 2017, table 1) on 8
    images of 224 × 224, and from the training set of DeepBench (Baidu Research, convolutions).
    """

    choices = {"auto_pad": ("explicit", "same_upper", "same_lower", "valid")}
    bound = "product"
    normwise = ("fft",)  # Higham 2002, section 24.1: the transforms' errors are bounded by the norm of the result only
    problems = {
        "tiny": _image(batch=2, in_channels=4, out_channels=6, size=7, stride=2),
        "tiny.dilated": _image(batch=2, in_channels=2, out_channels=3, size=7, padding=2, dilation=2),
        "tiny.grouped": _image(batch=2, in_channels=4, out_channels=6, size=6, groups=2),
        "tiny.same_upper": _image(
            batch=2, in_channels=2, out_channels=3, size=6, stride=2, padding=0, auto_pad="same_upper"
        ),
        "tiny.same_lower": _image(
            batch=2, in_channels=3, out_channels=4, size=5, kernel=2, padding=0, auto_pad="same_lower"
        ),
        "small": _image(batch=4, in_channels=16, out_channels=32, size=28),
        "medium": _image(in_channels=64, out_channels=64, size=56),
        "large": _image(batch=16, in_channels=128, out_channels=256, size=56),
        "resnet50.conv1": _layer(3, 64, 224, kernel=7, stride=2),
        "resnet50.conv2_2": _layer(64, 64, 56, kernel=3),
        "resnet50.conv3_2": _layer(128, 128, 28, kernel=3),
        "resnet50.conv4_2": _layer(256, 256, 14, kernel=3),
        "resnet50.conv5_2": _layer(512, 512, 7, kernel=3),
        "resnet50.conv3_3": _layer(128, 512, 28, kernel=1),
        "resnet50.shortcut4": _layer(512, 1024, 28, kernel=1, stride=2),
        "mobilenet.conv1": _layer(3, 32, 224, kernel=3, stride=2),
        "mobilenet.pointwise8": _layer(512, 512, 14, kernel=1),
        "deepbench.vgg": _layer(64, 128, 112, kernel=3),
        "deepbench.face": _layer(64, 64, 54, kernel=3),
        "deepbench.inception5": _layer(192, 32, 28, kernel=5, batch=16),
        "deepbench.inception1": _layer(832, 256, 7, kernel=1, batch=16),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.auto_pad != "explicit" and p.padding:
            return f"with auto_pad={p.auto_pad} the padding must be 0, not {p.padding}"
        return _uneven(p) or (None if p.auto_pad in SAME else _too_wide(p, "image")) or _blind(p, "image")

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        channels = p.in_channels // p.groups
        return {
            "x": Input("N C H W", (p.batch, p.in_channels, p.size, p.size)),
            "weight": Parameter(
                "O I H W", (p.out_channels, channels, p.kernel, p.kernel), _he_normal(channels * p.kernel**2)
            ),
            "bias": Parameter("O", (p.out_channels,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        size = output_size(p)
        return {"y": Output("N C H W", (p.batch, p.out_channels, size, size))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        reduction = p.in_channels // p.groups * p.kernel**2
        # Taps on the zero padding are counted, as the frameworks' own counters but XLA's do.
        return Cost(flops=2 * p.batch * p.out_channels * output_size(p) ** 2 * reduction, reduction=reduction)


@workload(family="convolution")
class Conv1d:
    """Cross-correlation over one axis, zeros at both ends.

    y[n,o,p] = bias[o] + Σ_{c,r} x[n, g·C/G + c, p·stride + r·dilation − padding] · weight[o,c,r]

    where g = o // (O/G) is the group of output channel o, and entries of x outside are 0. The kernel is not flipped.
    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, sections 2 and 5.

    Published shapes: the first layers of wav2vec 2.0 (Baevski et al. 2020, section 4.1) on a second of speech.
    """

    bound = "product"
    problems = {
        "tiny": dict(
            batch=2, in_channels=4, out_channels=6, size=9, kernel=3, stride=2, padding=1, dilation=1, groups=1
        ),
        "tiny.grouped": dict(
            batch=2, in_channels=4, out_channels=6, size=7, kernel=2, stride=3, padding=2, dilation=1, groups=2
        ),
        "tiny.dilated": dict(
            batch=2, in_channels=3, out_channels=5, size=8, kernel=3, stride=1, padding=2, dilation=2, groups=1
        ),
        "small": dict(
            batch=8, in_channels=32, out_channels=64, size=256, kernel=5, stride=1, padding=2, dilation=1, groups=1
        ),
        "medium": dict(
            batch=16, in_channels=128, out_channels=128, size=1024, kernel=5, stride=1, padding=2, dilation=1, groups=1
        ),
        "large": dict(
            batch=16, in_channels=256, out_channels=512, size=4096, kernel=5, stride=1, padding=2, dilation=1, groups=1
        ),
        "wav2vec2.conv1": dict(
            batch=4, in_channels=1, out_channels=512, size=16000, kernel=10, stride=5, padding=0, dilation=1, groups=1
        ),
        "wav2vec2.conv2": dict(
            batch=4, in_channels=512, out_channels=512, size=3199, kernel=3, stride=2, padding=0, dilation=1, groups=1
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return _uneven(p) or _too_wide(p, "signal") or _blind(p, "signal")

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        channels = p.in_channels // p.groups
        return {
            "x": Input("N C W", (p.batch, p.in_channels, p.size)),
            "weight": Parameter("O I W", (p.out_channels, channels, p.kernel), _he_normal(channels * p.kernel)),
            "bias": Parameter("O", (p.out_channels,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C W", (p.batch, p.out_channels, output_size(p)))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        reduction = p.in_channels // p.groups * p.kernel
        return Cost(flops=2 * p.batch * p.out_channels * output_size(p) * reduction, reduction=reduction)


@workload(family="convolution")
class Conv3d:
    """Cross-correlation over three spatial axes, zeros on all six sides.

    y[n,o,u,p,q] = bias[o] + Σ_{c,t,r,s} x[n, g·C/G + c, u', p', q'] · weight[o,c,t,r,s]

    where u' = u·stride + t·dilation − padding, and p' and q' likewise; g = o // (O/G) is the group of output channel o,
    and entries of x outside the volume are 0. The kernel is not flipped.
    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, sections 2 and 5.

    Published shapes: both layers of VoxNet (Maturana and Scherer 2015, section III) on 32 grids.
    """

    bound = "product"
    problems = {
        "tiny": dict(
            batch=2, in_channels=2, out_channels=3, size=4, kernel=3, stride=2, padding=1, dilation=1, groups=1
        ),
        "tiny.grouped": dict(
            batch=1, in_channels=4, out_channels=6, size=3, kernel=2, stride=1, padding=0, dilation=1, groups=2
        ),
        "tiny.dilated": dict(
            batch=1, in_channels=2, out_channels=3, size=4, kernel=2, stride=1, padding=1, dilation=3, groups=1
        ),
        "small": dict(
            batch=2, in_channels=8, out_channels=16, size=16, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "medium": dict(
            batch=4, in_channels=32, out_channels=32, size=28, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "large": dict(
            batch=4, in_channels=64, out_channels=128, size=28, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "voxnet.conv1": dict(
            batch=32, in_channels=1, out_channels=32, size=32, kernel=5, stride=2, padding=0, dilation=1, groups=1
        ),
        "voxnet.conv2": dict(
            batch=32, in_channels=32, out_channels=32, size=14, kernel=3, stride=1, padding=0, dilation=1, groups=1
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return _uneven(p) or _too_wide(p, "volume") or _blind(p, "volume")

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        channels, kernel = p.in_channels // p.groups, (p.kernel,) * 3
        return {
            "x": Input("N C D H W", (p.batch, p.in_channels, p.size, p.size, p.size)),
            "weight": Parameter("O I D H W", (p.out_channels, channels, *kernel), _he_normal(channels * p.kernel**3)),
            "bias": Parameter("O", (p.out_channels,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        size = output_size(p)
        return {"y": Output("N C D H W", (p.batch, p.out_channels, size, size, size))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        reduction = p.in_channels // p.groups * p.kernel**3
        return Cost(flops=2 * p.batch * p.out_channels * output_size(p) ** 3 * reduction, reduction=reduction)


@workload(family="convolution")
class DepthwiseConv2d:
    """Cross-correlation of every channel with kernels of its own, `multiplier` of them.

    y[n, c·M + m, p, q] = bias[c·M + m] + Σ_{r,s} x[n, c, p·stride + r·dilation − padding, q·stride + s·dilation − padding]
                                                  · weight[c,m,r,s]

    where M is the multiplier and entries of x outside the image are 0. The kernel is not flipped.
    Source: Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications,
    section 3.1.

    Published shapes: depthwise layers of MobileNet (the same paper, table 1) on 8 images of 224 × 224.
    """

    bound = "product"
    problems = {
        "tiny": dict(batch=2, channels=3, multiplier=2, size=6, kernel=3, stride=2, padding=1, dilation=1),
        "tiny.dilated": dict(batch=2, channels=2, multiplier=3, size=5, kernel=3, stride=1, padding=2, dilation=2),
        "small": dict(batch=4, channels=32, multiplier=1, size=28, kernel=3, stride=1, padding=1, dilation=1),
        "medium": dict(batch=8, channels=128, multiplier=1, size=56, kernel=3, stride=1, padding=1, dilation=1),
        "large": dict(batch=16, channels=256, multiplier=2, size=56, kernel=3, stride=1, padding=1, dilation=1),
        "mobilenet.depthwise1": _depthwise(32, 112, stride=1),
        "mobilenet.depthwise2": _depthwise(64, 112, stride=2),
        "mobilenet.depthwise7": _depthwise(512, 14, stride=1),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return _too_wide(p, "image") or _blind(p, "image")

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("N C H W", (p.batch, p.channels, p.size, p.size)),
            "weight": Parameter("C M H W", (p.channels, p.multiplier, p.kernel, p.kernel), _he_normal(p.kernel**2)),
            "bias": Parameter("O", (p.channels * p.multiplier,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        size = output_size(p)
        return {"y": Output("N C H W", (p.batch, p.channels * p.multiplier, size, size))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        results = p.batch * p.channels * p.multiplier * output_size(p) ** 2
        return Cost(flops=2 * results * p.kernel**2, reduction=p.kernel**2)


@workload(family="convolution")
class SeparableConv2d:
    """A depthwise convolution, then a pointwise one that mixes its channels; nothing between them.

    h[n, c·M + m, p, q] = Σ_{r,s} x[n, c, p·stride + r − padding, q·stride + s − padding] · depthwise[c,m,r,s]
    y[n,o,p,q] = bias[o] + Σ_i h[n,i,p,q] · pointwise[o,i]

    where M is the multiplier and entries of x outside the image are 0. The kernel is not flipped.
    Source: Chollet 2017, Xception: deep learning with depthwise separable convolutions, section 1.

    Published shapes: pairs of layers of MobileNet (Howard et al. 2017, table 1) on 8 images of 224 × 224, without the
    normalisation and the activation between.
    """

    bound = "product"
    problems = {
        "tiny": dict(batch=2, channels=3, multiplier=2, out_channels=5, size=6, kernel=3, stride=2, padding=1),
        "small": dict(batch=4, channels=32, multiplier=1, out_channels=64, size=28, kernel=3, stride=1, padding=1),
        "medium": dict(batch=8, channels=128, multiplier=1, out_channels=128, size=56, kernel=3, stride=1, padding=1),
        "large": dict(batch=16, channels=256, multiplier=1, out_channels=512, size=56, kernel=3, stride=1, padding=1),
        "mobilenet.block1": _separable(32, 64, 112, stride=1),
        "mobilenet.block2": _separable(64, 128, 112, stride=2),
        "mobilenet.block7": _separable(512, 512, 14, stride=1),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        return _too_wide(p, "image") or _blind(p, "image")

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        between = p.channels * p.multiplier
        return {
            "x": Input("N C H W", (p.batch, p.channels, p.size, p.size)),
            "depthwise": Parameter("C M H W", (p.channels, p.multiplier, p.kernel, p.kernel), _he_normal(p.kernel**2)),
            "pointwise": Parameter("O I", (p.out_channels, between), _he_normal(between)),
            "bias": Parameter("O", (p.out_channels,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        size = output_size(p)
        return {"y": Output("N C H W", (p.batch, p.out_channels, size, size))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        pixels, between = p.batch * output_size(p) ** 2, p.channels * p.multiplier
        flops = 2 * pixels * between * (p.kernel**2 + p.out_channels)
        return Cost(flops=flops, reduction=p.kernel**2 + between)


def _transposed_size(p: Problem) -> int:
    """Rows of the result: Dumoulin and Visin 2016, relation 14 solved for the size of the input."""
    return int((p.size - 1) * p.stride + p.kernel + p.output_padding - 2 * p.padding)


@workload(family="convolution")
class ConvTranspose2d:
    """The transpose of a two-dimensional convolution: every pixel adds a copy of the kernel, scaled by it, to the result.

    y[n, g·O/G + o, u, v] = bias[g·O/G + o] + Σ x[n,c,p,q] · weight[c,o,r,s]

    over the channels c of group g and all p, q, r, s with p·stride + r − padding = u and q·stride + s − padding = v. The
    result has (size − 1)·stride + kernel + output_padding − 2·padding rows; output_padding says which of the sizes that a
    convolution with this stride maps onto the same one is meant. The kernel is not flipped.
    Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, section 4.

    Published shapes: layers of DCGAN's generator (Radford et al. 2016, figure 1) and U-Net's first up-convolution
    (Ronneberger et al. 2015, figure 1).
    """

    bound = "product"
    may_be_zero = ("padding", "output_padding")
    problems = {
        "tiny": dict(
            batch=2, in_channels=3, out_channels=2, size=4, kernel=3, stride=2, padding=1, output_padding=1, groups=1
        ),
        "tiny.grouped": dict(
            batch=2, in_channels=4, out_channels=6, size=3, kernel=2, stride=3, padding=0, output_padding=2, groups=2
        ),
        "small": dict(
            batch=4, in_channels=32, out_channels=16, size=14, kernel=4, stride=2, padding=1, output_padding=0, groups=1
        ),
        "medium": dict(
            batch=8,
            in_channels=128,
            out_channels=64,
            size=28,
            kernel=4,
            stride=2,
            padding=1,
            output_padding=0,
            groups=1,
        ),
        "large": dict(
            batch=16,
            in_channels=256,
            out_channels=128,
            size=28,
            kernel=4,
            stride=2,
            padding=1,
            output_padding=0,
            groups=1,
        ),
        "dcgan.conv1": dict(
            batch=16,
            in_channels=1024,
            out_channels=512,
            size=4,
            kernel=5,
            stride=2,
            padding=2,
            output_padding=1,
            groups=1,
        ),
        "dcgan.conv4": dict(
            batch=16,
            in_channels=128,
            out_channels=3,
            size=32,
            kernel=5,
            stride=2,
            padding=2,
            output_padding=1,
            groups=1,
        ),
        "unet.up1": dict(
            batch=4,
            in_channels=1024,
            out_channels=512,
            size=28,
            kernel=2,
            stride=2,
            padding=0,
            output_padding=0,
            groups=1,
        ),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.output_padding >= p.stride:
            return f"output_padding={p.output_padding} must be less than stride={p.stride}"
        if _transposed_size(p) < 1:
            return f"padding={p.padding} leaves no row of the result"
        places = (i * p.stride + r - p.padding for i in range(p.size) for r in range(p.kernel))
        if not any(0 <= place < _transposed_size(p) for place in places):
            return f"padding={p.padding} leaves no row of the result to which a pixel adds"
        return _uneven(p)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        filters = p.out_channels // p.groups
        return {
            "x": Input("N C H W", (p.batch, p.in_channels, p.size, p.size)),
            "weight": Parameter(
                "I O H W", (p.in_channels, filters, p.kernel, p.kernel), _he_normal(p.in_channels // p.groups)
            ),
            "bias": Parameter("O", (p.out_channels,)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        size = _transposed_size(p)
        return {"y": Output("N C H W", (p.batch, p.out_channels, size, size))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        flops = 2 * p.batch * p.in_channels * p.size**2 * (p.out_channels // p.groups) * p.kernel**2
        # As many rows of the kernel as a pixel of the result can collect from; in the gradient, whole kernels.
        taps = min(p.size, -(-p.kernel // p.stride)) ** 2
        return Cost(flops=flops, reduction=p.in_channels // p.groups * taps)
