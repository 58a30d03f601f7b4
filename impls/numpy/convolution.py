from __future__ import annotations

from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from impls.interface import implements


@implements("conv2d")
def conv2d(x, weight, bias, *, stride, padding, dilation, groups, auto_pad="explicit"):
    """The window of every output pixel becomes a row (im2col), so that each group is one matrix product."""
    pads = _pads(x, weight, stride, padding, dilation, auto_pad)
    return _convolution(x, weight, bias, pads, stride, dilation, groups)


@implements("conv1d")
def conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolution(x, weight, bias, [(padding, padding)], stride, dilation, groups)


@implements("conv3d")
def conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolution(x, weight, bias, [(padding, padding)] * 3, stride, dilation, groups)


@implements("depthwise_conv2d")
def depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    """A convolution with as many groups as channels."""
    channels, multiplier, *kernel = weight.shape
    kernels = weight.reshape(channels * multiplier, 1, *kernel)
    y, gradient = _convolution(x, kernels, bias, [(padding, padding)] * 2, stride, dilation, channels)

    def backward(dy):  # dy: N CM P Q
        dx, dkernels, dbias = gradient(dy)
        return dx, dkernels.reshape(weight.shape), dbias

    return y, backward


@implements("separable_conv2d")
def separable_conv2d(x, depthwise, pointwise, bias, *, stride, padding):
    channels, multiplier, *kernel = depthwise.shape
    kernels = depthwise.reshape(channels * multiplier, 1, *kernel)
    nothing = np.zeros(channels * multiplier, x.dtype)
    h, gradient = _convolution(x, kernels, nothing, [(padding, padding)] * 2, stride, 1, channels)  # N I P Q
    y = np.einsum("oi,nipq->nopq", pointwise, h) + bias[:, None, None]

    def backward(dy):  # dy: N O P Q
        dx, dkernels, _ = gradient(np.einsum("oi,nopq->nipq", pointwise, dy))
        dpointwise = np.einsum("nopq,nipq->oi", dy, h)
        return dx, dkernels.reshape(depthwise.shape), dpointwise, dy.sum(axis=(0, 2, 3))

    return y, backward


@implements("conv_transpose2d")
def conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, groups):
    """Every pixel times the kernel is added to its window of the result, whose outer rows are cut off at the end."""
    n, c, *places = x.shape
    _, m, *kernel = weight.shape  # filters of one group
    kernels = weight.reshape(groups, c // groups, m * prod(kernel))
    rows = x.swapaxes(0, 1).reshape(groups, c // groups, n * prod(places))
    taps = _windows(rows.swapaxes(1, 2) @ kernels, n, places, kernel)
    whole = [(size - 1) * stride + k + output_padding for size, k in zip(places, kernel, strict=True)]
    inner = (..., *[slice(padding, size - padding) for size in whole])
    y = _scattered(taps, whole, stride, 1)[inner] + bias[:, None, None]

    def backward(dy):  # dy: N O U V
        dpadded = np.pad(dy, [(0, 0), (0, 0)] + [(padding, padding)] * 2)
        dtaps = _rows(_gathered(dpadded, kernel, stride, 1), len(kernel), groups)  # G NPQ MRS
        dx = (kernels @ dtaps.swapaxes(1, 2)).reshape(c, n, *places).swapaxes(0, 1)
        return dx, (rows @ dtaps).reshape(weight.shape), dy.sum(axis=(0, 2, 3))

    return y, backward


@implements("conv2d", variant="fft")
def conv2d_fft(x, weight, bias, *, stride, padding, dilation, groups, auto_pad="explicit"):
    """Correlation as the product of one spectrum with the conjugate of the other. Nothing wraps around into the places
    that are kept, as a window never reaches over the end of the padded image."""
    n, c, *size = x.shape
    o, i, *kernel = weight.shape
    pads = _pads(x, weight, stride, padding, dilation, auto_pad)
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    whole = padded.shape[2:]
    spread = np.zeros((o, i, *whole), weight.dtype)
    taps = (..., *[slice(0, dilation * (k - 1) + 1, dilation) for k in kernel])
    spread[taps] = weight
    image = np.fft.rfft2(padded).reshape(n, groups, i, whole[0], -1)
    kernels = np.fft.rfft2(spread).reshape(groups, o // groups, i, whole[0], -1)
    spectrum = np.einsum("ngihw,goihw->ngohw", image, kernels.conj()).reshape(n, o, whole[0], -1)
    kept = (
        ...,
        *[slice(0, full - dilation * (k - 1), stride) for full, k in zip(whole, kernel, strict=True)],
    )
    y = np.fft.irfft2(spectrum, whole)[kept] + bias[:, None, None]

    def backward(dy):  # dy: N O P Q
        dwhole = np.zeros((n, o, *whole), dy.dtype)
        dwhole[kept] = dy
        dspectrum = np.fft.rfft2(dwhole).reshape(n, groups, o // groups, whole[0], -1)
        dimage = np.einsum("ngohw,goihw->ngihw", dspectrum, kernels).reshape(n, c, whole[0], -1)
        dkernels = np.einsum("ngohw,ngihw->goihw", dspectrum.conj(), image).reshape(o, i, whole[0], -1)
        inner = (..., *[slice(before, before + rows) for (before, _), rows in zip(pads, size, strict=True)])
        return np.fft.irfft2(dimage, whole)[inner], np.fft.irfft2(dkernels, whole)[taps], dy.sum(axis=(0, 2, 3))

    return y, backward


def _pads(x, weight, stride, padding, dilation, auto_pad):
    """Rows of zeros before and after, for each spatial axis."""
    if auto_pad in ("explicit", "valid"):
        return [(padding, padding)] * (x.ndim - 2)
    pads = []
    for size, kernel in zip(x.shape[2:], weight.shape[2:], strict=True):
        places = -(-size // stride)
        total = max((places - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
        less, more = total // 2, total - total // 2
        pads.append((less, more) if auto_pad == "same_upper" else (more, less))
    return pads


def _convolution(x, weight, bias, pads, stride, dilation, groups):
    """Over any number of spatial axes: P, the places of the result, and R, the taps of the kernel, stand for all."""
    n = x.shape[0]
    o, i, *kernel = weight.shape
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    windows = _gathered(padded, kernel, stride, dilation)
    places = windows.shape[2 : x.ndim]
    columns = _rows(windows, len(kernel), groups)  # G NP IR
    kernels = weight.reshape(groups, o // groups, i * prod(kernel))
    y = (kernels @ columns.swapaxes(1, 2)).reshape(o, n, *places).swapaxes(0, 1)
    y = y + bias.reshape(o, *[1] * len(kernel))

    def backward(dy):  # dy: N O P
        drows = dy.swapaxes(0, 1).reshape(groups, o // groups, n * prod(places))
        dweight = (drows @ columns).reshape(weight.shape)
        dwindows = _windows(drows.swapaxes(1, 2) @ kernels, n, places, kernel)
        dpadded = _scattered(dwindows, padded.shape[2:], stride, dilation)
        inner = (..., *[slice(before, before + size) for (before, _), size in zip(pads, x.shape[2:], strict=True)])
        return dpadded[inner], dweight, dy.sum(axis=(0, *range(2, dy.ndim)))

    return y, backward


def _gathered(image, kernel, stride, dilation):
    """The window of every place, N C P R: what the taps of the kernel are multiplied with."""
    extent = [dilation * (k - 1) + 1 for k in kernel]
    windows = sliding_window_view(image, extent, axis=tuple(range(2, image.ndim)))
    steps = [slice(None, None, stride)] * len(kernel) + [slice(None, None, dilation)] * len(kernel)
    return windows[(..., *steps)]


def _scattered(windows, size, stride, dilation):
    """The transpose of `_gathered`: every tap adds its share to the pixels that it read."""
    axes = len(size)
    places, kernel = windows.shape[2 : 2 + axes], windows.shape[2 + axes :]
    image = np.zeros((*windows.shape[:2], *size), windows.dtype)
    for tap in np.ndindex(*kernel):
        starts = [dilation * t for t in tap]
        read = [slice(a, a + stride * p, stride) for a, p in zip(starts, places, strict=True)]
        image[(..., *read)] += windows[(..., *tap)]
    return image


def _rows(windows, axes, groups):
    """N C P R as one matrix for each group, G NP IR."""
    n, c = windows.shape[:2]
    places, kernel = prod(windows.shape[2 : 2 + axes]), prod(windows.shape[2 + axes :])
    split = windows.reshape(n, groups, c // groups, places, kernel).transpose(1, 0, 3, 2, 4)  # G N P I R
    return split.reshape(groups, n * places, c // groups * kernel)


def _windows(rows, n, places, kernel):
    """The other way round: G NP IR as N C P R."""
    split = rows.reshape(rows.shape[0], n, prod(places), -1, prod(kernel)).transpose(1, 0, 3, 2, 4)  # N G I P R
    return split.reshape(n, -1, *places, *kernel)
