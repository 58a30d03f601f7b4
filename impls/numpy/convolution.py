from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from impls.interface import implements


@implements("conv2d")
def conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    """The window of every output pixel becomes a row (im2col), so that each group is one matrix product."""
    n, c, _, _ = x.shape
    o, i, k, _ = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    extent = dilation * (k - 1) + 1
    windows = sliding_window_view(padded, (extent, extent), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]  # N C P Q R S
    p, q = windows.shape[2:4]
    columns = windows.reshape(n, groups, i, p, q, k, k).transpose(1, 0, 3, 4, 2, 5, 6)  # G N P Q I R S
    columns = columns.reshape(groups, n * p * q, i * k * k)
    kernels = weight.reshape(groups, o // groups, i * k * k)
    y = columns @ kernels.transpose(0, 2, 1)  # G NPQ O/G
    y = y.transpose(0, 2, 1).reshape(o, n, p, q).transpose(1, 0, 2, 3) + bias[:, None, None]

    def backward(dy):  # dy: N O P Q
        dy_rows = dy.transpose(1, 0, 2, 3).reshape(groups, o // groups, n * p * q)
        dweight = (dy_rows @ columns).reshape(weight.shape)
        dcolumns = dy_rows.transpose(0, 2, 1) @ kernels  # G NPQ IRS
        dwindows = dcolumns.reshape(groups, n, p, q, i, k, k).transpose(1, 0, 4, 2, 3, 5, 6).reshape(n, c, p, q, k, k)
        dpadded = np.zeros_like(padded)
        for r in range(k):  # every tap adds its share to the pixels that it read
            for s in range(k):
                top, left = r * dilation, s * dilation
                dpadded[:, :, top : top + stride * p : stride, left : left + stride * q : stride] += dwindows[..., r, s]
        rows, columns_ = x.shape[2:]
        dx = dpadded[:, :, padding : padding + rows, padding : padding + columns_]
        return dx, dweight, dy.sum(axis=(0, 2, 3))

    return y, backward
