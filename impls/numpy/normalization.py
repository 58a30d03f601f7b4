from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("layer_norm")
def layer_norm(x, weight, bias, *, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
    normal = centred * inverse

    def backward(dy):  # dy: B T D
        dnormal = dy * weight
        projected = dnormal.mean(axis=-1, keepdims=True) + normal * (dnormal * normal).mean(axis=-1, keepdims=True)
        return inverse * (dnormal - projected), (dy * normal).sum(axis=(0, 1)), dy.sum(axis=(0, 1))

    return normal * weight + bias, backward
