from __future__ import annotations

import tensorflow as tf

from impls.interface import implements


@implements("linear", layout={"weight": "I O"})
def linear(x, weight, bias):
    return tf.matmul(x, weight) + bias


@implements("matmul")
def matmul(a, b):
    return tf.matmul(a, b)


@implements("batched_matmul")
def batched_matmul(a, c):
    return tf.matmul(a, c)


@implements("einsum")
def einsum(a, c):
    return tf.einsum("bij,bjkl->bikl", a, c)


@implements("embedding")
def embedding(ids, table):
    """The gradient of tf.gather and tf.nn.embedding_lookup is a list of rows (IndexedSlices); this one's is dense."""
    return tf.gather_nd(table, ids[:, :, tf.newaxis])


@implements("embedding", variant="one_hot")
def embedding_one_hot(ids, table):
    return tf.matmul(tf.one_hot(ids, table.shape[0], on_value=1, off_value=0, axis=-1, dtype=table.dtype), table)
