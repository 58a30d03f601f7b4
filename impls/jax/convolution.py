from __future__ import annotations

from jax import lax

from impls.interface import implements


@implements("conv2d", layout={"x": "N H W C", "weight": "H W I O", "y": "N H W C"})
def conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    y = lax.conv_general_dilated(
        x,
        weight,
        window_strides=(stride, stride),
        padding=[(padding, padding), (padding, padding)],
        rhs_dilation=(dilation, dilation),
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + bias
