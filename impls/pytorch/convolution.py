from __future__ import annotations

import torch
import torch.nn.functional as F

from impls.interface import implements


@implements("conv2d")
def conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


@implements("conv2d", variant="channels_last")
def conv2d_channels_last(x, weight, bias, *, stride, padding, dilation, groups):
    """The same call on tensors whose channels lie next to each other in memory; the change of format is timed."""
    x = x.contiguous(memory_format=torch.channels_last)
    weight = weight.contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
