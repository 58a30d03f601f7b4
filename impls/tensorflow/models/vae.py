from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Linear


@implements("autoencoder")
class Autoencoder(tf.Module):
    def __init__(self, *, inputs, hidden, code):
        super().__init__()
        self.encoder1, self.encoder2 = Linear(inputs, hidden), Linear(hidden, code)
        self.decoder1, self.decoder2 = Linear(code, hidden), Linear(hidden, inputs)

    def __call__(self, x, training):
        code = self.encoder2(tf.nn.relu(self.encoder1(x)))
        return self.decoder2(tf.nn.relu(self.decoder1(code)))


@implements("vae")
class Vae(tf.Module):
    def __init__(self, *, inputs, hidden, code):
        super().__init__()
        self.encoder = Linear(inputs, hidden)
        self.mean, self.log_variance = Linear(hidden, code), Linear(hidden, code)
        self.decoder1, self.decoder2 = Linear(code, hidden), Linear(hidden, inputs)

    def __call__(self, x, noise, training):
        hidden = tf.nn.relu(self.encoder(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + tf.exp(log_variance / 2) * noise
        return self.decoder2(tf.nn.relu(self.decoder1(code))), mean, log_variance
