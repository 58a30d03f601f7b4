from __future__ import annotations

import math

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@implements("token_cross_entropy")
def token_cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@implements("pixel_cross_entropy", layout={"logits": "N H W C"})
def pixel_cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@implements("cross_entropy")
def cross_entropy(logits, labels, weight, *, smoothing, ignore_index):
    """Written out: softmax_cross_entropy_with_logits takes the sum of a row's targets for 1, and weighted ones have
    another."""
    counts = tf.cast(labels != ignore_index, logits.dtype)
    wanted = tf.one_hot(labels, logits.shape[-1], dtype=logits.dtype) * (1 - smoothing) + smoothing / logits.shape[-1]
    losses = -tf.reduce_sum(wanted * weight * tf.nn.log_softmax(logits), axis=-1)
    return tf.reduce_sum(counts * losses) / tf.reduce_sum(counts * tf.gather(weight, labels))


@implements("bce_with_logits")
def bce_with_logits(logits, targets):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))


@implements("mse")
def mse(predictions, targets):
    return tf.reduce_mean(tf.math.squared_difference(predictions, targets))


@implements("elbo")
def elbo(logits, mean, log_variance, targets):
    data = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))
    code = tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - 1 - log_variance) / 2
    return (data + code) / logits.shape[0]


@implements("flow_nll")
def flow_nll(code, logdet):
    constant = code.shape[1] / 2 * math.log(2 * math.pi)
    return tf.reduce_mean(tf.reduce_sum(tf.square(code), axis=1) / 2 - logdet) + constant


@implements("mae")
def mae(predictions, targets):
    return tf.reduce_mean(tf.abs(predictions - targets))


@implements("huber")
def huber(predictions, targets, *, delta):
    sizes = tf.abs(predictions - targets)
    return tf.reduce_mean(tf.where(sizes <= delta, 0.5 * tf.square(sizes), delta * (sizes - 0.5 * delta)))


@implements("quantile")
def quantile(predictions, targets, *, q):
    rest = targets - predictions
    return tf.reduce_mean(tf.maximum(q * rest, (q - 1) * rest))


@implements("hinge")
def hinge(scores, targets):
    return tf.reduce_mean(tf.nn.relu(1 - targets * scores))


@implements("focal")
def focal(logits, targets, *, alpha, gamma):
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    probabilities = tf.sigmoid(logits)
    rest = probabilities * (1 - targets) + (1 - probabilities) * targets
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    return tf.reduce_mean(weights * rest**gamma * losses)


@implements("kl_div")
def kl_div(log_probabilities, targets):
    # Not the Keras function, which takes probabilities and clips them.
    terms = tf.math.xlogy(targets, targets) - targets * log_probabilities
    return tf.reduce_mean(tf.reduce_sum(terms, axis=-1))


@implements("dice")
def dice(probabilities, targets, *, eps):
    both = tf.reduce_sum(probabilities * targets, axis=-1)
    each = tf.reduce_sum(probabilities, axis=-1) + tf.reduce_sum(targets, axis=-1)
    return tf.reduce_mean(1 - (2 * both + eps) / (each + eps))


@implements("triplet")
def triplet(anchor, positive, negative, *, margin, eps):
    near = tf.norm(anchor - positive + eps, axis=-1)
    far = tf.norm(anchor - negative + eps, axis=-1)
    return tf.reduce_mean(tf.nn.relu(near - far + margin))


@implements("info_nce")
def info_nce(queries, keys, *, temperature):
    scores = tf.matmul(queries, keys, transpose_b=True) / temperature
    labels = tf.range(scores.shape[0])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))


# Both seen in 2.21.0.
def _float32_without_xla(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if mode == "xla":
        return "tf.nn.ctc_loss with sparse labels has no kernels under XLA, neither RaggedTensorToSparse nor CTCLoss"
    return _float32(p, task, mode, precision)


def _float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Dense labels: float64 logits meet float32 constants in Mul. Sparse ones: CTCLossV2, which a tf.function traces for the
    # GPU besides, takes float32 only; and eagerly CTCLoss is 1e-8 off, for it adds logarithms in float32.
    return "tf.nn.ctc_loss computes in float32 only" if precision == "float64" else None


@implements("ctc", unsupported=_float32_without_xla)
def ctc(logits, targets, input_lengths, target_lengths):
    """Sparse labels, which the documentation recommends on CPU and GPU."""
    labels = tf.RaggedTensor.from_tensor(tf.cast(targets, tf.int32), lengths=target_lengths).to_sparse()
    losses = tf.nn.ctc_loss(
        labels=labels,
        logits=logits,
        label_length=None,
        logit_length=tf.cast(input_lengths, tf.int32),
        logits_time_major=False,
        blank_index=0,
    )
    return tf.reduce_mean(losses)


@implements("ctc", variant="dense", unsupported=_float32)
def ctc_dense(logits, targets, input_lengths, target_lengths):
    given = tf.sequence_mask(target_lengths, targets.shape[1], dtype=targets.dtype)
    losses = tf.nn.ctc_loss(
        labels=tf.cast(targets * given, tf.int32),
        logits=logits,
        label_length=tf.cast(target_lengths, tf.int32),
        logit_length=tf.cast(input_lengths, tf.int32),
        logits_time_major=False,
        blank_index=0,
    )
    return tf.reduce_mean(losses)
