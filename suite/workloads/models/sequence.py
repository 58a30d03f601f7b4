"""Recurrent models of sequences."""

from __future__ import annotations

from typing import Any

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    concat,
    embedding,
    linear,
    position,
    recurrent,
    reshape,
)
from suite.workloads.models.network import Network, Value

_SIGNALS = {
    "tiny": dict(batch=3, seq=5, inputs=3, hidden=4, classes=3),
    "small": dict(batch=16, seq=32, inputs=8, hidden=32, classes=5),
    "medium": dict(batch=32, seq=64, inputs=32, hidden=128, classes=10),
    "large": dict(batch=64, seq=128, inputs=64, hidden=512, classes=10),
}


def _classifier(net: Network, p: Problem, kind: str) -> None:
    x = net.input("x", "B T I", (p.batch, p.seq, p.inputs))
    x = position(net, "last", recurrent(net, "recurrent", kind, x, p.hidden), p.seq - 1)
    net.output("y", linear(net, "fc", x, p.classes, gain=GLOROT), "B C")
    net.target("labels", "B", (p.batch,), Classes(p.classes))


@model(family="sequence")
class RnnClassifier:
    """A class for a sequence: simple recurrent network, and a linear layer on its last state.

    The recurrence is that of `rnn_tanh`, from a state of zeros. Source: Elman 1990, Finding structure in time.
    """

    loss = "softmax_cross_entropy"
    problems = _SIGNALS

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        _classifier(net, p, "rnn_tanh")


@model(family="sequence")
class LstmClassifier:
    """A class for a sequence: long short-term memory, and a linear layer on its last state.

    The recurrence is that of `lstm`, from states of zeros. Source: Hochreiter and Schmidhuber 1997, Long short-term memory.
    """

    loss = "softmax_cross_entropy"
    problems = _SIGNALS

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        _classifier(net, p, "lstm")


@model(family="sequence")
class GruClassifier:
    """A class for a sequence: gated recurrent unit, and a linear layer on its last state.

    The recurrence is that of `gru`, from a state of zeros. Source: Cho et al. 2014, Learning phrase representations
    using RNN encoder-decoder.
    """

    loss = "softmax_cross_entropy"
    problems = _SIGNALS

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        _classifier(net, p, "gru")


@model(family="sequence")
class LstmLanguageModel:
    """The next token of a text: embedding, two layers of LSTM, and a linear layer over the vocabulary at every position.

    No dropout, and the last layer's weights are its own. Source: Zaremba, Sutskever and Vinyals 2015, Recurrent neural
    network regularization, section 3, without its dropout.

    With a vocabulary of 5000, 256 features and 512 hidden units it has 7,519,112 parameters.
    """

    loss = "token_cross_entropy"
    problems = {
        "tiny": dict(batch=2, seq=4, vocabulary=7, features=3, hidden=4),
        "small": dict(batch=8, seq=32, vocabulary=100, features=32, hidden=64),
        "medium": dict(batch=16, seq=32, vocabulary=1000, features=128, hidden=256),
        "large": dict(batch=64, seq=30, vocabulary=5000, features=256, hidden=512),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        ids = net.input("ids", "B T", (p.batch, p.seq), Classes(p.vocabulary))
        x = embedding(net, "embedding", ids, p.vocabulary, p.features, scale=0.1)
        x = recurrent(net, "lstm", "lstm", x, p.hidden, layers=2)
        net.output("y", linear(net, "fc", x, p.vocabulary, gain=GLOROT), "B T C")
        net.target("labels", "B T", (p.batch, p.seq), Classes(p.vocabulary))


@model(family="sequence")
class BidirectionalTagger:
    """A label for every token: embedding, LSTM in both directions, and a linear layer at every position.

    Source: Graves and Schmidhuber 2005, Framewise phoneme classification with bidirectional LSTM.
    """

    loss = "token_cross_entropy"
    problems = {
        "tiny": dict(batch=2, seq=4, vocabulary=7, features=3, hidden=4, classes=3),
        "small": dict(batch=8, seq=32, vocabulary=100, features=32, hidden=32, classes=9),
        "medium": dict(batch=16, seq=64, vocabulary=5000, features=100, hidden=128, classes=9),
        "large": dict(batch=32, seq=128, vocabulary=20000, features=300, hidden=256, classes=17),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        ids = net.input("ids", "B T", (p.batch, p.seq), Classes(p.vocabulary))
        x = embedding(net, "embedding", ids, p.vocabulary, p.features, scale=0.1)
        x = recurrent(net, "lstm", "lstm", x, p.hidden, bidirectional=True)
        net.output("y", linear(net, "fc", x, p.classes, gain=GLOROT), "B T C")
        net.target("labels", "B T", (p.batch, p.seq), Classes(p.classes))


@model(family="sequence")
class Seq2seqAttention:
    """A sequence from a sequence, with additive attention: the next token of the target, given those before it.

    The encoder is a GRU in both directions over the embedded source. The decoder's state begins as tanh of a linear
    layer of the encoder's backward state at the first position. At every step the state before it is the query of an
    additive attention to the encoder's results; what comes of it stands beside the embedded token and is the input of a
    GRU; state and attention together give the logits by a linear layer. Training is by teacher forcing: all tokens of
    the target are inputs. Source: Bahdanau, Cho and Bengio 2015, Neural machine translation by jointly learning to
    align and translate, section 3 and appendix A, with the GRU of `gru` and a linear output layer.
    """

    loss = "token_cross_entropy"
    problems = {
        "tiny": dict(batch=2, source_seq=4, target_seq=3, vocabulary=7, features=3, hidden=4),
        "small": dict(batch=8, source_seq=10, target_seq=10, vocabulary=50, features=32, hidden=32),
        "medium": dict(batch=16, source_seq=20, target_seq=20, vocabulary=1000, features=128, hidden=128),
        "large": dict(batch=32, source_seq=30, target_seq=30, vocabulary=10000, features=256, hidden=512),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        source = net.input("source", "B S", (p.batch, p.source_seq), Classes(p.vocabulary))
        target = net.input("target", "B T", (p.batch, p.target_seq), Classes(p.vocabulary))
        encoded = embedding(net, "source_embedding", source, p.vocabulary, p.features, scale=0.1)
        encoded = recurrent(net, "encoder", "gru", encoded, p.hidden, bidirectional=True)
        first = position(net, "first", encoded, 0)
        backward = net.elementary(
            "backward", "slice", [first], "B D", (p.batch, p.hidden), axis=1, start=p.hidden, stop=2 * p.hidden
        )
        state = activation(net, "start", linear(net, "bridge", backward, p.hidden, gain=GLOROT), "tanh")
        tokens = embedding(net, "target_embedding", target, p.vocabulary, p.features, scale=0.1)
        joined = []
        for step in range(p.target_seq):
            token = position(net, f"token.{step}", tokens, step)
            state, context = _decoded(net, p, step, encoded, token, state)
            both = concat(net, f"joined.{step}", [state, context], axis=1)
            joined.append(reshape(net, f"joined.{step}.step", both, "B T D", (p.batch, 1, 3 * p.hidden)))
        net.output("y", linear(net, "fc", concat(net, "joined", joined, axis=1), p.vocabulary, gain=GLOROT), "B T C")
        net.target("labels", "B T", (p.batch, p.target_seq), Classes(p.vocabulary))


def _decoded(net: Network, p: Problem, step: int, encoded: Value, token: Value, state: Value) -> tuple[Value, Value]:
    """The decoder's state after this step, and what it attended to: B H and B 2H."""
    query = reshape(net, f"query.{step}", state, "B T Q", (p.batch, 1, p.hidden))
    sizes: dict[str, Any] = dict(
        batch=p.batch, query_seq=1, key_seq=p.source_seq, query_dim=p.hidden, key_dim=2 * p.hidden, units=p.hidden
    )
    attended = {"query": query, "key": encoded}
    context = net.apply(f"attention.{step}", "additive_attention", attended, owner="attention", **sizes)
    context = reshape(net, f"context.{step}", context, "B D", (p.batch, 2 * p.hidden))
    x = concat(net, f"input.{step}", [token, context], axis=1)
    x = reshape(net, f"input.{step}.step", x, "B T I", (p.batch, 1, p.features + 2 * p.hidden))
    before = reshape(net, f"state.{step}", state, "L B H", (1, p.batch, p.hidden))
    after = net.apply(
        f"decoder.{step}",
        "gru",
        {"x": x, "h0": before},
        without={"lengths": 1.0},
        owner="decoder",
        batch=p.batch,
        seq=1,
        inputs=p.features + 2 * p.hidden,
        hidden=p.hidden,
        layers=1,
        bidirectional=False,
        ragged=False,
    )
    return reshape(net, f"state.{step}.after", after, "B D", (p.batch, p.hidden)), context
