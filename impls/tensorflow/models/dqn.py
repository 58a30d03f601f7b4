from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Conv2d, Linear, flatten


@implements("dqn")
class Dqn(tf.Module):
    def __init__(self, *, size, width, hidden, actions):
        super().__init__()
        side = ((size - 8) // 4 + 1 - 4) // 2 + 1 - 2
        self.conv1, self.conv2 = Conv2d(4, width, 8, stride=4), Conv2d(width, 2 * width, 4, stride=2)
        self.conv3 = Conv2d(2 * width, 2 * width, 3)
        self.fc1, self.fc2 = Linear(2 * width * side**2, hidden), Linear(hidden, actions)

    def __call__(self, x, training):
        x = tf.nn.relu(self.conv3(tf.nn.relu(self.conv2(tf.nn.relu(self.conv1(x))))))
        return self.fc2(tf.nn.relu(self.fc1(flatten(x))))
