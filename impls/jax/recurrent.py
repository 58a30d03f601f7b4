from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from impls.interface import implements


@implements("lstm")
def lstm(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, lax.scan, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


@implements("lstm", variant="unrolled")
def lstm_unrolled(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, _unrolled, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


def _lstm_cell(state, projected, weight_hh):  # projected: B 4H
    h, c = state
    i, f, g, o = jnp.split(projected + h @ weight_hh.T, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_cell(state, projected, weight_hh, bias_n):  # projected: B 3H
    (h,) = state
    x_r, x_z, x_n = jnp.split(projected, 3, axis=1)
    h_r, h_z, h_n = jnp.split(h @ weight_hh.T, 3, axis=1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * (h_n + bias_n))
    return ((1 - z) * n + z * h,)


@implements("gru")
def gru(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(gru_cell, lax.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("gru_reset_before")
def gru_reset_before(x, lengths, h0, *weights, bidirectional, ragged):
    def cell(state, projected, weight_hh):  # projected: B 3H
        (h,) = state
        x_rz, x_n = jnp.split(projected, [2 * h.shape[1]], axis=1)
        weight_rz, weight_n = jnp.split(weight_hh, [2 * h.shape[1]])
        r, z = jnp.split(jax.nn.sigmoid(x_rz + h @ weight_rz.T), 2, axis=1)
        n = jnp.tanh(x_n + (r * h) @ weight_n.T)
        return ((1 - z) * n + z * h,)

    return _layers(cell, lax.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("rnn_tanh")
def rnn_tanh(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, lax.scan, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("rnn_tanh", variant="unrolled")
def rnn_tanh_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


def _rnn_cell(state, projected, weight_hh):  # projected: B H
    return (jnp.tanh(projected + state[0] @ weight_hh.T),)


def _layers(cell, scan, x, lengths, initial, weights, bidirectional):
    """A scan over the steps, direction by direction and layer by layer; JAX has no fused layer for the CPU."""
    directions = 2 if bidirectional else 1
    runs = len(initial[0])
    each = len(weights) // runs
    x = x.swapaxes(0, 1)  # T B I
    valid = None if lengths is None else jnp.arange(len(x))[:, None, None] < lengths[:, None]
    finals = []
    for first in range(0, runs, directions):
        results = []
        for run in range(first, first + directions):
            weight_ih, weight_hh, bias, *others = weights[run * each : (run + 1) * each]

            def step(state, inputs, own=(weight_hh, *others)):
                projected, valid = inputs
                new = cell(state, projected, *own)
                if valid is None:
                    return new, new[0]
                held = tuple(jnp.where(valid, after, before) for after, before in zip(new, state, strict=True))
                return held, jnp.where(valid, new[0], 0)

            state = tuple(values[run] for values in initial)
            # The product with x needs no state: one for all steps.
            final, result = scan(step, state, (x @ weight_ih.T + bias, valid), reverse=run > first)
            finals.append(final)
            results.append(result)
        x = jnp.concatenate(results, axis=2)
    return x.swapaxes(0, 1), *(jnp.stack(parts) for parts in zip(*finals, strict=True))


def _unrolled(step, state, inputs, reverse):
    """What lax.scan computes, as a loop in Python, which jit traces step by step."""
    projected, valid = inputs
    steps = range(len(projected))
    results = [None] * len(projected)
    for t in reversed(steps) if reverse else steps:
        state, results[t] = step(state, (projected[t], None if valid is None else valid[t]))
    return state, jnp.stack(results)
