"""Recurrent layers. ONNX puts the steps first, orders the gates otherwise, and has a second bias on the hidden side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tests.truth.outside import Frozen, Truth, frozen_of, random_cases, reference

Array = np.ndarray

# Where ONNX keeps the definition's gates.
GATES = {
    "lstm": (0, 2, 3, 1),  # i, f, g, o in i, o, f, c
    "gru": (1, 0, 2),  # r, z, n in z, r, h
    "gru_reset_before": (1, 0, 2),
    "rnn_tanh": (0,),
}


def truths() -> Iterator[Truth]:
    for case in frozen_of("LSTM"):
        if len(case.inputs) < 8:  # the definition has no peepholes
            yield _frozen("lstm", case)
    for case in frozen_of("GRU"):
        assert "linear_before_reset" not in case.attributes  # 0 is its default
        yield _frozen("gru_reset_before", case)
        # One step from the state 0, without a bias on the hidden side, is the same in both.
        steps = case.inputs[0].shape[case.attributes.get("layout", 0)]
        if steps == 1 and not any(np.split(bias, 2, axis=1)[1].any() for bias in case.inputs[3:4]):
            yield _frozen("gru", case)
    for case in frozen_of("RNN"):
        yield _frozen("rnn_tanh", case)
    for name, rng in random_cases(12, "LSTM"):
        yield _random("lstm", name, rng)
    for name, rng in random_cases(12, "GRU linear_before_reset=1"):
        yield _random("gru", name, rng)
    for name, rng in random_cases(12, "GRU linear_before_reset=0"):
        yield _random("gru_reset_before", name, rng)
    for name, rng in random_cases(12, "RNN"):
        yield _random("rnn_tanh", name, rng)


def _frozen(workload: str, case: Frozen) -> Truth:
    """Some tell the last state only; then the result at every step comes from the evaluator."""
    x, w, r = case.inputs[:3]
    batch_first = case.attributes.get("layout", 0) == 1
    x = x if batch_first else x.swapaxes(0, 1)
    hidden = r.shape[2]
    bias = case.inputs[3] if len(case.inputs) > 3 else np.zeros((1, 2 * w.shape[1]), np.float32)
    y = case.outputs[0]
    if y is None:
        y = reference(case.op, case.inputs, outputs=2, **case.attributes)[0]
    y, last = (y[:, :, 0], case.outputs[1].swapaxes(0, 1)) if batch_first else (y[:, 0].swapaxes(0, 1), case.outputs[1])
    initial = [np.zeros((1, len(x), hidden), np.float32)] * (2 if workload == "lstm" else 1)
    values = [x, np.full(len(x), x.shape[1]), *initial, *_weights(workload, w[0], r[0], bias[0])]
    return Truth(workload, case.source, case.name, dict(bidirectional=False), values, [y, last], "float32")


def _random(workload: str, name: str, rng: np.random.Generator) -> Truth:
    """One layer or two, one direction or both, lengths alike or not; nothing is constant.

    The evaluator has one layer, goes forward and knows no lengths (1.22.0 ignores `direction`, and cannot take
    `sequence_lens`): each sequence is given to it alone, cut to its length, and turned round for the reverse
    direction. It does not tell the last cell state.
    """
    number = int(name.split()[-1])
    layers, directions, ragged = 1 + number % 2, 1 + number // 2 % 2, number // 4 % 3 > 0
    batch, seq, width, hidden = 3, 4, 2, 3
    gates = len(GATES[workload])
    lengths = rng.integers(1, seq + 1, size=batch) if ragged else np.full(batch, seq)
    initial = [rng.normal(size=(layers * directions, batch, hidden)) for _ in range(2 if workload == "lstm" else 1)]
    below = x = rng.normal(size=(batch, seq, width))
    weights: list[Array] = []
    last = np.empty((layers * directions, batch, hidden))
    for layer in range(layers):
        y = np.zeros((batch, seq, directions, hidden))
        for direction in range(directions):
            run = layer * directions + direction
            w, r = rng.normal(size=(gates * hidden, below.shape[2])), rng.normal(size=(gates * hidden, hidden))
            bias = rng.normal(size=2 * gates * hidden)
            weights += _weights(workload, w, r, bias)
            for b, length in enumerate(lengths):
                turn = slice(None, None, -1 if direction else 1)
                steps = below[b, :length][turn, None]
                state = [values[run, b][None, None] for values in initial]
                result, final = _one(workload, [steps, w[None], r[None], bias[None], None, *state], hidden)
                y[b, :length, direction], last[run, b] = result[:, 0, 0][turn], final[0, 0]
        below = y.reshape(batch, seq, directions * hidden)
    values = [x, lengths, *initial, *weights]
    problem = dict(bidirectional=directions == 2)
    return Truth(workload, "onnx reference", name, problem, values, [below, last], "float64")


def _one(workload: str, inputs: Sequence[Array | None], hidden: int) -> list[Array]:
    if workload == "lstm":
        return reference("LSTM", inputs, outputs=2, hidden_size=hidden)
    if workload == "rnn_tanh":
        return reference("RNN", inputs, outputs=2, hidden_size=hidden)
    return reference("GRU", inputs, outputs=2, hidden_size=hidden, linear_before_reset=int(workload == "gru"))


def _weights(workload: str, w: Array, r: Array, bias: Array) -> list[Array]:
    """The definition's from ONNX's: gates in its order, the two biases added but for the hidden side of n."""
    order = GATES[workload]

    def ordered(array: Array) -> Array:
        parts = np.split(array, len(order))
        return np.concatenate([parts[gate] for gate in order])

    of_x, of_h = (ordered(half) for half in np.split(bias, 2))
    if workload != "gru":
        return [ordered(w), ordered(r), of_x + of_h]
    hidden = r.shape[1]
    bias_n = of_h[2 * hidden :].copy()
    return [ordered(w), ordered(r), of_x + np.concatenate([of_h[: 2 * hidden], np.zeros(hidden)]), bias_n]
