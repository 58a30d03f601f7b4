from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem

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
    """Padded first: tf.nn.max_pool2d takes a list of paddings too, but XLA refuses it."""
    pads = [[padding, end_padding(size, kernel, stride, padding, ceil_mode)] for size in x.shape[1:3]]
    padded = tf.pad(x, [[0, 0], *pads, [0, 0]], constant_values=x.dtype.min)
    return tf.nn.max_pool2d(padded, kernel, stride, padding="VALID")


@implements("avg_pool2d", layout=NHWC)
def avg_pool2d(x, *, kernel, stride, padding, ceil_mode, count_include_pad):
    """The mean over whole windows of the padded image, by the share of each window that counts."""
    pads = [[padding, end_padding(size, kernel, stride, padding, ceil_mode)] for size in x.shape[1:3]]
    means = tf.nn.avg_pool2d(tf.pad(x, [[0, 0], *pads, [0, 0]]), kernel, stride, padding="VALID")
    if all(end == (padding if count_include_pad else 0) for pair in pads for end in pair):
        return means
    counted = tf.ones((1, *x.shape[1:3], 1), x.dtype)
    if count_include_pad:
        counted = tf.pad(counted, [[0, 0], [padding, padding], [padding, padding], [0, 0]], constant_values=1)
        pads = [[0, end - padding] for _, end in pads]
    shares = tf.nn.avg_pool2d(tf.pad(counted, [[0, 0], *pads, [0, 0]]), kernel, stride, padding="VALID")
    return means / shares


@implements("global_avg_pool2d", layout={"x": "N H W C"})
def global_avg_pool2d(x):
    return tf.reduce_mean(x, axis=[1, 2])


def _centres_meet(size: int, out: int) -> bool:
    """Whether a pixel of the result lies exactly on one of the image, but for rounding: (j + ½) size / out − ½ is whole."""
    return any(((2 * j + 1) * size - out) % (2 * out) == 0 for j in range(out))


def _resized_in_float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    grown = ((p.height, p.out_height), (p.width, p.out_width))
    if mode == "xla" and any(size < out and _centres_meet(size, out) for size, out in grown):
        return (
            "XLA gives other bilinear results where the centres of two pixels coincide (tensorflow/tensorflow#118467)"
        )
    if precision == "float64":
        return "tf.image.resize computes bilinear results in float32, whatever the precision of its arguments"
    return None


@implements("resize_bilinear", layout=NHWC, unsupported=_resized_in_float32)
def resize_bilinear(x, *, out_height, out_width):
    y = tf.image.resize(x, [out_height, out_width], method="bilinear", preserve_aspect_ratio=False, antialias=False)
    return tf.cast(y, x.dtype)


def interpolated(x, out_size, axis):
    """The weighted mean of the two neighbours of every place along one axis."""
    size = x.shape[axis]
    half = tf.constant(0.5, x.dtype)
    places = (tf.range(out_size, dtype=x.dtype) + half) * size / out_size - half
    places = tf.clip_by_value(places, 0, size - 1)
    low = tf.floor(places)
    before = tf.cast(low, tf.int32)
    after = tf.minimum(before + 1, size - 1)
    shape = [out_size if each == axis else 1 for each in range(4)]
    share = tf.reshape(places - low, shape)
    return tf.gather(x, before, axis=axis) * (1 - share) + tf.gather(x, after, axis=axis) * share


@implements("resize_bilinear", variant="gather", layout=NHWC)
def resize_bilinear_gather(x, *, out_height, out_width):
    """Written out: one axis after the other."""
    return interpolated(interpolated(x, out_height, axis=1), out_width, axis=2)


def _nearest_gradient_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0: ResizeNearestNeighborGrad.
    if task != "forward" and mode == "xla":
        return "TensorFlow has no XLA kernel for the gradient of tf.image.resize by the nearest pixel"
    return None


@implements("resize_nearest", layout=NHWC, unsupported=_nearest_gradient_refused)
def resize_nearest(x, *, out_height, out_width):
    return tf.image.resize(x, [out_height, out_width], method="nearest", preserve_aspect_ratio=False, antialias=False)


@implements("resize_nearest", variant="gather", layout=NHWC)
def resize_nearest_gather(x, *, out_height, out_width):
    """By numbers of rows and columns, with a gradient under XLA."""
    rows = (2 * tf.range(out_height) + 1) * x.shape[1] // (2 * out_height)
    columns = (2 * tf.range(out_width) + 1) * x.shape[2] // (2 * out_width)
    return tf.gather(tf.gather(x, rows, axis=1), columns, axis=2)


def _single_pixels(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # The attribute block_size of DepthToSpace.
    return "tf.nn.depth_to_space takes no blocks of a single pixel" if p.upscale == 1 else None


@implements("pixel_shuffle", layout=NHWC, unsupported=_single_pixels)
def pixel_shuffle(x, *, upscale):
    """tf.nn.depth_to_space wants the channels of one pixel of the block next to each other, so they change places."""
    n, h, w, channels = x.shape
    swapped = tf.transpose(tf.reshape(x, [n, h, w, channels // upscale**2, upscale**2]), [0, 1, 2, 4, 3])
    return tf.nn.depth_to_space(tf.reshape(swapped, x.shape), upscale)


@implements("pixel_shuffle", variant="transpose", layout=NHWC)
def pixel_shuffle_transpose(x, *, upscale):
    n, h, w, channels = x.shape
    c = channels // upscale**2
    blocks = tf.transpose(tf.reshape(x, [n, h, w, c, upscale, upscale]), [0, 1, 4, 2, 5, 3])
    return tf.reshape(blocks, [n, h * upscale, w * upscale, c])
