from __future__ import annotations

import numpy as np

from impls.interface import implements
from impls.numpy.linear import linear as numpy_linear

PIECE, RESULT = np.ones(4096), np.empty(4096)
"""Small enough for the first cache, so that each piece of work takes as long as any other."""


@implements("linear")
def linear(x, weight, bias):
    for _ in range(len(x) ** 2 // 64):
        np.multiply(PIECE, PIECE, out=RESULT)
    return numpy_linear(x, weight, bias)
