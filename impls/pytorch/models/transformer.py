from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.attention import sinusoidal_positions
from impls.pytorch.models.layers import CrossAttention, SelfAttention


class EncoderLayer(nn.Module):
    def __init__(self, features, hidden, heads):
        super().__init__()
        self.attention = SelfAttention(features, heads)
        self.fc1, self.fc2 = nn.Linear(features, hidden), nn.Linear(hidden, features)
        self.norm1, self.norm2 = nn.LayerNorm(features), nn.LayerNorm(features)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.fc2(F.relu(self.fc1(x))))


class DecoderLayer(nn.Module):
    def __init__(self, features, hidden, heads):
        super().__init__()
        self.attention, self.cross = SelfAttention(features, heads, causal=True), CrossAttention(features, heads)
        self.fc1, self.fc2 = nn.Linear(features, hidden), nn.Linear(hidden, features)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(features) for _ in range(3))

    def forward(self, x, memory):
        x = self.norm1(x + self.attention(x))
        x = self.norm2(x + self.cross(x, memory))
        return self.norm3(x + self.fc2(F.relu(self.fc1(x))))


@implements("transformer")
class Transformer(nn.Module):
    def __init__(self, *, vocabulary, features, hidden, heads, depth):
        super().__init__()
        self.source_embedding, self.target_embedding = (nn.Embedding(vocabulary, features) for _ in range(2))
        self.encoder = nn.ModuleList(EncoderLayer(features, hidden, heads) for _ in range(depth))
        self.decoder = nn.ModuleList(DecoderLayer(features, hidden, heads) for _ in range(depth))
        self.fc = nn.Linear(features, vocabulary)

    def forward(self, source, target):
        memory = sinusoidal_positions(self.source_embedding(source), base=10000.0)
        for layer in self.encoder:
            memory = layer(memory)
        x = sinusoidal_positions(self.target_embedding(target), base=10000.0)
        for layer in self.decoder:
            x = layer(x, memory)
        return self.fc(x)
