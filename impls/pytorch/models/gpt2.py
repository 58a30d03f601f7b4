from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from impls.interface import implements
from impls.pytorch.models.vit import Block
from suite.workloads.models.definition import training_only
from suite.workloads.models.gpt2 import EPS, caching_only


@implements("gpt2")
@implements("gpt2", variant="uncached", unsupported=caching_only)
class Gpt2(nn.Module):
    checkpointed = False

    def __init__(self, *, positions, vocabulary, features, heads, depth):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, features)
        self.positions = nn.Parameter(torch.empty(positions, features))
        blocks = (Block(features, heads, eps=EPS, approximate="tanh", causal=True) for _ in range(depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(features, EPS)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return F.linear(self.norm(x), self.tokens.weight)

    def empty_cache(self, batch, length):
        """For each block its keys and values: 2 B H S D."""
        weight, heads = self.tokens.weight, self.blocks[0].attention.heads
        return [weight.new_zeros(2, batch, heads, length, weight.shape[1] // heads) for _ in self.blocks]

    def decode(self, ids, places, *caches):
        """The last position's logits. The ids stand at these places of the text, and those before them are in the caches."""
        x = self.tokens(ids) + self.positions[places]
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block(x, places, cache)
        return F.linear(self.norm(x[:, -1]), self.tokens.weight)


@implements("gpt2", variant="checkpointed", unsupported=training_only)
class CheckpointedGpt2(Gpt2):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
