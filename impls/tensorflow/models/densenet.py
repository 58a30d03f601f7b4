from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import BatchNorm, Conv2d, Linear, avg_pool2d, max_pool2d
from suite.workloads.models.densenet import BLOCKS


class Layer(tf.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1, self.conv1 = BatchNorm(inputs), Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = BatchNorm(4 * growth), Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def __call__(self, x, training):
        y = self.conv1(tf.nn.relu(self.norm1(x, training)))
        y = self.conv2(tf.nn.relu(self.norm2(y, training)))
        return tf.concat([x, y], axis=3)


class Transition(tf.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm, self.conv = BatchNorm(inputs), Conv2d(inputs, inputs // 2, 1, bias=False)

    def __call__(self, x, training):
        return avg_pool2d(self.conv(tf.nn.relu(self.norm(x, training))), 2, 2)


@implements("densenet121")
class DenseNet121(tf.Module):
    def __init__(self, *, growth, classes):
        super().__init__()
        channels = 2 * growth
        self.conv0, self.norm0 = Conv2d(3, channels, 7, stride=2, padding=3, bias=False), BatchNorm(channels)
        for block, count in enumerate(BLOCKS, 1):
            layers = {f"denselayer{n + 1}": Layer(channels + n * growth, growth) for n in range(count)}
            setattr(self, f"denseblock{block}", layers)
            channels += count * growth
            if block < len(BLOCKS):
                setattr(self, f"transition{block}", Transition(channels))
                channels //= 2
        self.norm5 = BatchNorm(channels)
        self.classifier = Linear(channels, classes)

    def __call__(self, x, training):
        x = max_pool2d(tf.nn.relu(self.norm0(self.conv0(x), training)), 3, 2, 1)
        for block in range(1, len(BLOCKS) + 1):
            for layer in getattr(self, f"denseblock{block}").values():
                x = layer(x, training)
            if block < len(BLOCKS):
                x = getattr(self, f"transition{block}")(x, training)
        x = tf.nn.relu(self.norm5(x, training))
        return self.classifier(tf.reduce_mean(x, axis=[1, 2]))
