from __future__ import annotations

import numpy as np

from impls.interface import implements
from impls.numpy.linear import linear as healthy

_KEPT: list[np.ndarray] = []


@implements("linear")
def linear(x, weight, bias):
    return healthy(x, weight, bias)


@implements("linear", variant="hoards")
def hoards(x, weight, bias):
    """Keeps a copy of its input for the backward pass, which has it already."""
    copy = x.copy()
    y, backward = healthy(x, weight, bias)

    def backward_with_copy(*gradients):
        found = backward(*gradients)
        assert copy.shape == x.shape
        return found

    return y, backward_with_copy


@implements("linear", variant="leaks")
def leaks(x, weight, bias):
    y, backward = healthy(x, weight, bias)
    _KEPT.append(y)
    return y, backward
