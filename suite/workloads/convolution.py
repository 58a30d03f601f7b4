"""Convolutions."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Normal


def output_size(p: Problem) -> int:
    """Rows (and columns) of the result: Dumoulin and Visin 2016, relation 14."""
    return int((p.size + 2 * p.padding - p.dilation * (p.kernel - 1) - 1) // p.stride + 1)


def _resnet50(channels: int, filters: int, size: int, kernel: int, stride: int = 1) -> dict[str, int]:
    return dict(
        batch=8,
        in_channels=channels,
        out_channels=filters,
        size=size,
        kernel=kernel,
        stride=stride,
        padding=kernel // 2,
        dilation=1,
        groups=1,
    )


@workload(family="convolution")
class Conv2d:
    """Cross-correlation over two spatial axes, zero padding on all four sides.

    y[n,o,p,q] = bias[o] + Σ_{c,r,s} x[n, g·C/G + c, p·stride + r·dilation − padding, q·stride + s·dilation − padding]
                                     · weight[o,c,r,s]

    where g = o // (O/G) is the group of output channel o, and entries of x outside the image are 0. The kernel is not
    flipped. Source: Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning, sections 2 and 5.

    Published shapes: layers of ResNet-50 (He et al. 2016, table 1) on 8 images of 224 × 224.
    """

    bound = "product"
    problems = {
        "tiny": dict(
            batch=2, in_channels=4, out_channels=6, size=7, kernel=3, stride=2, padding=1, dilation=1, groups=1
        ),
        "tiny.dilated": dict(
            batch=2, in_channels=2, out_channels=3, size=7, kernel=3, stride=1, padding=2, dilation=2, groups=1
        ),
        "tiny.grouped": dict(
            batch=2, in_channels=4, out_channels=6, size=6, kernel=3, stride=1, padding=1, dilation=1, groups=2
        ),
        "small": dict(
            batch=4, in_channels=16, out_channels=32, size=28, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "medium": dict(
            batch=8, in_channels=64, out_channels=64, size=56, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "large": dict(
            batch=16, in_channels=128, out_channels=256, size=56, kernel=3, stride=1, padding=1, dilation=1, groups=1
        ),
        "resnet50.conv1": _resnet50(3, 64, 224, kernel=7, stride=2),
        "resnet50.conv2_2": _resnet50(64, 64, 56, kernel=3),
        "resnet50.conv3_2": _resnet50(128, 128, 28, kernel=3),
        "resnet50.conv4_2": _resnet50(256, 256, 14, kernel=3),
        "resnet50.conv5_2": _resnet50(512, 512, 7, kernel=3),
        "resnet50.conv3_3": _resnet50(128, 512, 28, kernel=1),
        "resnet50.shortcut4": _resnet50(512, 1024, 28, kernel=1, stride=2),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.in_channels % p.groups or p.out_channels % p.groups:
            return (
                f"in_channels={p.in_channels} and out_channels={p.out_channels} must be multiples of groups={p.groups}"
            )
        if (extent := p.dilation * (p.kernel - 1) + 1) > (padded := p.size + 2 * p.padding):
            return f"the dilated kernel spans {extent} rows, more than the {padded} of the padded image"
        return None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        channels = p.in_channels // p.groups
        he_normal = Normal((2 / (channels * p.kernel**2)) ** 0.5)
        return {
            "x": Input("N C H W", (p.batch, p.in_channels, p.size, p.size)),
            "weight": Parameter("O I H W", (p.out_channels, channels, p.kernel, p.kernel), he_normal),
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
