from __future__ import annotations

import torch.nn.functional as F

from impls.interface import implements
from suite.workloads import Problem


@implements("max_pool2d")
def max_pool2d(x, *, kernel, stride, padding, ceil_mode):
    return F.max_pool2d(x, kernel, stride, padding, dilation=1, ceil_mode=ceil_mode)


def _compiled_gradient_wrong(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Seen in 2.13.0; pytorch/pytorch#198119.
    if task != "forward" and mode == "compile" and p.ceil_mode and p.count_include_pad:
        return "the compiled gradient of avg_pool2d with ceil_mode and count_include_pad has the wrong divisor"
    return None


@implements("avg_pool2d", unsupported=_compiled_gradient_wrong)
def avg_pool2d(x, *, kernel, stride, padding, ceil_mode, count_include_pad):
    return F.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad)


@implements("global_avg_pool2d")
def global_avg_pool2d(x):
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


@implements("global_avg_pool2d", variant="mean")
def global_avg_pool2d_mean(x):
    return x.mean(dim=(2, 3))


@implements("resize_bilinear")
def resize_bilinear(x, *, out_height, out_width):
    return F.interpolate(x, size=(out_height, out_width), mode="bilinear", align_corners=False, antialias=False)


@implements("resize_nearest")
def resize_nearest(x, *, out_height, out_width):
    # Plain "nearest" takes the pixel at ⌊i·H/H′⌋.
    return F.interpolate(x, size=(out_height, out_width), mode="nearest-exact")


@implements("pixel_shuffle")
def pixel_shuffle(x, *, upscale):
    return F.pixel_shuffle(x, upscale)
