from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
