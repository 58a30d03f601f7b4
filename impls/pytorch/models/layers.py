"""What models need beside `torch.nn`."""

from __future__ import annotations

from torch import nn


class MaskedDropout(nn.Module):
    """Dropout by a mask that is given: True where an entry is kept. In inference, x itself."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x, mask=None):
        return x * mask / (1 - self.rate) if self.training else x
