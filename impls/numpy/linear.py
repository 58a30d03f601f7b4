from __future__ import annotations

from impls.interface import implements


@implements("linear")
def linear(x, weight, bias):
    def backward(dy):  # dy: B O
        return dy @ weight, dy.T @ x, dy.sum(axis=0)

    return x @ weight.T + bias, backward
