from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("lstm")
def lstm(x, lengths, h0, c0, *weights, bidirectional):
    def cell(x, state, weight_ih, weight_hh, bias):
        h, c = state
        i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias, 4, axis=1)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        c_new = f * c + i * g
        tanh_c = np.tanh(c_new)

        def backward(dh, dc):
            dc = dc + dh * o * (1 - tanh_c**2)
            di, df, dg, do = dc * g, dc * c, dc * i, dh * tanh_c
            parts = [di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)]
            dgates = np.concatenate(parts, axis=1)
            dweights = dgates.T @ x, dgates.T @ h, dgates.sum(axis=0)
            return dgates @ weight_ih, (dgates @ weight_hh, dc * f), dweights

        return (o * tanh_c, c_new), backward

    return _layers(cell, x, lengths, (h0, c0), weights, bidirectional)


@implements("gru")
def gru(x, lengths, h0, *weights, bidirectional):
    def cell(x, state, weight_ih, weight_hh, bias, bias_n):
        (h,) = state
        x_r, x_z, x_n = np.split(x @ weight_ih.T + bias, 3, axis=1)
        h_r, h_z, h_n = np.split(h @ weight_hh.T, 3, axis=1)
        r, z = _sigmoid(x_r + h_r), _sigmoid(x_z + h_z)
        inner = h_n + bias_n
        n = np.tanh(x_n + r * inner)

        def backward(dh):
            dn = dh * (1 - z) * (1 - n**2)
            dr = dn * inner * r * (1 - r)
            dz = dh * (h - n) * z * (1 - z)
            dx_side = np.concatenate([dr, dz, dn], axis=1)
            dh_side = np.concatenate([dr, dz, dn * r], axis=1)
            dweights = dx_side.T @ x, dh_side.T @ h, dx_side.sum(axis=0), (dn * r).sum(axis=0)
            return dx_side @ weight_ih, (dh_side @ weight_hh + dh * z,), dweights

        return ((1 - z) * n + z * h,), backward

    return _layers(cell, x, lengths, (h0,), weights, bidirectional)


@implements("gru_reset_before")
def gru_reset_before(x, lengths, h0, *weights, bidirectional):
    def cell(x, state, weight_ih, weight_hh, bias):
        (h,) = state
        x_r, x_z, x_n = np.split(x @ weight_ih.T + bias, 3, axis=1)
        weight_r, weight_z, weight_n = np.split(weight_hh, 3)
        r, z = _sigmoid(x_r + h @ weight_r.T), _sigmoid(x_z + h @ weight_z.T)
        kept = r * h
        n = np.tanh(x_n + kept @ weight_n.T)

        def backward(dh):
            dn = dh * (1 - z) * (1 - n**2)
            dkept = dn @ weight_n
            dr = dkept * h * r * (1 - r)
            dz = dh * (h - n) * z * (1 - z)
            dgates = np.concatenate([dr, dz, dn], axis=1)
            dweight_hh = np.concatenate([dr.T @ h, dz.T @ h, dn.T @ kept])
            dprevious = dr @ weight_r + dz @ weight_z + dkept * r + dh * z
            return dgates @ weight_ih, (dprevious,), (dgates.T @ x, dweight_hh, dgates.sum(axis=0))

        return ((1 - z) * n + z * h,), backward

    return _layers(cell, x, lengths, (h0,), weights, bidirectional)


@implements("rnn_tanh")
def rnn_tanh(x, lengths, h0, *weights, bidirectional):
    def cell(x, state, weight_ih, weight_hh, bias):
        (h,) = state
        h_new = np.tanh(x @ weight_ih.T + h @ weight_hh.T + bias)

        def backward(dh):
            dsum = dh * (1 - h_new**2)
            return dsum @ weight_ih, (dsum @ weight_hh,), (dsum.T @ x, dsum.T @ h, dsum.sum(axis=0))

        return (h_new,), backward

    return _layers(cell, x, lengths, (h0,), weights, bidirectional)


def _sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2  # exp(-x) would overflow


def _layers(cell, x, lengths, initial, weights, bidirectional):
    """Every layer over the one below, in one direction or in both, of which the results stand side by side."""
    directions = 2 if bidirectional else 1
    runs = len(initial[0])  # one a layer and direction
    each = len(weights) // runs
    finals, backwards, results = [], [], []
    for run in range(runs):
        state = tuple(values[run] for values in initial)
        own = weights[run * each : (run + 1) * each]
        result, final, back = _one_direction(cell, x, lengths, state, own, reverse=run % directions == 1)
        finals.append(final)
        backwards.append(back)
        results = [result] if run % directions == 0 else [*results, result]
        if len(results) == directions:
            x = np.concatenate(results, axis=2)

    def backward(dy, *dfinals):
        dweights, dinitial = [None] * runs, [None] * runs
        for first in reversed(range(0, runs, directions)):
            dx = 0
            for run, dresult in enumerate(np.split(dy, directions, axis=2), first):
                dstate = [dfinal[run] for dfinal in dfinals]
                dx_part, dinitial[run], dweights[run] = backwards[run](dresult, dstate)
                dx = dx + dx_part
            dy = dx
        dstates = [np.stack(parts) for parts in zip(*dinitial, strict=True)]
        return dx, None, *dstates, *(dweight for own in dweights for dweight in own)

    return (x, *(np.stack(parts) for parts in zip(*finals, strict=True))), backward


def _one_direction(cell, x, lengths, state, weights, reverse):
    """One layer: past a sequence's end its state is held, and the result is 0. In reverse, the end comes first."""
    steps = range(x.shape[1])[::-1] if reverse else range(x.shape[1])
    y = np.zeros((*x.shape[:2], state[0].shape[1]), dtype=x.dtype)
    done = []
    for t in steps:
        new, back = cell(x[:, t], state, *weights)
        valid = (t < lengths)[:, None]
        state = tuple(np.where(valid, after, before) for after, before in zip(new, state, strict=True))
        y[:, t] = np.where(valid, new[0], 0)
        done.append((t, valid, back))

    def backward(dy, dstate):
        dx = np.zeros_like(x)
        dweights = [np.zeros_like(weight) for weight in weights]
        for t, valid, back in reversed(done):
            dh, *dothers = dstate
            dnew = [np.where(valid, d, 0) for d in (dh + dy[:, t], *dothers)]
            dx[:, t], dbefore, dpart = back(*dnew)
            dstate = [np.where(valid, 0, d) + before for d, before in zip(dstate, dbefore, strict=True)]
            dweights = [total + part for total, part in zip(dweights, dpart, strict=True)]
        return dx, dstate, dweights

    return y, state, backward
