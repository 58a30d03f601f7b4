from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("mlp", layout={"weight1": "I O", "weight2": "I O"})
def mlp(x, weight1, bias1, weight2, bias2):
    hidden = tf.nn.relu(tf.matmul(x, weight1) + bias1)
    return tf.matmul(hidden, weight2) + bias2
