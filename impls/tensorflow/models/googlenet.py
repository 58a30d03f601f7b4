from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Conv2d, Linear, dropout, local_response_norm, max_pool2d
from suite.workloads.models.googlenet import BLOCKS


class Inception(tf.Module):
    def __init__(self, inputs, c1, r3, c3, r5, c5, projection):
        super().__init__()
        self.conv1 = Conv2d(inputs, c1, 1)
        self.reduce3, self.conv3 = Conv2d(inputs, r3, 1), Conv2d(r3, c3, 3, padding=1)
        self.reduce5, self.conv5 = Conv2d(inputs, r5, 1), Conv2d(r5, c5, 5, padding=2)
        self.project = Conv2d(inputs, projection, 1)

    def __call__(self, x):
        parts = [
            self.conv1(x),
            self.conv3(tf.nn.relu(self.reduce3(x))),
            self.conv5(tf.nn.relu(self.reduce5(x))),
            self.project(max_pool2d(x, 3, 1, 1)),
        ]
        return tf.nn.relu(tf.concat(parts, axis=3))


@implements("googlenet")
class GoogLeNet(tf.Module):
    def __init__(self, *, divisor, classes):
        super().__init__()
        self.conv1 = Conv2d(3, 64 // divisor, 7, stride=2, padding=3)
        self.reduce2 = Conv2d(64 // divisor, 64 // divisor, 1)
        self.conv2 = Conv2d(64 // divisor, 192 // divisor, 3, padding=1)
        inputs = 192 // divisor
        for name, channels in BLOCKS.items():
            counts = [count // divisor for count in channels]
            setattr(self, f"inception{name}", Inception(inputs, *counts))
            inputs = counts[0] + counts[2] + counts[4] + counts[5]
        self.fc = Linear(inputs, classes)

    def __call__(self, x, *masks, training):
        x = local_response_norm(max_pool2d(tf.nn.relu(self.conv1(x)), 3, 2, 1))
        x = tf.nn.relu(self.conv2(tf.nn.relu(self.reduce2(x))))
        x = max_pool2d(local_response_norm(x), 3, 2, 1)
        for name in BLOCKS:
            if name in ("4a", "5a"):
                x = max_pool2d(x, 3, 2, 1)
            x = getattr(self, f"inception{name}")(x)
        x = tf.reduce_mean(x, axis=[1, 2])
        return self.fc(dropout(x, *masks, 0.4) if training else x)
