from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.activations import leaky_relu_written_out
from impls.tensorflow.models.layers import BatchNorm, Conv2d, ConvTranspose2d


@implements("dcgan_generator")
class Generator(tf.Module):
    def __init__(self, *, code, width):
        super().__init__()
        self.conv1, self.bn1 = ConvTranspose2d(code, 8 * width, 4, stride=1, bias=False), BatchNorm(8 * width)
        self.conv2 = ConvTranspose2d(8 * width, 4 * width, 4, stride=2, padding=1, bias=False)
        self.conv3 = ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False)
        self.bn2, self.bn3 = BatchNorm(4 * width), BatchNorm(2 * width)
        self.conv4 = ConvTranspose2d(2 * width, 3, 4, stride=2, padding=1, bias=False)

    def __call__(self, code, training):
        x = code[:, None, None, :]
        for convolve, normalize in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = tf.nn.relu(normalize(convolve(x), training))
        return tf.tanh(self.conv4(x))


@implements("dcgan_discriminator")
class Discriminator(tf.Module):
    def __init__(self, *, width):
        super().__init__()
        self.conv1 = Conv2d(3, width, 4, stride=2, padding=1, bias=False)
        self.conv2 = Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False)
        self.conv3 = Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False)
        self.bn2, self.bn3 = BatchNorm(2 * width), BatchNorm(4 * width)
        self.conv4 = Conv2d(4 * width, 1, 4, bias=False)

    def __call__(self, x, training):
        x = _leaky(self.conv1(x))
        x = _leaky(self.bn2(self.conv2(x), training))
        x = _leaky(self.bn3(self.conv3(x), training))
        return tf.reshape(self.conv4(x), [x.shape[0], 1])


def _leaky(x):
    # TensorFlow's own rounds the slope to float32.
    return leaky_relu_written_out(x, slope=0.2) if x.dtype == tf.float64 else tf.nn.leaky_relu(x, 0.2)
