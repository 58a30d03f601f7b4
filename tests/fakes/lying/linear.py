from __future__ import annotations

from impls.interface import implements
from impls.numpy.linear import linear as numpy_linear


@implements("linear")
def linear(x, weight, bias):
    return numpy_linear(x, weight, bias)
