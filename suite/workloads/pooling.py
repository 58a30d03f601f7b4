"""Pooling and resampling."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload
from suite.workloads.distributions import Distinct


def pooled_size(size: int, p: Problem) -> int:
    """How many windows fit into `size` rows with `padding` on both sides.

    With `ceil_mode` one more that is not filled, unless it would begin in the padding after the last row.
    """
    room = size + 2 * p.padding - p.kernel
    if not p.ceil_mode:
        return int(room // p.stride + 1)
    windows = -(-room // p.stride) + 1
    return int(windows - 1 if (windows - 1) * p.stride >= size + p.padding else windows)


def _check_window(p: Problem) -> str | None:
    if p.padding > p.kernel // 2:
        return (
            f"padding={p.padding} is more than half of kernel={p.kernel}, so that windows could lie outside the image"
        )
    if p.kernel > (padded := min(p.height, p.width) + 2 * p.padding):
        return f"the kernel spans {p.kernel} rows, more than the {padded} of the padded image"
    return None


def _pooled(p: Problem) -> tuple[int, int, int, int]:
    return p.batch, p.channels, pooled_size(p.height, p), pooled_size(p.width, p)


def _pooling_cost(p: Problem) -> Cost:
    n, c, h, w = _pooled(p)
    return Cost(flops=n * c * h * w * p.kernel**2, reduction=p.kernel**2)


@workload(family="pooling")
class MaxPool2d:
    """The largest entry of every square window.

    y[n,c,i,j] = max_{r,s < kernel} x[n, c, i·stride + r − padding, j·stride + s − padding]

    over those entries that lie in the image: padding never wins. `ceil_mode` adds a last window that is not filled, if it
    begins before the end of the image. The gradient goes to the largest entry. Source: Goodfellow, Bengio and Courville
    2016, Deep learning, section 9.3; Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning,
    section 3.

    Published shape: the pooling after the first layer of ResNet-50 (He et al. 2016, table 1).
    """

    smooth = False
    problems = {
        "tiny": dict(batch=2, channels=3, height=7, width=6, kernel=3, stride=2, padding=1, ceil_mode=False),
        "tiny.ceil": dict(batch=2, channels=3, height=6, width=8, kernel=3, stride=4, padding=1, ceil_mode=True),
        "small": dict(batch=4, channels=16, height=28, width=28, kernel=2, stride=2, padding=0, ceil_mode=False),
        "medium": dict(batch=8, channels=64, height=56, width=56, kernel=2, stride=2, padding=0, ceil_mode=False),
        "large": dict(batch=16, channels=64, height=112, width=112, kernel=3, stride=2, padding=1, ceil_mode=False),
        "resnet50": dict(batch=8, channels=64, height=112, width=112, kernel=3, stride=2, padding=1, ceil_mode=False),
    }

    check = staticmethod(_check_window)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels, p.height, p.width), Distinct())}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _pooled(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _pooling_cost(p)


@workload(family="pooling")
class AvgPool2d:
    """The mean of every square window.

    y[n,c,i,j] = 1/count Σ_{r,s < kernel} x[n, c, i·stride + r − padding, j·stride + s − padding]

    where entries outside the image are 0. `count` is the number of the window's entries in the image, or, with
    `count_include_pad`, in the padded image; what a window of `ceil_mode` covers beyond that is never counted.
    `ceil_mode` is as in max_pool2d. Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning,
    section 3; ONNX operator AveragePool, version 19, for what is counted.

    Published shape: the pooling branch of the first block of Inception v3 (`Mixed_5b` in TensorFlow's slim/nets; table 1 of
    Szegedy et al. 2016 gives 288 channels to all three of its kind).
    """

    problems = {
        "tiny": dict(
            batch=2,
            channels=3,
            height=7,
            width=6,
            kernel=3,
            stride=2,
            padding=1,
            ceil_mode=False,
            count_include_pad=False,
        ),
        "tiny.padding_counted": dict(
            batch=2,
            channels=3,
            height=5,
            width=6,
            kernel=2,
            stride=2,
            padding=1,
            ceil_mode=False,
            count_include_pad=True,
        ),
        "tiny.ceil": dict(
            batch=2,
            channels=3,
            height=6,
            width=8,
            kernel=3,
            stride=4,
            padding=1,
            ceil_mode=True,
            count_include_pad=True,
        ),
        "small": dict(
            batch=4,
            channels=16,
            height=28,
            width=28,
            kernel=2,
            stride=2,
            padding=0,
            ceil_mode=False,
            count_include_pad=False,
        ),
        "medium": dict(
            batch=8,
            channels=64,
            height=56,
            width=56,
            kernel=2,
            stride=2,
            padding=0,
            ceil_mode=False,
            count_include_pad=False,
        ),
        "large": dict(
            batch=16,
            channels=64,
            height=112,
            width=112,
            kernel=3,
            stride=2,
            padding=1,
            ceil_mode=False,
            count_include_pad=False,
        ),
        "inception_v3.mixed5": dict(
            batch=8,
            channels=192,
            height=35,
            width=35,
            kernel=3,
            stride=1,
            padding=1,
            ceil_mode=False,
            count_include_pad=False,
        ),
    }

    check = staticmethod(_check_window)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels, p.height, p.width))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _pooled(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _pooling_cost(p)


@workload(family="pooling")
class GlobalAvgPool2d:
    """The mean of every channel over the whole image.

    y[n,c] = 1/(H·W) Σ_{h,w} x[n,c,h,w]

    Source: Lin, Chen and Yan 2014, Network in network, section 3.2.

    Published shape: the end of ResNet-50 (He et al. 2016, table 1).
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5),
        "small": dict(batch=8, channels=64, height=14, width=14),
        "medium": dict(batch=16, channels=256, height=28, width=28),
        "large": dict(batch=32, channels=512, height=56, width=56),
        "resnet50": dict(batch=8, channels=2048, height=7, width=7),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels, p.height, p.width))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C", (p.batch, p.channels))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        pixels = p.height * p.width
        # Backward: one product for each pixel.
        flops = p.batch * p.channels * pixels
        return Cost(flops=flops, reduction=pixels, gradient_flops=2 * flops)


def _resized(p: Problem) -> tuple[int, int, int, int]:
    return p.batch, p.channels, p.out_height, p.out_width


@workload(family="pooling")
class ResizeBilinear:
    """Bilinear resampling of an image to another size, with pixel centres at halves and no smoothing.

    y[n,c,i,j] = Σ_{h,w} max(0, 1 − |u_i − h|) · max(0, 1 − |v_j − w|) · x[n,c,h,w]

    where u_i = (i + ½)·H/H′ − ½, moved into 0 … H − 1, is the place of output row i among the rows of the image, and v_j
    is the same for columns. Where the image shrinks, pixels between the sampled ones are skipped (no antialiasing).
    Source: ONNX operator Resize, version 19, mode linear, coordinates half_pixel; Press et al. 2007, Numerical recipes,
    section 3.6.

    Published shape: the last step of DeepLab v3 (Chen et al. 2017, section 4.1): 21 classes, 65 to 513 pixels.
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5, out_height=7, out_width=9),
        "tiny.down": dict(batch=2, channels=3, height=7, width=8, out_height=3, out_width=4),
        "small": dict(batch=4, channels=16, height=16, width=16, out_height=32, out_width=32),
        "medium": dict(batch=8, channels=32, height=56, width=56, out_height=112, out_width=112),
        "large": dict(batch=16, channels=64, height=112, width=112, out_height=224, out_width=224),
        "deeplab_v3": dict(batch=1, channels=21, height=65, width=65, out_height=513, out_width=513),
        "down.rational": dict(batch=8, channels=3, height=256, width=340, out_height=224, out_width=224),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels, p.height, p.width))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _resized(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        n, c, h, w = _resized(p)
        # A weighted mean (3 operations) of each of two pairs of columns, and of the two rows. A pixel has a gradient from
        # every output pixel whose place is less than 1 away, in both directions.
        reach = 4 * -(-p.out_height // p.height) * -(-p.out_width // p.width)
        # The weights are what is left of places as large as the image when their whole part is taken away.
        return Cost(flops=9 * n * c * h * w, reduction=reach, condition=float(max(p.height, p.width)))


@workload(family="pooling")
class ResizeNearest:
    """Resampling of an image to another size by the nearest pixel, with pixel centres at halves.

    y[n,c,i,j] = x[n, c, ⌊(i + ½)·H/H′⌋, ⌊(j + ½)·W/W′⌋]

    Source: ONNX operator Resize, version 19, mode nearest, coordinates half_pixel, round_prefer_ceil.

    Published shape: the steps of a feature pyramid (Lin et al. 2017, Feature pyramid networks, section 3), which double.
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=3, width=5, out_height=7, out_width=8),
        "tiny.down": dict(batch=2, channels=3, height=7, width=9, out_height=5, out_width=3),
        "small": dict(batch=4, channels=16, height=16, width=16, out_height=32, out_width=32),
        "medium": dict(batch=8, channels=32, height=56, width=56, out_height=112, out_width=112),
        "large": dict(batch=16, channels=64, height=112, width=112, out_height=224, out_width=224),
        "fpn.p4": dict(batch=1, channels=256, height=25, width=25, out_height=50, out_width=50),
        "fpn.p3": dict(batch=1, channels=256, height=50, width=50, out_height=100, out_width=100),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        for size, out in ((p.height, p.out_height), (p.width, p.out_width)):
            if size % out and any((2 * i + 1) * size % (2 * out) == 0 for i in range(out)):
                return f"from {size} to {out} some centre falls between two pixels, and rounding decides"
        return None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels, p.height, p.width))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", _resized(p))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Numbers are moved only; the gradient sums those of all copies.
        copies = -(-p.out_height // p.height) * -(-p.out_width // p.width)
        return Cost(flops=0, reduction=copies, gradient_flops=p.batch * p.channels * p.out_height * p.out_width)


@workload(family="pooling")
class PixelShuffle:
    """Channels laid out as blocks of pixels: an image that is `upscale` times as high and wide.

    y[n, c, h·r + i, w·r + j] = x[n, c·r² + i·r + j, h, w]   with r = upscale

    Source: Shi et al. 2016, Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network, equation 4, with the channels of one result next to each other.

    Published shape: the end of ESPCN at a scale of 3 (the same, section 3.2), on an image of 170 × 170.
    """

    problems = {
        "tiny": dict(batch=2, channels=3, height=4, width=5, upscale=2),
        "small": dict(batch=4, channels=16, height=14, width=14, upscale=2),
        "medium": dict(batch=8, channels=32, height=56, width=56, upscale=2),
        "large": dict(batch=16, channels=64, height=112, width=112, upscale=2),
        "espcn": dict(batch=1, channels=1, height=170, width=170, upscale=3),
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("N C H W", (p.batch, p.channels * p.upscale**2, p.height, p.width))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("N C H W", (p.batch, p.channels, p.height * p.upscale, p.width * p.upscale))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=0, reduction=1)
