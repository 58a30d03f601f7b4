from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.attention import sinusoidal_positions
from impls.tensorflow.models.layers import CrossAttention, Embedding, LayerNorm, Linear, SelfAttention


class EncoderLayer(tf.Module):
    def __init__(self, features, hidden, heads):
        super().__init__()
        self.attention = SelfAttention(features, heads)
        self.fc1, self.fc2 = Linear(features, hidden), Linear(hidden, features)
        self.norm1, self.norm2 = LayerNorm(features), LayerNorm(features)

    def __call__(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.fc2(tf.nn.relu(self.fc1(x))))


class DecoderLayer(tf.Module):
    def __init__(self, features, hidden, heads):
        super().__init__()
        self.attention, self.cross = SelfAttention(features, heads, causal=True), CrossAttention(features, heads)
        self.fc1, self.fc2 = Linear(features, hidden), Linear(hidden, features)
        self.norm1, self.norm2, self.norm3 = LayerNorm(features), LayerNorm(features), LayerNorm(features)

    def __call__(self, x, memory):
        x = self.norm1(x + self.attention(x))
        x = self.norm2(x + self.cross(x, memory))
        return self.norm3(x + self.fc2(tf.nn.relu(self.fc1(x))))


@implements("transformer")
class Transformer(tf.Module):
    def __init__(self, *, vocabulary, features, hidden, heads, depth):
        super().__init__()
        self.source_embedding, self.target_embedding = Embedding(vocabulary, features), Embedding(vocabulary, features)
        self.encoder = [EncoderLayer(features, hidden, heads) for _ in range(depth)]
        self.decoder = [DecoderLayer(features, hidden, heads) for _ in range(depth)]
        self.fc = Linear(features, vocabulary)

    def __call__(self, source, target, training):
        memory = sinusoidal_positions(self.source_embedding(source), base=10000.0)
        for layer in self.encoder:
            memory = layer(memory)
        x = sinusoidal_positions(self.target_embedding(target), base=10000.0)
        for layer in self.decoder:
            x = layer(x, memory)
        return self.fc(x)
