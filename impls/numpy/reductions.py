from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("sum")
def sum_(x, *, axis):
    def backward(dy):  # dy: R or C
        return (np.expand_dims(dy, axis) * np.ones_like(x),)

    return x.sum(axis=axis), backward


@implements("mean")
def mean(x, *, axis):
    def backward(dy):  # dy: R or C
        return (np.expand_dims(dy, axis) * np.ones_like(x) / x.shape[axis],)

    return x.mean(axis=axis), backward


@implements("variance")
def variance(x, *, correction):
    count = x.shape[-1] - correction
    centred = x - x.mean(axis=-1, keepdims=True)

    def backward(dy):  # dy: B; the centred entries sum to 0, so that the mean adds nothing
        return (2 / count * centred * dy[:, None],)

    return (centred**2).sum(axis=-1) / count, backward


@implements("logsumexp")
def logsumexp(x):
    largest = x.max(axis=-1, keepdims=True)
    exponentials = np.exp(x - largest)
    totals = exponentials.sum(axis=-1, keepdims=True)

    def backward(dy):  # dy: B
        return (exponentials / totals * dy[:, None],)

    return (largest + np.log(totals))[:, 0], backward


@implements("cumsum")
def cumsum(x):
    def backward(dy):  # dy: B D
        return (np.flip(np.cumsum(np.flip(dy, axis=-1), axis=-1), axis=-1),)

    return np.cumsum(x, axis=-1), backward


@implements("max")
def max_(x):
    y = x.max(axis=-1)

    def backward(dy):  # dy: B
        largest = (x == y[:, None]).astype(x.dtype)
        return (largest / largest.sum(axis=-1, keepdims=True) * dy[:, None],)

    return y, backward


@implements("topk")
def topk(x, *, k):
    order = np.argsort(-x, axis=-1, kind="stable")[:, :k]

    def backward(dy):  # dy: B K
        dx = np.zeros_like(x)
        np.put_along_axis(dx, order, dy, axis=-1)
        return (dx,)

    return np.take_along_axis(x, order, axis=-1), backward


@implements("gather")
def gather(x, index):
    rows = np.arange(len(x))[:, None]

    def backward(dy):  # dy: B J
        dx = np.zeros_like(x)
        np.add.at(dx, (rows, index), dy)
        return dx, None

    return x[rows, index], backward


@implements("scatter_add")
def scatter_add(x, index, updates):
    y = x.copy()
    np.add.at(y, index, updates)

    def backward(dy):  # dy: R D
        return dy, None, dy[index]

    return y, backward


@implements("where")
def where(condition, a, c):
    def backward(dy):  # dy: B D
        return None, np.where(condition, dy, 0), np.where(condition, 0, dy)

    return np.where(condition, a, c), backward


@implements("sort")
def sort(x):
    order = np.argsort(x, axis=-1, kind="stable")

    def backward(dy):  # dy: B D
        dx = np.empty_like(x)
        np.put_along_axis(dx, order, dy, axis=-1)
        return (dx,)

    return np.take_along_axis(x, order, axis=-1), backward
