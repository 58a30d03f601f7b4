"""Recurrent layers."""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Integers, Normal, Uniform

_TINY = {
    "tiny": dict(batch=2, seq=3, inputs=5, hidden=4, layers=1, bidirectional=False, ragged=False),
    "tiny.stacked": dict(batch=5, seq=3, inputs=1, hidden=2, layers=2, bidirectional=True, ragged=True),
}
_SIZES = {
    "small": dict(batch=4, seq=16, inputs=24, hidden=32, layers=1, bidirectional=False, ragged=False),
    "medium": dict(batch=16, seq=32, inputs=96, hidden=128, layers=1, bidirectional=False, ragged=False),
    "large": dict(batch=32, seq=64, inputs=256, hidden=256, layers=2, bidirectional=True, ragged=False),
    "medium.ragged": dict(batch=16, seq=32, inputs=96, hidden=128, layers=1, bidirectional=False, ragged=True),
}


def _deepbench(*shapes: tuple[int, int, int]) -> dict[str, dict[str, int | bool]]:
    """One layer as wide as its input, by hidden size, batch and steps. DeepBench itself leaves the input's product out."""
    return {
        f"deepbench.h{hidden}.b{batch}.t{seq}": dict(
            batch=batch, seq=seq, inputs=hidden, hidden=hidden, layers=1, bidirectional=False, ragged=False
        )
        for hidden, batch, seq in shapes
    }


def _tensors(p: Problem, gates: int, states: tuple[str, ...], n_bias: bool = False) -> dict[str, Tensor]:
    """The input, the initial states and, layer by layer, the weights forward and then in reverse."""
    directions = 2 if p.bidirectional else 1
    tensors = {
        "x": Input("B T I", (p.batch, p.seq, p.inputs)),
        "lengths": Input("B", (p.batch,), Integers(1 if p.ragged else p.seq, p.seq)),
    }
    for state in states:
        tensors[state] = Input("L B H", (p.layers * directions, p.batch, p.hidden), Normal(0.5))
    draw = Uniform(-(p.hidden**-0.5), p.hidden**-0.5)
    for layer in range(p.layers):
        width = p.inputs if layer == 0 else p.hidden * directions
        for suffix in (f"l{layer}", f"l{layer}_reverse")[:directions]:
            tensors[f"weight_ih.{suffix}"] = Parameter("G I", (gates * p.hidden, width), draw)
            tensors[f"weight_hh.{suffix}"] = Parameter("G H", (gates * p.hidden, p.hidden), draw)
            tensors[f"bias.{suffix}"] = Parameter("G", (gates * p.hidden,), draw)
            if n_bias:
                tensors[f"bias_n.{suffix}"] = Parameter("H", (p.hidden,), draw)
    return tensors


def _outputs(p: Problem, states: tuple[str, ...]) -> dict[str, Tensor]:
    directions = 2 if p.bidirectional else 1
    outputs = {"y": Output("B T H", (p.batch, p.seq, p.hidden * directions))}
    for state in states:
        outputs[state] = Output("L B H", (p.layers * directions, p.batch, p.hidden))
    return outputs


def _cost(p: Problem, gates: int) -> Cost:
    # The products at every step, padding included: what a dense implementation computes. The gates' elementwise work
    # is left out, as in the published counts. A result at the last step has collected from every step before.
    directions = 2 if p.bidirectional else 1
    widths = [p.inputs, *[p.hidden * directions] * (p.layers - 1)]
    products = sum(width + p.hidden for width in widths)
    return Cost(
        flops=2 * p.batch * p.seq * directions * gates * p.hidden * products,
        reduction=max(widths) + p.hidden + p.seq,
    )


@workload(family="recurrent")
class Lstm:
    """Long short-term memory with a forget gate: layers of it, in one direction or both, over sequences of own lengths.

    i, f, g, o = σ, σ, tanh, σ of the four parts of weight_ih · x[b,t] + weight_hh · h[b,t−1] + bias
    c[b,t] = f · c[b,t−1] + i · g
    y[b,t] = h[b,t] = o · tanh c[b,t]

    The rows of the weights hold the gates in the order i, f, g, o; there is one bias and there are no peepholes. A
    reverse direction goes from a sequence's last valid step to its first; y holds forward and reverse side by side and
    is the next layer's x. Steps from `lengths[b]` on have y = 0, and the final states are those after the last step
    that was valid. h0, c0, hn and cn go layer by layer, forward before reverse. Source: Hochreiter and Schmidhuber 1997,
    Long short-term memory; Gers, Schmidhuber and Cummins 2000, Learning to forget, for the forget gate; Schuster and
    Paliwal 1997, Bidirectional recurrent neural networks.

    Published shapes: the training list of DeepBench.
    """

    problems = _TINY | _SIZES | _deepbench((512, 16, 25), (1024, 16, 25), (1536, 8, 50), (256, 16, 150))

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, gates=4, states=("h0", "c0"))

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, ("hn", "cn"))

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, gates=4)


@workload(family="recurrent")
class Gru:
    """Gated recurrent unit whose reset gate follows the product: layers of it, in one direction or both.

    a = weight_ih · x[b,t] + bias and u = weight_hh · h[b,t−1], each in the three parts r, z, n
    r, z = σ(a_r + u_r), σ(a_z + u_z)
    n = tanh(a_n + r · (u_n + bias_n))
    y[b,t] = h[b,t] = (1 − z) · n + z · h[b,t−1]

    The rows of the weights hold the gates in the order r, z, n; bias_n, inside the reset, is the only bias on the hidden
    side. Directions, lengths and the order of states as in `lstm`. Source: Cho et al. 2014, Learning phrase
    representations using RNN encoder-decoder, equations 5 to 8, with the reset moved behind the product as in cuDNN
    (Chetlur et al. 2014, cuDNN, and its manual).

    Published shapes: the training list of DeepBench, which asks for a ReLU in place of the tanh.
    """

    problems = _TINY | _SIZES | _deepbench((512, 32, 1), (1536, 32, 187))

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, gates=3, states=("h0",), n_bias=True)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, ("hn",))

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, gates=3)


@workload(family="recurrent")
class GruResetBefore:
    """Gated recurrent unit as published, its reset gate before the product: layers of it, in one direction or both.

    r, z = σ, σ of the first two parts of weight_ih · x[b,t] + weight_hh · h[b,t−1] + bias
    n = tanh of the third part of weight_ih · x[b,t] + weight_hh · (r · h[b,t−1]) + bias
    y[b,t] = h[b,t] = (1 − z) · n + z · h[b,t−1]

    The rows of the weights hold the gates in the order r, z, n. Directions, lengths and the order of states as in
    `lstm`. Source: Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, equations 5 to 8, with
    biases.
    """

    problems = _TINY | _SIZES

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, gates=3, states=("h0",))

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, ("hn",))

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, gates=3)


@workload(family="recurrent")
class RnnTanh:
    """Simple recurrent network with a hyperbolic tangent: layers of it, in one direction or both.

    y[b,t] = h[b,t] = tanh(weight_ih · x[b,t] + weight_hh · h[b,t−1] + bias)

    Directions, lengths and the order of states as in `lstm`. Source: Elman 1990, Finding structure in time, with tanh
    for the logistic function.

    Published shapes: the training list of DeepBench, which asks for a ReLU in place of the tanh.
    """

    problems = _TINY | _SIZES | _deepbench((1760, 16, 50), (2048, 16, 50), (2560, 16, 50))

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, gates=1, states=("h0",))

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, ("hn",))

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, gates=1)
