from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import BatchNorm, Linear, dropout


@implements("mlp")
class Mlp(tf.Module):
    def __init__(self, *, inputs, hidden, classes):
        super().__init__()
        self.fc1, self.fc2 = Linear(inputs, hidden), Linear(hidden, classes)

    def __call__(self, x, training):
        return self.fc2(tf.nn.relu(self.fc1(x)))


@implements("deep_mlp")
class DeepMlp(tf.Module):
    def __init__(self, *, inputs, width, classes, dropout):
        super().__init__()
        self.fc1, self.bn1 = Linear(inputs, width), BatchNorm(width)
        self.fc2, self.bn2 = Linear(width, width // 2), BatchNorm(width // 2)
        self.fc3, self.bn3 = Linear(width // 2, width // 4), BatchNorm(width // 4)
        self.fc4 = Linear(width // 4, classes)
        self.rate = dropout

    def __call__(self, x, *masks, training):
        for number, (linear, normalize) in enumerate(
            [(self.fc1, self.bn1), (self.fc2, self.bn2), (self.fc3, self.bn3)]
        ):
            x = tf.nn.relu(normalize(linear(x), training))
            x = dropout(x, masks[number], self.rate) if training else x
        return self.fc4(x)
