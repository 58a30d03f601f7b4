from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Embedding, LayerNorm, variable
from impls.tensorflow.models.vit import Block
from suite.workloads.models.definition import training_only
from suite.workloads.models.gpt2 import EPS, caching_only


@implements("gpt2")
@implements("gpt2", variant="uncached", unsupported=caching_only)
class Gpt2(tf.Module):
    checkpointed = False

    def __init__(self, *, positions, vocabulary, features, heads, depth):
        super().__init__()
        self.tokens = Embedding(vocabulary, features)
        self.positions = variable(positions, features)
        self.blocks = [Block(features, heads, eps=EPS, approximate=True, causal=True) for _ in range(depth)]
        self.norm = LayerNorm(features, eps=EPS)

    def __call__(self, ids, training):
        x = self.tokens(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = tf.recompute_grad(block)(x) if self.checkpointed else block(x)
        return tf.matmul(self.norm(x), self.tokens.weight, transpose_b=True)

    def empty_cache(self, batch, length):
        """For each block its keys and values: S B H D, so that a position comes first."""
        heads, features = self.blocks[0].attention.heads, self.positions.shape[1]
        empty = tf.zeros([length, batch, heads, features // heads], self.positions.dtype)
        return [(empty, empty) for _ in self.blocks]

    def decode(self, ids, start, caches):
        """The last position's logits, and the caches with what is known now. The first of the ids stands at `start`."""
        places = start + tf.range(ids.shape[1])
        x = self.tokens(ids) + tf.gather(self.positions, places)
        new = []
        for block, cache in zip(self.blocks, caches, strict=True):
            x, kept = block.decode(x, places, cache)
            new.append(kept)
        return tf.matmul(self.norm(x)[:, -1], self.tokens.weight, transpose_b=True), new


@implements("gpt2", variant="checkpointed", unsupported=training_only)
class CheckpointedGpt2(Gpt2):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
