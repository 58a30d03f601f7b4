from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from impls.interface import implements

NHWC = {"x": "N H W C", "y": "N H W C"}


def end_padding(size, kernel, stride, padding, ceil_mode):
    """Rows after the last one that windows reach: with ceil_mode, what fills a window that begins inside the image."""
    if not ceil_mode:
        return padding
    last = -(-(size + 2 * padding - kernel) // stride) * stride  # where the last window begins
    if last >= size + padding:
        last -= stride
    return max(padding, last + kernel - size - padding)


@implements("max_pool2d", layout=NHWC)
def max_pool2d(x, *, kernel, stride, padding, ceil_mode):
    pads = [(padding, end_padding(size, kernel, stride, padding, ceil_mode)) for size in x.shape[1:3]]
    return lax.reduce_window(
        x,
        -jnp.inf,
        lax.max,
        window_dimensions=(1, kernel, kernel, 1),
        window_strides=(1, stride, stride, 1),
        padding=[(0, 0), *pads, (0, 0)],
    )


@implements("avg_pool2d", layout=NHWC)
def avg_pool2d(x, *, kernel, stride, padding, ceil_mode, count_include_pad):
    pads = [(padding, end_padding(size, kernel, stride, padding, ceil_mode)) for size in x.shape[1:3]]

    def window_sums(values, paddings):
        return lax.reduce_window(
            values,
            0.0,
            lax.add,
            window_dimensions=(1, kernel, kernel, 1),
            window_strides=(1, stride, stride, 1),
            padding=[(0, 0), *paddings, (0, 0)],
        )

    margin = padding if count_include_pad else 0  # what counts though it lies outside the image
    counted = jnp.ones((1, x.shape[1] + 2 * margin, x.shape[2] + 2 * margin, 1), x.dtype)
    counts = window_sums(counted, [(before - margin, after - margin) for before, after in pads])
    return window_sums(x, pads) / counts


@implements("global_avg_pool2d", layout={"x": "N H W C"})
def global_avg_pool2d(x):
    return x.mean(axis=(1, 2))


@implements("resize_bilinear", layout=NHWC)
def resize_bilinear(x, *, out_height, out_width):
    n, _, _, c = x.shape
    return jax.image.resize(x, (n, out_height, out_width, c), method="bilinear", antialias=False)


@implements("resize_nearest", layout=NHWC)
def resize_nearest(x, *, out_height, out_width):
    n, _, _, c = x.shape
    return jax.image.resize(x, (n, out_height, out_width, c), method="nearest", antialias=False)


@implements("pixel_shuffle", layout=NHWC)
def pixel_shuffle(x, *, upscale):
    n, h, w, channels = x.shape
    c = channels // upscale**2
    blocks = x.reshape(n, h, w, c, upscale, upscale).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, h * upscale, w * upscale, c)
