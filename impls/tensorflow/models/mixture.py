from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import LayerNorm, Linear, gelu


class Expert(tf.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.fc1, self.fc2 = Linear(features, hidden), Linear(hidden, features)

    def __call__(self, x):
        return self.fc2(gelu(self.fc1(x)))


@implements("mixture_of_experts")
class MixtureOfExperts(tf.Module):
    def __init__(self, *, features, hidden, experts, chosen):
        super().__init__()
        self.norm = LayerNorm(features)
        self.gate = Linear(features, experts, bias=False)
        self.experts = [Expert(features, hidden) for _ in range(experts)]
        self.chosen = chosen

    def __call__(self, x, training):
        normal = self.norm(x)
        largest, places = tf.math.top_k(tf.nn.softmax(self.gate(normal)), self.chosen)
        shares = largest / tf.reduce_sum(largest, axis=-1, keepdims=True)
        chosen = tf.one_hot(places, len(self.experts), dtype=x.dtype)  # B T K E
        gates = tf.reduce_sum(chosen * shares[..., None], axis=-2)
        return x + tf.add_n([gates[..., n, None] * expert(normal) for n, expert in enumerate(self.experts)])
