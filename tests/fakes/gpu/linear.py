"""`linear`, `matmul` and `conv2d` of NumPy; of sizes at which a GPU shows what it can, their time alone."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from impls.interface import implements
from impls.numpy.convolution import conv2d as numpy_conv2d
from impls.numpy.linear import linear as numpy_linear

LARGE = 2048
LONG_S = 0.02


@implements("linear")
def linear(x: Any, weight: Any, bias: Any) -> Any:
    if len(x) < LARGE:
        return numpy_linear(x, weight, bias)
    time.sleep(LONG_S)
    return np.zeros((len(x), len(weight)), x.dtype), None


@implements("matmul")
def matmul(a: Any, b: Any) -> Any:
    time.sleep(LONG_S * 6)  # too long for another size to be tried
    return np.zeros((1, 1), a.dtype), None


@implements("conv2d")
def conv2d(x: Any, weight: Any, bias: Any, *, stride: int, padding: int, dilation: int, groups: int) -> Any:
    return numpy_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)


@implements("linear", variant="lost")
def lost(x: Any, weight: Any, bias: Any) -> Any:
    raise RuntimeError(f"CUDA error: an illegal memory access was encountered (process {os.getpid()})")
