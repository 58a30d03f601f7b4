from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from impls.interface import implements


def windows_of(x, fill, kernel, stride, padding, ceil_mode):
    """N C P Q R S: every window of the padded image; and how far the padding reaches on all four sides."""
    pads = [(padding, end_padding(size, kernel, stride, padding, ceil_mode)) for size in x.shape[2:]]
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    return sliding_window_view(padded, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride], pads


def end_padding(size, kernel, stride, padding, ceil_mode):
    """Rows after the last one that windows reach: with ceil_mode, what fills a window that begins inside the image."""
    if not ceil_mode:
        return padding
    last = -(-(size + 2 * padding - kernel) // stride) * stride  # where the last window begins
    if last >= size + padding:
        last -= stride
    return max(padding, last + kernel - size - padding)


def spread(dwindows, x, pads, stride):
    """The sum over all windows of what each pixel got in it."""
    n, c, p, q, k, _ = dwindows.shape
    (top, bottom), (left, right) = pads
    h, w = x.shape[2:]
    dpadded = np.zeros((n, c, h + top + bottom, w + left + right), dtype=x.dtype)
    for r in range(k):
        for s in range(k):
            dpadded[:, :, r : r + stride * p : stride, s : s + stride * q : stride] += dwindows[..., r, s]
    return dpadded[:, :, top : top + h, left : left + w]


@implements("max_pool2d")
def max_pool2d(x, *, kernel, stride, padding, ceil_mode):
    windows, pads = windows_of(x, -np.inf, kernel, stride, padding, ceil_mode)
    flat = windows.reshape(*windows.shape[:4], kernel * kernel)
    winners = flat.argmax(axis=-1)

    def backward(dy):  # dy: N C P Q
        chosen = winners[..., None] == np.arange(kernel * kernel)
        return (spread((dy[..., None] * chosen).reshape(windows.shape), x, pads, stride),)

    return flat.max(axis=-1), backward


def counted(size, windows, kernel, stride, padding, count_include_pad):
    """How many entries of every window lie in the image, or in the padded one, along one axis."""
    first = np.arange(windows) * stride - padding
    lowest, end = (-padding, size + padding) if count_include_pad else (0, size)
    return np.minimum(first + kernel, end) - np.maximum(first, lowest)


@implements("avg_pool2d")
def avg_pool2d(x, *, kernel, stride, padding, ceil_mode, count_include_pad):
    windows, pads = windows_of(x, 0, kernel, stride, padding, ceil_mode)
    rows, columns = (
        counted(size, count, kernel, stride, padding, count_include_pad)
        for size, count in zip(x.shape[2:], windows.shape[2:4], strict=True)
    )
    counts = (rows[:, None] * columns).astype(x.dtype)

    def backward(dy):  # dy: N C P Q
        return (spread(np.broadcast_to((dy / counts)[..., None, None], windows.shape), x, pads, stride),)

    return windows.sum(axis=(-2, -1)) / counts, backward


@implements("global_avg_pool2d")
def global_avg_pool2d(x):
    pixels = x.shape[2] * x.shape[3]

    def backward(dy):  # dy: N C
        return (np.broadcast_to(dy[:, :, None, None] / pixels, x.shape),)

    return x.mean(axis=(2, 3)), backward


def interpolation(size, out_size, dtype):
    """The matrix that takes `size` samples to `out_size`: a row of weights for each result."""
    places = ((np.arange(out_size) + 0.5) * size / out_size - 0.5).clip(0, size - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size))).astype(dtype)


@implements("resize_bilinear")
def resize_bilinear(x, *, out_height, out_width):
    rows = interpolation(x.shape[2], out_height, x.dtype)
    columns = interpolation(x.shape[3], out_width, x.dtype)

    def backward(dy):  # dy: N C H′ W′
        return (rows.T @ dy @ columns,)

    return rows @ x @ columns.T, backward


@implements("resize_nearest")
def resize_nearest(x, *, out_height, out_width):
    h, w = x.shape[2:]
    rows = (2 * np.arange(out_height) + 1) * h // (2 * out_height)
    columns = (2 * np.arange(out_width) + 1) * w // (2 * out_width)

    def backward(dy):  # dy: N C H′ W′
        dx = np.zeros_like(x)
        np.add.at(dx, (slice(None), slice(None), rows[:, None], columns), dy)
        return (dx,)

    return x[:, :, rows[:, None], columns], backward


@implements("pixel_shuffle")
def pixel_shuffle(x, *, upscale):
    n, channels, h, w = x.shape
    c = channels // upscale**2
    blocks = x.reshape(n, c, upscale, upscale, h, w).transpose(0, 1, 4, 2, 5, 3)  # N C H i W j

    def backward(dy):  # dy: N C Hr Wr
        return (dy.reshape(blocks.shape).transpose(0, 1, 3, 5, 2, 4).reshape(x.shape),)

    return blocks.reshape(n, c, h * upscale, w * upscale), backward
