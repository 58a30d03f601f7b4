from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import BatchNorm, Conv2d, Linear, max_pool2d


class Basic(tf.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.downsample = _downsample(inputs, width, stride)

    def __call__(self, x, training):
        y = tf.nn.relu(self.bn1(self.conv1(x), training))
        y = self.bn2(self.conv2(y), training)
        return tf.nn.relu(y + _shortcut(self.downsample, x, training))


class Bottleneck(tf.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = Conv2d(inputs, width, 1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.conv3 = Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = BatchNorm(4 * width)
        self.downsample = _downsample(inputs, 4 * width, stride)

    def __call__(self, x, training):
        y = tf.nn.relu(self.bn1(self.conv1(x), training))
        y = tf.nn.relu(self.bn2(self.conv2(y), training))
        y = self.bn3(self.conv3(y), training)
        return tf.nn.relu(y + _shortcut(self.downsample, x, training))


def _downsample(inputs, channels, stride):
    if stride == 1 and inputs == channels:
        return None
    return [Conv2d(inputs, channels, 1, stride=stride, bias=False), BatchNorm(channels)]


def _shortcut(downsample, x, training):
    if downsample is None:
        return x
    convolve, normalize = downsample
    return normalize(convolve(x), training)


class ResNet(tf.Module):
    def __init__(self, block, expansion, blocks, width, classes):
        super().__init__()
        self.conv1 = Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm(width)
        channels, stages = width, []
        for stage, count in enumerate(blocks):
            layers = []
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                layers.append(block(channels, width * 2**stage, stride))
                channels = width * 2**stage * expansion
            stages.append(layers)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = Linear(channels, classes)

    def __call__(self, x, training):
        x = max_pool2d(tf.nn.relu(self.bn1(self.conv1(x), training)), 3, 2, 1)
        for block in (*self.layer1, *self.layer2, *self.layer3, *self.layer4):
            x = block(x, training)
        return self.fc(tf.reduce_mean(x, axis=[1, 2]))


@implements("resnet18")
class ResNet18(ResNet):
    def __init__(self, *, width, classes):
        super().__init__(Basic, 1, (2, 2, 2, 2), width, classes)


@implements("resnet50")
class ResNet50(ResNet):
    def __init__(self, *, width, classes):
        super().__init__(Bottleneck, 4, (3, 4, 6, 3), width, classes)
