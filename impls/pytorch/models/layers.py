"""What models need beside `torch.nn`."""

from __future__ import annotations

import torch
from torch import nn

from impls.pytorch import attention


class MaskedDropout(nn.Module):
    """Dropout by a mask that is given: True where an entry is kept. In inference, x itself."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x, mask=None):
        return x * mask / (1 - self.rate) if self.training else x


class SelfAttention(nn.Module):
    def __init__(self, features, heads, *, causal=False):
        super().__init__()
        self.in_weight = nn.Parameter(torch.empty(3 * features, features))
        self.in_bias = nn.Parameter(torch.empty(3 * features))
        self.out_weight = nn.Parameter(torch.empty(features, features))
        self.out_bias = nn.Parameter(torch.empty(features))
        self.heads, self.causal = heads, causal

    def forward(self, x):
        own = self.in_weight, self.in_bias, self.out_weight, self.out_bias
        return attention.multi_head_attention_composed(x, *own, heads=self.heads, causal=self.causal)
