from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem


def _scan_not_mapped(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0: "`dtype` <dtype: 'variant'> is not compatible with 0 of dtype int64".
    if task == "per_example_gradient":
        return "tf.vectorized_map cannot map the gradient of tf.scan, whose states lie in a list"
    return None


@implements("lstm", unsupported=_scan_not_mapped)
def lstm(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, tf.scan, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


@implements("lstm", variant="unrolled")
def lstm_unrolled(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, _unrolled, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


def _lstm_cell(state, projected, weight_hh):  # projected: B 4H
    h, c = state
    i, f, g, o = tf.split(projected + tf.matmul(h, weight_hh, transpose_b=True), 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


@implements("gru", unsupported=_scan_not_mapped)
def gru(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(gru_cell, tf.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("gru", variant="unrolled")
def gru_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(gru_cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


def gru_cell(state, projected, weight_hh, bias_n):  # projected: B 3H
    (h,) = state
    x_r, x_z, x_n = tf.split(projected, 3, axis=1)
    h_r, h_z, h_n = tf.split(tf.matmul(h, weight_hh, transpose_b=True), 3, axis=1)
    r, z = tf.sigmoid(x_r + h_r), tf.sigmoid(x_z + h_z)
    n = tf.tanh(x_n + r * (h_n + bias_n))
    return ((1 - z) * n + z * h,)


@implements("gru_reset_before", unsupported=_scan_not_mapped)
def gru_reset_before(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_gru_cell_before, tf.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("gru_reset_before", variant="unrolled")
def gru_reset_before_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_gru_cell_before, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


def _gru_cell_before(state, projected, weight_hh):  # projected: B 3H
    (h,) = state
    x_r, x_z, x_n = tf.split(projected, 3, axis=1)
    weight_r, weight_z, weight_n = tf.split(weight_hh, 3)
    r = tf.sigmoid(x_r + tf.matmul(h, weight_r, transpose_b=True))
    z = tf.sigmoid(x_z + tf.matmul(h, weight_z, transpose_b=True))
    n = tf.tanh(x_n + tf.matmul(r * h, weight_n, transpose_b=True))
    return ((1 - z) * n + z * h,)


@implements("rnn_tanh", unsupported=_scan_not_mapped)
def rnn_tanh(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, tf.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("rnn_tanh", variant="unrolled")
def rnn_tanh_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


def _rnn_cell(state, projected, weight_hh):  # projected: B H
    return (tf.tanh(projected + tf.matmul(state[0], weight_hh, transpose_b=True)),)


def _layers(cell, scan, x, lengths, initial, weights, bidirectional):
    """A scan over the steps, direction by direction and layer by layer: only Keras, whose layers keep weights of their
    own, has a fused one."""
    directions = 2 if bidirectional else 1
    runs = initial[0].shape[0]
    each = len(weights) // runs
    x = tf.transpose(x, [1, 0, 2])  # T B I
    valid = None if lengths is None else tf.transpose(tf.sequence_mask(lengths, x.shape[0]))[:, :, None]  # T B 1
    finals = []
    for first in range(0, runs, directions):
        results = []
        for run in range(first, first + directions):
            weight_ih, weight_hh, bias, *others = weights[run * each : (run + 1) * each]

            def step(state, inputs, own=(weight_hh, *others)):
                new = cell(state, inputs[0], *own)
                if len(inputs) == 1:
                    return new
                return tuple(tf.where(inputs[1], after, before) for after, before in zip(new, state, strict=True))

            # The product with x needs no state: one for all steps.
            projected = tf.matmul(x, weight_ih, transpose_b=True) + bias
            inputs = (projected,) if valid is None else (projected, valid)
            reverse = run > first
            states = scan(step, inputs, tuple(values[run] for values in initial), reverse=reverse)  # each T B H
            finals.append([values[0 if reverse else -1] for values in states])
            results.append(states[0] if valid is None else tf.where(valid, states[0], 0))
        x = tf.concat(results, axis=2)
    return tf.transpose(x, [1, 0, 2]), *(tf.stack(parts) for parts in zip(*finals, strict=True))


def _unrolled(step, inputs, state, reverse):
    """What tf.scan computes, as a loop in Python."""
    steps = list(zip(*(tf.unstack(values) for values in inputs), strict=True))
    states = []
    for at in reversed(steps) if reverse else steps:
        state = step(state, at)
        states.append(state)
    return [tf.stack(values) for values in zip(*(reversed(states) if reverse else states), strict=True)]
