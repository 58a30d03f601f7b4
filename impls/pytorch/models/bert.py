from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from impls.interface import implements
from impls.pytorch.models.layers import SelfAttention
from suite.workloads.models.bert import EPS
from suite.workloads.models.definition import training_only


class Block(nn.Module):
    def __init__(self, features, heads):
        super().__init__()
        self.attention = SelfAttention(features, heads)
        self.norm1, self.norm2 = nn.LayerNorm(features, EPS), nn.LayerNorm(features, EPS)
        self.fc1, self.fc2 = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.fc2(F.gelu(self.fc1(x))))


@implements("bert_base")
class BertBase(nn.Module):
    checkpointed = False

    def __init__(self, *, positions, vocabulary, features, heads, depth, classes):
        super().__init__()
        self.tokens, self.segments_embedding = nn.Embedding(vocabulary, features), nn.Embedding(2, features)
        self.positions = nn.Parameter(torch.empty(positions, features))
        self.norm = nn.LayerNorm(features, EPS)
        self.blocks = nn.Sequential(*(Block(features, heads) for _ in range(depth)))
        self.pooler, self.classifier = nn.Linear(features, features), nn.Linear(features, classes)

    def forward(self, ids, segments):
        x = self.tokens(ids) + self.segments_embedding(segments) + self.positions[: ids.shape[1]]
        x = self.norm(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointed else block(x)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


@implements("bert_base", variant="checkpointed", unsupported=training_only)
class CheckpointedBertBase(BertBase):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
