from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

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


def standardized(x, axes, eps):
    """x to mean 0 and biased variance 1 over `axes`, and its backward; the mean and the variance."""
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    variance = (centred**2).mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + eps)
    normal = centred * inverse

    def backward(dnormal):
        along = (dnormal * normal).mean(axis=axes, keepdims=True)
        return inverse * (dnormal - dnormal.mean(axis=axes, keepdims=True) - normal * along)

    return normal, backward, mean, variance


def per_channel(parameter):
    return parameter[:, None, None]  # C H W


@implements("batch_norm")
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum):
    normal, standardized_backward, mean, variance = standardized(x, (0, 2, 3), eps)
    count = x.size // x.shape[1]
    unbiased = variance.ravel() * (count / (count - 1))
    new_mean = (1 - momentum) * running_mean + momentum * mean.ravel()
    new_var = (1 - momentum) * running_var + momentum * unbiased

    def backward(dy):  # dy: N C H W
        dx = standardized_backward(dy * per_channel(weight))
        return dx, (dy * normal).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3)), None, None

    return (normal * per_channel(weight) + per_channel(bias), new_mean, new_var), backward


@implements("batch_norm_inference")
def batch_norm_inference(x, weight, bias, running_mean, running_var, *, eps):
    inverse = per_channel(1 / np.sqrt(running_var + eps))
    normal = (x - per_channel(running_mean)) * inverse

    def backward(dy):  # dy: N C H W
        dx = dy * per_channel(weight) * inverse
        return dx, (dy * normal).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3)), None, None

    return normal * per_channel(weight) + per_channel(bias), backward


@implements("instance_norm")
def instance_norm(x, weight, bias, *, eps):
    normal, standardized_backward, _, _ = standardized(x, (2, 3), eps)

    def backward(dy):  # dy: N C H W
        dx = standardized_backward(dy * per_channel(weight))
        return dx, (dy * normal).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3))

    return normal * per_channel(weight) + per_channel(bias), backward


@implements("group_norm")
def group_norm(x, weight, bias, *, groups, eps):
    n, c, h, w = x.shape
    grouped, standardized_backward, _, _ = standardized(x.reshape(n, groups, c // groups, h, w), (2, 3, 4), eps)
    normal = grouped.reshape(x.shape)

    def backward(dy):  # dy: N C H W
        dx = standardized_backward((dy * per_channel(weight)).reshape(grouped.shape)).reshape(x.shape)
        return dx, (dy * normal).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3))

    return normal * per_channel(weight) + per_channel(bias), backward


@implements("local_response_norm")
def local_response_norm(x, *, radius, alpha, beta, k):
    def neighbourhood(values):
        padded = np.pad(values, ((0, 0), (radius, radius), (0, 0), (0, 0)))
        return sliding_window_view(padded, 2 * radius + 1, axis=1).sum(axis=-1)

    bases = k + alpha * neighbourhood(x**2)
    scales = bases**-beta

    def backward(dy):  # dy: N C H W
        # Each square is in the sums of its neighbours.
        return (dy * scales - 2 * alpha * beta * x * neighbourhood(dy * x * scales / bases),)

    return x * scales, backward


@implements("weight_norm")
def weight_norm(direction, gain):
    lengths = np.sqrt((direction**2).sum(axis=1, keepdims=True))
    unit = direction / lengths

    def backward(dy):  # dy: O I
        along = (dy * unit).sum(axis=1)
        return gain[:, None] / lengths * (dy - along[:, None] * unit), along

    return gain[:, None] * unit, backward


@implements("spectral_norm")
def spectral_norm(weight, u, *, iterations):
    for _ in range(iterations):
        v = weight.T @ u
        v = v / np.sqrt((v**2).sum())
        u = weight @ v
        u = u / np.sqrt((u**2).sum())
    sigma = u @ weight @ v

    def backward(dy):  # dy: O I
        dsigma = -(dy * weight).sum() / sigma**2
        return dy / sigma + dsigma * np.outer(u, v), None

    return (weight / sigma, u), backward


@implements("rms_norm")
def rms_norm(x, weight, *, eps):
    inverse = 1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)
    normal = x * inverse

    def backward(dy):  # dy: B T D
        dnormal = dy * weight
        dx = inverse * (dnormal - normal * (dnormal * normal).mean(axis=-1, keepdims=True))
        return dx, (dy * normal).sum(axis=(0, 1))

    return normal * weight, backward
