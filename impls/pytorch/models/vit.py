from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from impls.interface import implements
from impls.pytorch.models.layers import SelfAttention
from suite.workloads.models.definition import training_only
from suite.workloads.models.vit import EPS


class Block(nn.Module):
    """Normalised before attention and perceptron; `approximate` is F.gelu's."""

    def __init__(self, features, heads, *, eps, approximate="none", causal=False):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(features, eps), nn.LayerNorm(features, eps)
        self.attention = SelfAttention(features, heads, causal=causal)
        self.fc1, self.fc2 = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)
        self.approximate = approximate

    def forward(self, x, *cached):
        x = x + self.attention(self.norm1(x), *cached)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate=self.approximate))


@implements("vit")
class Vit(nn.Module):
    checkpointed = False

    def __init__(self, *, size, patch, features, heads, depth, classes):
        super().__init__()
        self.patches = nn.Conv2d(3, features, patch, patch)
        self.class_token = nn.Parameter(torch.empty(1, 1, features))
        self.positions = nn.Parameter(torch.empty(1, (size // patch) ** 2 + 1, features))
        self.blocks = nn.Sequential(*(Block(features, heads, eps=EPS) for _ in range(depth)))
        self.norm = nn.LayerNorm(features, EPS)
        self.head = nn.Linear(features, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)  # B T D
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return self.head(self.norm(x)[:, 0])


@implements("vit", variant="checkpointed", unsupported=training_only)
class CheckpointedVit(Vit):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
