from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Embedding, LayerNorm, Linear, SelfAttention, gelu, variable
from suite.workloads.models.bert import EPS
from suite.workloads.models.definition import training_only


class Block(tf.Module):
    def __init__(self, features, heads):
        super().__init__()
        self.attention = SelfAttention(features, heads)
        self.norm1, self.norm2 = LayerNorm(features, eps=EPS), LayerNorm(features, eps=EPS)
        self.fc1, self.fc2 = Linear(features, 4 * features), Linear(4 * features, features)

    def __call__(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.fc2(gelu(self.fc1(x))))


@implements("bert_base")
class BertBase(tf.Module):
    checkpointed = False

    def __init__(self, *, positions, vocabulary, features, heads, depth, classes):
        super().__init__()
        self.tokens, self.segments_embedding = Embedding(vocabulary, features), Embedding(2, features)
        self.positions = variable(positions, features)
        self.norm = LayerNorm(features, eps=EPS)
        self.blocks = [Block(features, heads) for _ in range(depth)]
        self.pooler, self.classifier = Linear(features, features), Linear(features, classes)

    def __call__(self, ids, segments, training):
        x = self.tokens(ids) + self.segments_embedding(segments) + self.positions[: ids.shape[1]]
        x = self.norm(x)
        for block in self.blocks:
            x = tf.recompute_grad(block)(x) if self.checkpointed else block(x)
        return self.classifier(tf.tanh(self.pooler(x[:, 0])))


@implements("bert_base", variant="checkpointed", unsupported=training_only)
class CheckpointedBertBase(BertBase):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
