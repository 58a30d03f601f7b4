from __future__ import annotations

import torch
import torch.nn.functional as F

from impls.interface import implements
from suite.workloads import Problem


@implements("conv2d")
def conv2d(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """F.conv2d pads both ends alike, and by "same" without strides only; other zeros are put around the image first."""
    if auto_pad in ("same_upper", "same_lower"):
        x = F.pad(x, _same_pads(x, weight, stride, dilation, auto_pad))
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


@implements("conv2d", variant="channels_last")
def conv2d_channels_last(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """The same call on tensors whose channels lie next to each other in memory; the change of format is timed."""
    x = x.contiguous(memory_format=torch.channels_last)
    weight = weight.contiguous(memory_format=torch.channels_last)
    if auto_pad in ("same_upper", "same_lower"):
        x = F.pad(x, _same_pads(x, weight, stride, dilation, auto_pad))
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


@implements("conv2d", variant="im2col")
def conv2d_im2col(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """The windows as columns, and one matrix product for each group."""
    o, _, k, _ = weight.shape
    x = F.pad(x, _all_pads(x, weight, stride, padding, dilation, auto_pad))
    n, _, rows, columns = x.shape
    p, q = ((size - dilation * (k - 1) - 1) // stride + 1 for size in (rows, columns))
    windows = F.unfold(x, k, dilation=dilation, padding=0, stride=stride)  # N CRS PQ
    windows = windows.reshape(n, groups, -1, p * q)
    y = weight.reshape(groups, o // groups, -1) @ windows  # N G O/G PQ
    return y.reshape(n, o, p, q) + bias[:, None, None]


def _no_half_spectrum(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if precision in ("bfloat16", "float16"):
        return f"torch.fft has no {precision} transform on the CPU"
    return None


@implements("conv2d", variant="fft", unsupported=_no_half_spectrum)
def conv2d_fft(x, weight, bias, *, stride, padding, dilation, groups, auto_pad):
    """Correlation as the product of one spectrum with the conjugate of the other."""
    x = F.pad(x, _all_pads(x, weight, stride, padding, dilation, auto_pad))
    size = x.shape[2:]
    o, i, k, _ = weight.shape
    if dilation > 1:  # zeros between the taps
        spread = weight.reshape(o, i, k, 1, k, 1)
        weight = F.pad(spread, (0, dilation - 1, 0, 0, 0, dilation - 1)).reshape(o, i, k * dilation, k * dilation)
        extent = dilation * (k - 1) + 1
        weight = weight[..., :extent, :extent]
    image = torch.fft.rfft2(x, s=size, norm="backward").unflatten(1, (groups, i))
    kernels = torch.fft.rfft2(weight, s=size, norm="backward").unflatten(0, (groups, o // groups))
    spectrum = torch.einsum("ngihw,goihw->ngohw", image, kernels.conj()).flatten(1, 2)
    y = torch.fft.irfft2(spectrum, s=size, norm="backward")
    reach = dilation * (k - 1)
    return y[..., : size[0] - reach : stride, : size[1] - reach : stride] + bias[:, None, None]


@implements("conv1d")
def conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    return F.conv1d(x, weight, bias, stride, padding, dilation, groups)


@implements("conv3d")
def conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    return F.conv3d(x, weight, bias, stride, padding, dilation, groups)


@implements("depthwise_conv2d")
def depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    """F.conv2d with as many groups as channels, as PyTorch's documentation has it."""
    channels = weight.shape[0]
    return F.conv2d(x, weight.flatten(0, 1).unsqueeze(1), bias, stride, padding, dilation, channels)


@implements("separable_conv2d")
def separable_conv2d(x, depthwise, pointwise, bias, *, stride, padding):
    channels = depthwise.shape[0]
    h = F.conv2d(x, depthwise.flatten(0, 1).unsqueeze(1), None, stride, padding, 1, channels)
    return F.conv2d(h, pointwise[:, :, None, None], bias, 1, 0, 1, 1)


@implements("conv_transpose2d")
def conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, groups):
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, 1)


def _all_pads(x, weight, stride, padding, dilation, auto_pad):
    if auto_pad in ("explicit", "valid"):
        return (padding,) * 4
    return _same_pads(x, weight, stride, dilation, auto_pad)


def _same_pads(x, weight, stride, dilation, auto_pad):
    """Left, right, top, bottom, as F.pad takes them."""
    pads = []
    for size, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
        places = -(-size // stride)
        total = max((places - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
        before = total // 2 if auto_pad == "same_upper" else total - total // 2
        pads += [before, total - before]
    return tuple(pads)
