from __future__ import annotations

import math

import numpy as np

from impls.interface import implements


def _sigmoid(x):
    """1 / (1 + exp(−x)), with no exponential of a positive number."""
    exponential = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, exponential) / (1 + exponential)


def _softplus(x):
    """log(1 + exp x), with no exponential of a positive number."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erfc(x):
    """1 − erf x without cancellation; entry by entry, because NumPy has no such function."""
    return np.fromiter(map(math.erfc, x.flat), x.dtype, x.size).reshape(x.shape)


@implements("relu")
def relu(x):
    def backward(dy):
        return (dy * (x > 0),)

    return np.maximum(x, 0), backward


@implements("relu6")
def relu6(x):
    def backward(dy):
        return (dy * ((x > 0) & (x < 6)),)

    return np.clip(x, 0, 6), backward


@implements("leaky_relu")
def leaky_relu(x, *, slope):
    def backward(dy):
        return (np.where(x > 0, dy, slope * dy),)

    return np.where(x > 0, x, slope * x), backward


@implements("elu")
def elu(x, *, alpha):
    negative = np.minimum(x, 0)

    def backward(dy):
        return (np.where(x > 0, dy, alpha * np.exp(negative) * dy),)

    return np.where(x > 0, x, alpha * np.expm1(negative)), backward


@implements("selu")
def selu(x):
    scale, alpha = 1.0507009873554804934, 1.6732632423543772848
    negative = np.minimum(x, 0)

    def backward(dy):
        return (scale * np.where(x > 0, dy, alpha * np.exp(negative) * dy),)

    return scale * np.where(x > 0, x, alpha * np.expm1(negative)), backward


@implements("gelu")
def gelu(x):
    distribution = _erfc(-x / math.sqrt(2)) / 2

    def backward(dy):
        density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
        return (dy * (distribution + x * density),)

    return x * distribution, backward


@implements("gelu_tanh")
def gelu_tanh(x):
    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    tanh = np.tanh(scale * (x + cubic * x**3))

    def backward(dy):
        dinner = scale * (1 + 3 * cubic * x**2)
        return (dy * (1 + tanh + x * (1 - tanh**2) * dinner) / 2,)

    return x * (1 + tanh) / 2, backward


@implements("silu")
def silu(x):
    sigmoid = _sigmoid(x)

    def backward(dy):
        return (dy * sigmoid * (1 + x * (1 - sigmoid)),)

    return x * sigmoid, backward


@implements("hard_swish")
def hard_swish(x):
    gate = np.clip(x + 3, 0, 6) / 6

    def backward(dy):
        inside = (x > -3) & (x < 3)
        return (dy * (gate + inside * x / 6),)

    return x * gate, backward


@implements("softplus")
def softplus(x):
    def backward(dy):
        return (dy * _sigmoid(x),)

    return _softplus(x), backward


@implements("log1p")
def log1p(x):
    def backward(dy):
        return (dy / (1 + x),)

    return np.log1p(x), backward


@implements("mish")
def mish(x):
    tanh = np.tanh(_softplus(x))

    def backward(dy):
        return (dy * (tanh + x * (1 - tanh**2) * _sigmoid(x)),)

    return x * tanh, backward


@implements("sigmoid")
def sigmoid(x):
    y = _sigmoid(x)

    def backward(dy):
        return (dy * y * (1 - y),)

    return y, backward


@implements("tanh")
def tanh(x):
    y = np.tanh(x)

    def backward(dy):
        return (dy * (1 - y**2),)

    return y, backward


@implements("softmax")
def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)

    def backward(dy):
        return (y * (dy - (dy * y).sum(axis=-1, keepdims=True)),)

    return y, backward


@implements("log_softmax")
def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def backward(dy):
        return (dy - np.exp(y) * dy.sum(axis=-1, keepdims=True),)

    return y, backward


@implements("glu")
def glu(x):
    values, gates = np.split(x, 2, axis=-1)
    sigmoid = _sigmoid(gates)

    def backward(dy):
        return (np.concatenate([dy * sigmoid, dy * values * sigmoid * (1 - sigmoid)], axis=-1),)

    return values * sigmoid, backward
