from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import dropout, variable


class Convolution(tf.Module):
    def __init__(self, inputs, features):
        super().__init__()
        self.weight, self.bias = variable(inputs, features), variable(features)

    def __call__(self, adjacency, x):
        return tf.matmul(adjacency, tf.matmul(x, self.weight)) + self.bias


@implements("gcn")
class Gcn(tf.Module):
    def __init__(self, *, features, hidden, classes):
        super().__init__()
        self.conv1, self.conv2 = Convolution(features, hidden), Convolution(hidden, classes)

    def __call__(self, x, adjacency, *masks, training):
        x = tf.nn.relu(self.conv1(adjacency, x))
        return self.conv2(adjacency, dropout(x, *masks, 0.5) if training else x)
