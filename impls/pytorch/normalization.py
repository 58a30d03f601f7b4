from __future__ import annotations

import torch.nn.functional as F

from impls.interface import implements


@implements("layer_norm")
def layer_norm(x, weight, bias, *, eps):
    return F.layer_norm(x, weight.shape, weight, bias, eps)
