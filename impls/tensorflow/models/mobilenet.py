from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import BatchNorm, Conv2d, DepthwiseConv2d, Linear, dropout
from suite.workloads.models.mobilenet import STAGES


class Normalized(tf.Module):
    """Convolution without bias, batch normalisation, and min(max(·, 0), 6) where it is bounded."""

    def __init__(self, inputs, channels, kernel, stride=1, depthwise=False, bounded=True):
        super().__init__()
        if depthwise:
            self.conv = DepthwiseConv2d(inputs, kernel, stride=stride, padding=kernel // 2)
        else:
            self.conv = Conv2d(inputs, channels, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.norm = BatchNorm(channels)
        self.bounded = bounded

    def __call__(self, x, training):
        x = self.norm(self.conv(x), training)
        return tf.nn.relu6(x) if self.bounded else x


class Gate(tf.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze = Linear(channels, max(1, channels // 4))
        self.excite = Linear(max(1, channels // 4), channels)

    def __call__(self, x):
        y = tf.sigmoid(self.excite(tf.nn.relu(self.squeeze(tf.reduce_mean(x, axis=[1, 2])))))
        return x * y[:, None, None, :]


class Block(tf.Module):
    def __init__(self, inputs, expansion, channels, stride, gated):
        super().__init__()
        wide = expansion * inputs
        self.expand = None if expansion == 1 else Normalized(inputs, wide, 1)
        self.depthwise = Normalized(wide, wide, 3, stride, depthwise=True)
        self.gate = Gate(wide) if gated else None
        self.project = Normalized(wide, channels, 1, bounded=False)
        self.residual = stride == 1 and inputs == channels

    def __call__(self, x, training):
        y = self.expand(x, training) if self.expand else x
        y = self.depthwise(y, training)
        y = self.project(self.gate(y) if self.gate else y, training)
        return x + y if self.residual else y


@implements("mobilenet_v2")
class MobileNetV2(tf.Module):
    def __init__(self, *, divisor, classes, squeeze_excite):
        super().__init__()
        inputs, blocks = 32 // divisor, []
        self.stem = Normalized(3, inputs, 3, 2)
        for expansion, channels, count, stride in STAGES:
            for repeat in range(count):
                step = stride if repeat == 0 else 1
                blocks.append(Block(inputs, expansion, channels // divisor, step, squeeze_excite))
                inputs = channels // divisor
        self.blocks = blocks
        self.head = Normalized(inputs, 1280 // divisor, 1)
        self.fc = Linear(1280 // divisor, classes)

    def __call__(self, x, *masks, training):
        x = self.stem(x, training)
        for block in self.blocks:
            x = block(x, training)
        x = tf.reduce_mean(self.head(x, training), axis=[1, 2])
        return self.fc(dropout(x, *masks, 0.2) if training else x)
