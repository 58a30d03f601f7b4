from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Conv2d, Embedding, GroupNorm, Linear, SelfAttention, upsample


class Residual(tf.Module):
    def __init__(self, inputs, channels, times, groups):
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(groups, inputs), Conv2d(inputs, channels, 3, padding=1)
        self.norm2, self.conv2 = GroupNorm(groups, channels), Conv2d(channels, channels, 3, padding=1)
        self.time = Linear(times, channels)
        self.shortcut = None if inputs == channels else Conv2d(inputs, channels, 1)

    def __call__(self, x, when):
        y = self.conv1(tf.nn.silu(self.norm1(x))) + self.time(when)[:, None, None, :]
        return (self.shortcut(x) if self.shortcut else x) + self.conv2(tf.nn.silu(self.norm2(y)))


class Down(Residual):
    """Followed, for the next level, by a convolution to half the size."""

    def __init__(self, inputs, channels, times, groups, *, last):
        super().__init__(inputs, channels, times, groups)
        self.shrink = None if last else Conv2d(channels, channels, 3, stride=2, padding=1)


class Up(Residual):
    """Followed, for the next level, by the nearest pixel and a convolution."""

    def __init__(self, inputs, channels, times, groups, *, last):
        super().__init__(inputs, channels, times, groups)
        self.smooth = None if last else Conv2d(channels, channels, 3, padding=1)


class Attention(tf.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm, self.attend = GroupNorm(groups, channels), SelfAttention(channels, 1)

    def __call__(self, x):
        batch, height, width, channels = x.shape
        y = self.attend(tf.reshape(self.norm(x), [batch, height * width, channels]))
        return x + tf.reshape(y, x.shape)


@implements("ddpm_unet")
class DdpmUnet(tf.Module):
    def __init__(self, *, channels, width, groups, steps):
        super().__init__()
        times = 4 * width
        self.steps = Embedding(steps, width)
        self.time1, self.time2 = Linear(width, times), Linear(times, times)
        self.first = Conv2d(channels, width, 3, padding=1)
        self.down1 = Down(width, width, times, groups, last=False)
        self.down2 = Down(width, 2 * width, times, groups, last=False)
        self.down3 = Down(2 * width, 2 * width, times, groups, last=True)
        self.attention = Attention(2 * width, groups)
        self.up3 = Up(4 * width, 2 * width, times, groups, last=False)
        self.up2 = Up(4 * width, 2 * width, times, groups, last=False)
        self.up1 = Up(3 * width, width, times, groups, last=True)
        self.norm, self.last = GroupNorm(groups, width), Conv2d(width, channels, 3, padding=1)

    def __call__(self, x, step, training):
        when = tf.nn.silu(self.time2(tf.nn.silu(self.time1(self.steps(step)[:, 0]))))
        level1 = self.down1(self.first(x), when)
        level2 = self.down2(self.down1.shrink(level1), when)
        level3 = self.down3(self.down2.shrink(level2), when)
        x = self.up3(tf.concat([self.attention(level3), level3], axis=3), when)
        x = self.up2(tf.concat([self.up3.smooth(upsample(x)), level2], axis=3), when)
        x = self.up1(tf.concat([self.up2.smooth(upsample(x)), level1], axis=3), when)
        return self.last(tf.nn.silu(self.norm(x)))
