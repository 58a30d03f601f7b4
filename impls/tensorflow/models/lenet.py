from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import (
    Conv2d,
    Linear,
    avg_pool2d,
    dropout,
    flatten,
    local_response_norm,
    max_pool2d,
)


@implements("lenet5")
class LeNet5(tf.Module):
    def __init__(self, *, classes):
        super().__init__()
        self.conv1, self.conv2 = Conv2d(1, 6, 5), Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = Linear(400, 120), Linear(120, 84), Linear(84, classes)

    def __call__(self, x, training):
        x = avg_pool2d(tf.tanh(self.conv1(x)), 2, 2)
        x = avg_pool2d(tf.tanh(self.conv2(x)), 2, 2)
        x = tf.tanh(self.fc1(flatten(x)))
        return self.fc3(tf.tanh(self.fc2(x)))


class Classifier(tf.Module):
    """Two hidden layers with dropout of a half, and one for the classes, above the features that a subclass finds."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = Linear(inputs, hidden), Linear(hidden, hidden), Linear(hidden, classes)

    def __call__(self, x, *masks, training):
        x = flatten(self.features(x))
        for number, linear in enumerate((self.fc1, self.fc2)):
            x = tf.nn.relu(linear(x))
            x = dropout(x, masks[number], 0.5) if training else x
        return self.fc3(x)


@implements("alexnet")
class AlexNet(Classifier):
    def __init__(self, *, size, width, hidden, classes):
        wide = width * 8 // 3
        side = (((size - 11) // 4 - 2) // 2 + 1 - 3) // 2 + 1  # after two of the three maxima
        super().__init__(wide * ((side - 3) // 2 + 1) ** 2, hidden, classes)
        self.conv1 = Conv2d(3, width, 11, stride=4)
        self.conv2 = Conv2d(width, wide, 5, padding=2, groups=2)
        self.conv3 = Conv2d(wide, 4 * width, 3, padding=1)
        self.conv4 = Conv2d(4 * width, 4 * width, 3, padding=1, groups=2)
        self.conv5 = Conv2d(4 * width, wide, 3, padding=1, groups=2)

    def features(self, x):
        x = max_pool2d(local_response_norm(tf.nn.relu(self.conv1(x))), 3, 2)
        x = max_pool2d(local_response_norm(tf.nn.relu(self.conv2(x))), 3, 2)
        for convolve in (self.conv3, self.conv4, self.conv5):
            x = tf.nn.relu(convolve(x))
        return max_pool2d(x, 3, 2)


@implements("vgg16")
class Vgg16(Classifier):
    STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))

    def __init__(self, *, size, width, hidden, classes):
        super().__init__(8 * width * (size // 32) ** 2, hidden, classes)
        inputs = 3
        for stage, (factor, count) in enumerate(self.STAGES, 1):
            for number in range(1, count + 1):
                setattr(self, f"conv{stage}_{number}", Conv2d(inputs, width * factor, 3, padding=1))
                inputs = width * factor

    def features(self, x):
        for stage, (_, count) in enumerate(self.STAGES, 1):
            for number in range(1, count + 1):
                x = tf.nn.relu(getattr(self, f"conv{stage}_{number}")(x))
            x = max_pool2d(x, 2, 2)
        return x
