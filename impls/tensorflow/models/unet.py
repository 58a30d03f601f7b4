from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import BatchNorm, Conv2d, ConvTranspose2d, max_pool2d


class Down(tf.Module):
    """Two convolutions of 3 × 3, normalised and rectified."""

    def __init__(self, inputs, channels):
        super().__init__()
        self.conv1, self.bn1 = Conv2d(inputs, channels, 3, padding=1), BatchNorm(channels)
        self.conv2, self.bn2 = Conv2d(channels, channels, 3, padding=1), BatchNorm(channels)

    def __call__(self, x, training):
        x = tf.nn.relu(self.bn1(self.conv1(x), training))
        return tf.nn.relu(self.bn2(self.conv2(x), training))


class Up(Down):
    """The same, of what comes from below, at twice the size, joined to what the level had on the way down."""

    def __init__(self, inputs, channels):
        super().__init__(2 * channels, channels)
        self.transpose = ConvTranspose2d(inputs, channels, 2, stride=2)

    def __call__(self, x, level, training):
        return super().__call__(tf.concat([self.transpose(x), level], axis=3), training)


@implements("unet")
class UNet(tf.Module):
    def __init__(self, *, width, classes):
        super().__init__()
        self.down1, self.down2 = Down(3, width), Down(width, 2 * width)
        self.down3, self.down4 = Down(2 * width, 4 * width), Down(4 * width, 8 * width)
        self.bottom = Down(8 * width, 16 * width)
        self.up4, self.up3 = Up(16 * width, 8 * width), Up(8 * width, 4 * width)
        self.up2, self.up1 = Up(4 * width, 2 * width), Up(2 * width, width)
        self.final = Conv2d(width, classes, 1)

    def __call__(self, x, training):
        levels = []
        for down in (self.down1, self.down2, self.down3, self.down4):
            x = down(x, training)
            levels.append(x)
            x = max_pool2d(x, 2, 2)
        x = self.bottom(x, training)
        for up, level in zip((self.up4, self.up3, self.up2, self.up1), reversed(levels), strict=True):
            x = up(x, level, training)
        return self.final(x)
