from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from impls.interface import implements
from suite.workloads import Problem


@implements("conv2d", layout={"x": "N H W C", "weight": "H W I O", "y": "N H W C"})
def conv2d(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    y = lax.conv_general_dilated(
        x,
        weight,
        window_strides=(stride, stride),
        padding=_padding(padding, auto_pad),
        rhs_dilation=(dilation, dilation),
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + bias


@implements("conv2d", variant="im2col")
def conv2d_im2col(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """The windows in the channels' axis, and one matrix product for each group."""
    o, i, k, _ = weight.shape
    patches = lax.conv_general_dilated_patches(
        x,
        filter_shape=(k, k),
        window_strides=(stride, stride),
        padding=_padding(padding, auto_pad),
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
    )  # N CRS P Q
    n, _, p, q = patches.shape
    kernels = weight.reshape(groups, o // groups, i * k * k)
    y = jnp.matmul(kernels, patches.reshape(n, groups, i * k * k, p * q))  # N G O/G PQ
    return y.reshape(n, o, p, q) + bias[:, None, None]


def _no_half_spectrum(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if precision in ("bfloat16", "float16"):
        return f"jnp.fft makes {precision} into float32"
    return None


@implements("conv2d", variant="fft", unsupported=_no_half_spectrum)
def conv2d_fft(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """Correlation as the product of one spectrum with the conjugate of the other; transforms go over the last axes."""
    n = x.shape[0]
    o, i, k, _ = weight.shape
    reach = dilation * (k - 1)
    pads = _padding(padding, auto_pad)
    if isinstance(pads, str):
        pads = lax.padtype_to_pads(x.shape[2:], (reach + 1, reach + 1), (stride, stride), pads)
    x = jnp.pad(x, [(0, 0), (0, 0), *pads])
    between = [(0, 0, 0), (0, 0, 0), (0, 0, dilation - 1), (0, 0, dilation - 1)]
    weight = lax.pad(weight, jnp.zeros((), weight.dtype), between)  # zeros between the taps
    size = x.shape[2:]
    half = size[1] // 2 + 1
    image = jnp.fft.rfft2(x, s=size, norm="backward").reshape(n, groups, i, size[0], half)
    kernels = jnp.fft.rfft2(weight, s=size, norm="backward").reshape(groups, o // groups, i, size[0], half)
    spectrum = jnp.einsum("ngihw,goihw->ngohw", image, kernels.conj()).reshape(n, o, size[0], half)
    y = jnp.fft.irfft2(spectrum, s=size, norm="backward")
    return y[..., : size[0] - reach : stride, : size[1] - reach : stride] + bias[:, None, None]


@implements("conv1d", layout={"x": "N W C", "weight": "W I O", "y": "N W C"})
def conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    y = lax.conv_general_dilated(
        x,
        weight,
        window_strides=(stride,),
        padding=[(padding, padding)],
        rhs_dilation=(dilation,),
        feature_group_count=groups,
        dimension_numbers=("NWC", "WIO", "NWC"),
    )
    return y + bias


@implements("conv3d", layout={"x": "N D H W C", "weight": "D H W I O", "y": "N D H W C"})
def conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    y = lax.conv_general_dilated(
        x,
        weight,
        window_strides=(stride, stride, stride),
        padding=[(padding, padding)] * 3,
        rhs_dilation=(dilation, dilation, dilation),
        feature_group_count=groups,
        dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
    )
    return y + bias


@implements("depthwise_conv2d", layout={"x": "N H W C", "weight": "H W C M", "y": "N H W C"})
def depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    return _depthwise(x, weight, stride, padding, dilation) + bias


@implements(
    "separable_conv2d",
    layout={"x": "N H W C", "depthwise": "H W C M", "pointwise": "I O", "y": "N H W C"},
)
def separable_conv2d(x, depthwise, pointwise, bias, *, stride, padding):
    """A pointwise convolution is a matrix product over the last axis."""
    return jnp.matmul(_depthwise(x, depthwise, stride, padding, 1), pointwise) + bias


@implements("conv_transpose2d", layout={"x": "N H W C", "weight": "H W O I", "y": "N H W C"})
def conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, groups):
    """lax.conv_transpose pads the image that it has spread out; it knows no groups, so they come one by one."""
    before = weight.shape[0] - 1 - padding
    slices = zip(jnp.split(x, groups, axis=3), jnp.split(weight, groups, axis=3), strict=True)
    parts = [
        lax.conv_transpose(
            part,
            kernels,
            strides=(stride, stride),
            padding=[(before, before + output_padding)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            transpose_kernel=True,  # False would flip the kernel against the definition's
        )
        for part, kernels in slices
    ]
    return jnp.concatenate(parts, axis=3) + bias


def _depthwise(x, weight, stride, padding, dilation):
    """As many groups as channels; the kernels of one channel lie next to each other."""
    *kernel, channels, multiplier = weight.shape
    return lax.conv_general_dilated(
        x,
        weight.reshape(*kernel, 1, channels * multiplier),
        window_strides=(stride, stride),
        padding=[(padding, padding), (padding, padding)],
        rhs_dilation=(dilation, dilation),
        feature_group_count=channels,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _padding(padding, auto_pad):
    words = {"same_upper": "SAME", "same_lower": "SAME_LOWER", "valid": "VALID"}
    return [(padding, padding), (padding, padding)] if auto_pad == "explicit" else words[auto_pad]
