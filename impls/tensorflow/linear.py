from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("linear", layout={"weight": "I O"})
def linear(x, weight, bias):
    return tf.matmul(x, weight) + bias
