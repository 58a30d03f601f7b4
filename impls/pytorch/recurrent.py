from __future__ import annotations

import torch
from torch._higher_order_ops.scan import scan  # PyTorch has it under no public name yet
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from impls.interface import implements
from suite.workloads import TRANSFORMS, Problem


def _packing_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.13.0: "Attempted to call function marked as skipped".
    if mode == "compile" and p.ragged:
        return "torch.compile(fullgraph=True) refuses torch.nn.utils.rnn.pack_padded_sequence"
    # Forward mode says so, vmap stumbles over it: "Tensor that doesn't have storage", "stack expects … equal size".
    if task in TRANSFORMS and p.ragged:
        return "torch.func cannot transform torch.nn.utils.rnn.pack_padded_sequence"
    return None


def _scan_refused(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.13.0: "scan might be aliasing the input or the output!" where it is compiled, clones or not.
    if task != "forward":
        return "torch's scan is a prototype: compiled it has no gradient, and uncompiled that is traced at every call"
    return None


@implements("lstm", unsupported=_packing_refused)
def lstm(x, lengths, h0, c0, *weights, layers, bidirectional, ragged):
    """What torch.nn.LSTM computes with, whose second bias is 0 here."""
    pairs = [
        each for n in range(0, len(weights), 3) for each in (*weights[n : n + 3], torch.zeros_like(weights[n + 2]))
    ]
    return _fused(torch.lstm, x, lengths if ragged else None, (h0, c0), pairs, layers, bidirectional)


@implements("lstm", variant="unrolled")
def lstm_unrolled(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, _unrolled, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


@implements("lstm", variant="scan", unsupported=_scan_refused)
def lstm_scan(x, lengths, h0, c0, *weights, bidirectional, ragged):
    return _layers(_lstm_cell, _scanned, x, lengths if ragged else None, (h0, c0), weights, bidirectional)


def _lstm_cell(state, projected, weight_hh):  # projected: B 4H
    h, c = state
    i, f, g, o = (projected + h @ weight_hh.T).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@implements("gru", unsupported=_packing_refused)
def gru(x, lengths, h0, *weights, layers, bidirectional, ragged):
    """What torch.nn.GRU computes with; its second bias is 0 here but for n."""
    pairs = []
    for n in range(0, len(weights), 4):
        weight_ih, weight_hh, bias, bias_n = weights[n : n + 4]
        pairs += [weight_ih, weight_hh, bias, torch.cat([bias_n.new_zeros(2 * len(bias_n)), bias_n])]
    return _fused(torch.gru, x, lengths if ragged else None, (h0,), pairs, layers, bidirectional)


@implements("gru", variant="unrolled")
def gru_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    def cell(state, projected, weight_hh, bias_n):  # projected: B 3H
        (h,) = state
        x_r, x_z, x_n = projected.chunk(3, dim=1)
        h_r, h_z, h_n = (h @ weight_hh.T).chunk(3, dim=1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * (h_n + bias_n)).tanh()
        return ((1 - z) * n + z * h,)

    return _layers(cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("gru_reset_before")
def gru_reset_before(x, lengths, h0, *weights, bidirectional, ragged):
    """A loop: torch.nn.GRU resets after the product only."""

    def cell(state, projected, weight_hh):  # projected: B 3H
        (h,) = state
        x_r, x_z, x_n = projected.chunk(3, dim=1)
        weight_r, weight_z, weight_n = weight_hh.chunk(3)
        r, z = (x_r + h @ weight_r.T).sigmoid(), (x_z + h @ weight_z.T).sigmoid()
        n = (x_n + (r * h) @ weight_n.T).tanh()
        return ((1 - z) * n + z * h,)

    return _layers(cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("rnn_tanh", unsupported=_packing_refused)
def rnn_tanh(x, lengths, h0, *weights, layers, bidirectional, ragged):
    """What torch.nn.RNN computes with, whose second bias is 0 here."""
    pairs = [
        each for n in range(0, len(weights), 3) for each in (*weights[n : n + 3], torch.zeros_like(weights[n + 2]))
    ]
    return _fused(torch.rnn_tanh, x, lengths if ragged else None, (h0,), pairs, layers, bidirectional)


@implements("rnn_tanh", variant="unrolled")
def rnn_tanh_unrolled(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, _unrolled, x, lengths if ragged else None, (h0,), weights, bidirectional)


@implements("rnn_tanh", variant="scan", unsupported=_scan_refused)
def rnn_tanh_scan(x, lengths, h0, *weights, bidirectional, ragged):
    return _layers(_rnn_cell, _scanned, x, lengths if ragged else None, (h0,), weights, bidirectional)


def _rnn_cell(state, projected, weight_hh):  # projected: B H
    return ((projected + state[0] @ weight_hh.T).tanh(),)


def _fused(function, x, lengths, initial, weights, layers, bidirectional):
    """`function` over padded sequences of one length, or over packed ones, which come longest first."""
    # No dropout; `train` lets cuDNN keep what its backward needs.
    settings = dict(has_biases=True, num_layers=layers, dropout=0.0, train=True, bidirectional=bidirectional)
    if lengths is None:
        hx = initial if len(initial) > 1 else initial[0]
        return function(x, hx, weights, batch_first=True, **settings)
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    initial = tuple(values.index_select(1, packed.sorted_indices) for values in initial)
    hx = initial if len(initial) > 1 else initial[0]
    data, *finals = function(packed.data, packed.batch_sizes, hx, weights, **settings)
    result = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    y, _ = pad_packed_sequence(result, batch_first=True, padding_value=0.0, total_length=x.shape[1])
    return y, *(values.index_select(1, packed.unsorted_indices) for values in finals)


def _layers(cell, over, x, lengths, initial, weights, bidirectional):
    """The steps by `over`, direction by direction and layer by layer."""
    directions = 2 if bidirectional else 1
    runs = len(initial[0])
    each = len(weights) // runs
    x = x.swapaxes(0, 1)  # T B I
    valid = None if lengths is None else torch.arange(len(x), device=x.device)[:, None, None] < lengths[:, None]
    finals = []
    for first in range(0, runs, directions):
        results = []
        for run in range(first, first + directions):
            weight_ih, weight_hh, bias, *others = weights[run * each : (run + 1) * each]

            def step(state, inputs, own=(weight_hh, *others)):
                projected, *now = inputs
                new = cell(state, projected, *own)
                if not now:
                    return new, new[0]
                held = tuple(torch.where(now[0], after, before) for after, before in zip(new, state, strict=True))
                return held, torch.where(now[0], new[0], 0.0)

            projected = x @ weight_ih.T + bias  # the product with x needs no state: one for all steps
            inputs = (projected,) if valid is None else (projected, valid)
            final, result = over(step, tuple(values[run] for values in initial), inputs, reverse=run > first)
            finals.append(final)
            results.append(result)
        x = torch.cat(results, dim=2)
    return x.swapaxes(0, 1), *(torch.stack(parts) for parts in zip(*finals, strict=True))


def _unrolled(step, state, inputs, reverse):
    """A loop in Python, which a compiler writes out step by step."""
    hidden = []
    for at in zip(*(values.flip(0) if reverse else values for values in inputs), strict=True):
        state, result = step(state, at)
        hidden.append(result)
    return state, torch.stack(hidden[::-1] if reverse else hidden)


def _scanned(step, state, inputs, reverse):
    """One step for the compiler, however many there are. What it returns must be tensors of their own."""

    def apart(state, inputs):
        state, result = step(state, inputs)
        return state, result.clone()

    return scan(apart, state, inputs, reverse=reverse)
