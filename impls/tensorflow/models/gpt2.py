from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Embedding, LayerNorm, variable
from impls.tensorflow.models.vit import Block
from suite.workloads.models.gpt2 import EPS


@implements("gpt2")
class Gpt2(tf.Module):
    def __init__(self, *, positions, vocabulary, features, heads, depth):
        super().__init__()
        self.tokens = Embedding(vocabulary, features)
        self.positions = variable(positions, features)
        self.blocks = [Block(features, heads, eps=EPS, approximate=True, causal=True) for _ in range(depth)]
        self.norm = LayerNorm(features, eps=EPS)

    def __call__(self, ids, training):
        x = self.tokens(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return tf.matmul(self.norm(x), self.tokens.weight, transpose_b=True)
