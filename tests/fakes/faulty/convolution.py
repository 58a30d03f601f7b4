from __future__ import annotations

from impls.interface import implements
from impls.numpy.convolution import conv2d as healthy


@implements("conv2d", variant="swapped")
def swapped(x, weight, bias, *, stride, padding, dilation, groups):
    """Stride and dilation taken for each other."""
    return healthy(x, weight, bias, stride=dilation, padding=padding, dilation=stride, groups=groups)
