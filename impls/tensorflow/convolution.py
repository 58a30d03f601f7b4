from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem

NHWC = {"x": "N H W C", "weight": "H W I O", "y": "N H W C"}


def _not_mapped(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0: "explicit_paddings attribute must contain 8 values, but got: 0".
    if task in ("jacobian", "per_example_gradient") and p.get("auto_pad", "explicit") in ("explicit", "same_lower"):
        return "the loop over rows or examples, pfor, loses the explicit padding of a convolution's gradient"
    return None


def _gradient_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0 on the CPU; XLA has kernels of its own.
    if task != "forward" and mode != "xla" and (p.groups > 1 or p.dilation > 1):
        return "TensorFlow has no CPU kernel for the gradient of tf.nn.conv2d with groups or dilation above 1"
    return _not_mapped(p, task, mode, precision)


@implements("conv2d", layout=NHWC, unsupported=_gradient_refused)
def conv2d(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """tf.nn.conv2d takes the groups from the shapes."""
    pads = _padding(x, weight, stride, padding, dilation, auto_pad)
    return tf.nn.conv2d(x, weight, stride, pads, dilations=dilation) + bias


def _dilated_gradient_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if task != "forward" and mode != "xla" and p.dilation > 1:
        return "TensorFlow has no CPU kernel for the gradient of tf.nn.conv2d with dilation above 1"
    return _not_mapped(p, task, mode, precision)


@implements("conv2d", variant="split", layout=NHWC, unsupported=_dilated_gradient_refused)
def conv2d_split(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """One convolution for each group, side by side: slower, but with a gradient on the CPU."""
    pads = _padding(x, weight, stride, padding, dilation, auto_pad)
    return split_convolution(x, weight, stride, pads, dilation, groups) + bias


def split_convolution(x, weight, stride, pads, dilation, groups):
    slices = zip(tf.split(x, groups, axis=3), tf.split(weight, groups, axis=3), strict=True)
    parts = [tf.nn.conv2d(part, kernels, stride, pads, dilations=dilation) for part, kernels in slices]
    return tf.concat(parts, axis=3)


@implements("conv2d", variant="im2col", layout=NHWC)
def conv2d_im2col(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """The windows as rows, and one matrix product for each group."""
    k, _, i, o = weight.shape
    n, rows, columns, _ = x.shape
    row_pads, column_pads = _pads(rows, columns, k, stride, padding, dilation, auto_pad)
    x = tf.pad(x, [[0, 0], row_pads, column_pads, [0, 0]])
    steps, rates = [1, stride, stride, 1], [1, dilation, dilation, 1]
    patches = tf.image.extract_patches(x, [1, k, k, 1], steps, rates, "VALID")  # N P Q RSC
    p, q = patches.shape[1:3]
    if groups == 1:
        y = tf.matmul(tf.reshape(patches, [n * p * q, k * k * i]), tf.reshape(weight, [k * k * i, o]))
    else:
        patches = tf.reshape(patches, [n * p * q, k * k, groups, i])
        kernels = tf.reshape(weight, [k * k, i, groups, o // groups])
        y = tf.einsum("pkgi,kigo->pgo", patches, kernels)
    return tf.reshape(y, [n, p, q, o]) + bias


def _no_half_spectrum(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if precision in ("bfloat16", "float16"):
        return "tf.signal.rfft2d takes float32 and float64 only"
    return None


@implements("conv2d", variant="fft", unsupported=_no_half_spectrum)
def conv2d_fft(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """Correlation as the product of one spectrum with the conjugate of the other; transforms go over the last axes."""
    n, c, rows, columns = x.shape
    o, i, k, _ = weight.shape
    row_pads, column_pads = _pads(rows, columns, k, stride, padding, dilation, auto_pad)
    x = tf.pad(x, [[0, 0], [0, 0], row_pads, column_pads])
    size = x.shape[2:]
    reach = dilation * (k - 1)
    if dilation > 1:  # zeros between the taps
        gap = [0, dilation - 1]
        spread = tf.pad(tf.reshape(weight, [o, i, k, 1, k, 1]), [[0, 0], [0, 0], [0, 0], gap, [0, 0], gap])
        weight = tf.reshape(spread, [o, i, k * dilation, k * dilation])[..., : reach + 1, : reach + 1]
    half = size[1] // 2 + 1
    image = tf.reshape(tf.signal.rfft2d(x, size), [n, groups, c // groups, size[0], half])
    kernels = tf.reshape(tf.signal.rfft2d(weight, size), [groups, o // groups, i, size[0], half])
    spectrum = tf.einsum("ngihw,goihw->ngohw", image, tf.math.conj(kernels))
    y = tf.signal.irfft2d(tf.reshape(spectrum, [n, o, size[0], half]), size)
    return y[..., : size[0] - reach : stride, : size[1] - reach : stride] + bias[:, None, None]


def _strided_and_dilated(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if p.stride > 1 and p.dilation > 1:
        return "tf.nn.convolution takes no strides above 1 together with dilation above 1"
    return None


@implements("conv1d", layout={"x": "N W C", "weight": "W I O", "y": "N W C"}, unsupported=_strided_and_dilated)
def conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    """tf.nn.convolution takes no numbers for the padding; a gradient with groups on the CPU needs them one by one."""
    x = tf.pad(x, [[0, 0], [padding, padding], [0, 0]])
    return _grouped_convolution(x, weight, stride, dilation, groups) + bias


@implements(
    "conv3d", layout={"x": "N D H W C", "weight": "D H W I O", "y": "N D H W C"}, unsupported=_strided_and_dilated
)
def conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    """tf.nn.convolution, and not tf.nn.conv3d, as only it has dilation on the CPU."""
    x = tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [padding, padding], [0, 0]])
    return _grouped_convolution(x, weight, stride, dilation, groups) + bias


def _strided_and_dilated_depthwise(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0: the documentation forbids it, and instead of an error comes a result of the wrong size.
    if p.stride > 1 and p.dilation > 1:
        return "tf.nn.depthwise_conv2d takes no strides above 1 together with dilation above 1"
    return None


@implements(
    "depthwise_conv2d",
    layout={"x": "N H W C", "weight": "H W C M", "y": "N H W C"},
    unsupported=_strided_and_dilated_depthwise,
)
def depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    # Padded apart: with a list of pads the optimiser of graphs ends the process in 2.21.0 (a failed check in
    # tensor_format.h).
    x = tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
    return tf.nn.depthwise_conv2d(x, weight, [1, stride, stride, 1], "VALID", dilations=[dilation, dilation]) + bias


@implements(
    "separable_conv2d",
    layout={"x": "N H W C", "depthwise": "H W C M", "pointwise": "I O", "y": "N H W C"},
)
def separable_conv2d(x, depthwise, pointwise, bias, *, stride, padding):
    x = tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]])  # as for depthwise_conv2d
    pointwise = pointwise[tf.newaxis, tf.newaxis]
    return tf.nn.separable_conv2d(x, depthwise, pointwise, [1, stride, stride, 1], "VALID", dilations=[1, 1]) + bias


@implements(
    "conv_transpose2d",
    layout={"x": "N H W C", "weight": "H W O I", "y": "N H W C"},
    unsupported=_not_mapped,
)
def conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, groups):
    """The padding is that of the convolution which this is the transpose of; groups one by one, side by side."""
    n, rows, columns, _ = x.shape
    k, _, filters, _ = weight.shape
    size = [(places - 1) * stride + k + output_padding - 2 * padding for places in (rows, columns)]
    pads = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    slices = zip(tf.split(x, groups, axis=3), tf.split(weight, groups, axis=3), strict=True)
    parts = [tf.nn.conv2d_transpose(part, kernels, [n, *size, filters], stride, pads) for part, kernels in slices]
    return tf.concat(parts, axis=3) + bias


def _grouped_convolution(x, weight, stride, dilation, groups):
    data_format = {3: "NWC", 5: "NDHWC"}[len(x.shape)]  # 2.21.0 cannot differentiate conv3d eagerly with None
    slices = zip(tf.split(x, groups, axis=-1), tf.split(weight, groups, axis=-1), strict=True)
    parts = [
        tf.nn.convolution(part, kernels, stride, "VALID", data_format=data_format, dilations=dilation)
        for part, kernels in slices
    ]
    return tf.concat(parts, axis=-1)


def _padding(x, weight, stride, padding, dilation, auto_pad):
    """As tf.nn.conv2d takes it: its "SAME" is the upper one, the lower one it knows by numbers only."""
    if auto_pad in ("same_upper", "valid"):
        return {"same_upper": "SAME", "valid": "VALID"}[auto_pad]
    pads = _pads(x.shape[1], x.shape[2], weight.shape[0], stride, padding, dilation, auto_pad)
    return [[0, 0], *pads, [0, 0]]


def _pads(rows, columns, kernel, stride, padding, dilation, auto_pad):
    """Rows of zeros before and after, then columns."""
    if auto_pad in ("explicit", "valid"):
        return [[padding, padding], [padding, padding]]
    pads = []
    for size in (rows, columns):
        places = -(-size // stride)
        total = max((places - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
        before = total // 2 if auto_pad == "same_upper" else total - total // 2
        pads.append([before, total - before])
    return pads
