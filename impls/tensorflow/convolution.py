from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem

NHWC = {"x": "N H W C", "weight": "H W I O", "y": "N H W C"}


def _gradient_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0 on the CPU; XLA has kernels of its own.
    if task != "forward" and mode != "xla" and (p.groups > 1 or p.dilation > 1):
        return "TensorFlow has no CPU kernel for the gradient of tf.nn.conv2d with groups or dilation above 1"
    return None


@implements("conv2d", layout=NHWC, unsupported=_gradient_refused)
def conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    """tf.nn.conv2d takes the groups from the shapes."""
    pads = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    return tf.nn.conv2d(x, weight, stride, pads, dilations=dilation) + bias


def _dilated_gradient_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if task != "forward" and mode != "xla" and p.dilation > 1:
        return "TensorFlow has no CPU kernel for the gradient of tf.nn.conv2d with dilation above 1"
    return None


@implements("conv2d", variant="split", layout=NHWC, unsupported=_dilated_gradient_refused)
def conv2d_split(x, weight, bias, *, stride, padding, dilation, groups):
    """One convolution for each group, side by side: slower, but with a gradient on the CPU."""
    pads = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    slices = zip(tf.split(x, groups, axis=3), tf.split(weight, groups, axis=3), strict=True)
    parts = [tf.nn.conv2d(part, kernels, stride, pads, dilations=dilation) for part, kernels in slices]
    return tf.concat(parts, axis=3) + bias
