from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Conv2d, LayerNorm, Linear, SelfAttention, gelu, variable
from suite.workloads.models.definition import training_only
from suite.workloads.models.vit import EPS


class Block(tf.Module):
    """Normalised before attention and perceptron; `approximate` is GELU's tanh formula."""

    def __init__(self, features, heads, *, eps, approximate=False, causal=False):
        super().__init__()
        self.norm1, self.norm2 = LayerNorm(features, eps=eps), LayerNorm(features, eps=eps)
        self.attention = SelfAttention(features, heads, causal=causal)
        self.fc1, self.fc2 = Linear(features, 4 * features), Linear(4 * features, features)
        self.approximate = approximate

    def __call__(self, x):
        return self._perceptron(x + self.attention(self.norm1(x)))

    def decode(self, x, places, cache):
        y, cache = self.attention.decode(self.norm1(x), places, cache)
        return self._perceptron(x + y), cache

    def _perceptron(self, x):
        return x + self.fc2(gelu(self.fc1(self.norm2(x)), self.approximate))


@implements("vit")
class Vit(tf.Module):
    checkpointed = False

    def __init__(self, *, size, patch, features, heads, depth, classes):
        super().__init__()
        self.patches = Conv2d(3, features, patch, stride=patch)
        self.class_token = variable(1, 1, features)
        self.positions = variable(1, (size // patch) ** 2 + 1, features)
        self.blocks = [Block(features, heads, eps=EPS) for _ in range(depth)]
        self.norm = LayerNorm(features, eps=EPS)
        self.head = Linear(features, classes)

    def __call__(self, x, training):
        x = self.patches(x)
        batch, height, width, features = x.shape
        x = tf.reshape(x, [batch, height * width, features])
        tokens = tf.broadcast_to(self.class_token, [batch, 1, features])
        x = tf.concat([tokens, x], axis=1) + self.positions
        for block in self.blocks:
            x = tf.recompute_grad(block)(x) if self.checkpointed else block(x)
        return self.head(self.norm(x)[:, 0])


@implements("vit", variant="checkpointed", unsupported=training_only)
class CheckpointedVit(Vit):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
