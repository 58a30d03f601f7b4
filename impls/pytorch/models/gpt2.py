from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.vit import Block
from suite.workloads.models.gpt2 import EPS


@implements("gpt2")
class Gpt2(nn.Module):
    def __init__(self, *, positions, vocabulary, features, heads, depth):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, features)
        self.positions = nn.Parameter(torch.empty(positions, features))
        blocks = (Block(features, heads, eps=EPS, approximate="tanh", causal=True) for _ in range(depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(features, EPS)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions[: ids.shape[1]]
        return F.linear(self.norm(self.blocks(x)), self.tokens.weight)
