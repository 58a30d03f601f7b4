from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Linear


class Perceptron(tf.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.fc1, self.fc2 = Linear(features, hidden), Linear(hidden, hidden)
        self.fc3 = Linear(hidden, features)

    def __call__(self, x):
        return self.fc3(tf.nn.relu(self.fc2(tf.nn.relu(self.fc1(x)))))


class Coupling(tf.Module):
    """Keeps the features of one parity, and changes the others by what it makes of these."""

    def __init__(self, features, hidden, parity):
        super().__init__()
        self.s, self.t = Perceptron(features, hidden), Perceptron(features, hidden)
        self.parity = parity

    def scale_and_shift(self, x):
        """What is kept, which features these are, and scale and shift of the others."""
        kept = tf.constant([float(feature % 2 == self.parity) for feature in range(x.shape[1])], x.dtype)
        fixed = x * kept
        return fixed, kept, tf.tanh(self.s(fixed)) * (1 - kept), self.t(fixed) * (1 - kept)

    def __call__(self, x):
        fixed, kept, s, t = self.scale_and_shift(x)
        return fixed + x * (1 - kept) * tf.exp(s) + t, tf.reduce_sum(s, axis=1)

    def inverse(self, y):
        fixed, kept, s, t = self.scale_and_shift(y)
        return fixed + (y * (1 - kept) - t) * tf.exp(-s), -tf.reduce_sum(s, axis=1)


class Flow(tf.Module):
    def __init__(self, features, hidden, couplings):
        super().__init__()
        self.couplings = [Coupling(features, hidden, number % 2) for number in range(couplings)]


@implements("realnvp")
class RealNvp(Flow):
    def __init__(self, *, features, hidden, couplings):
        super().__init__(features, hidden, couplings)

    def __call__(self, x, training):
        logdet = tf.zeros(x.shape[0], x.dtype)
        for coupling in self.couplings:
            x, own = coupling(x)
            logdet += own
        return x, logdet


@implements("realnvp_inverse")
class RealNvpInverse(Flow):
    def __init__(self, *, features, hidden, couplings):
        super().__init__(features, hidden, couplings)

    def __call__(self, code, training):
        logdet = tf.zeros(code.shape[0], code.dtype)
        for coupling in reversed(self.couplings):
            code, own = coupling.inverse(code)
            logdet += own
        return code, logdet
