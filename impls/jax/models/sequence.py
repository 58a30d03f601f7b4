from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from impls.interface import implements
from impls.jax.attention import additive_attention
from impls.jax.models import layers
from impls.jax.recurrent import gru_cell


def _classified(parameters, x, kind):
    return layers.linear(parameters["fc"], layers.recurrent_layers(parameters["recurrent"], x, kind)[:, -1]), {}


@implements("rnn_classifier")
def rnn_classifier(parameters, states, x, *, training):
    return _classified(parameters, x, "rnn_tanh")


@implements("lstm_classifier")
def lstm_classifier(parameters, states, x, *, training):
    return _classified(parameters, x, "lstm")


@implements("gru_classifier")
def gru_classifier(parameters, states, x, *, training):
    return _classified(parameters, x, "gru")


@implements("lstm_language_model")
def lstm_language_model(parameters, states, ids, *, training):
    x = layers.recurrent_layers(parameters["lstm"], parameters["embedding"]["weight"][ids], "lstm")
    return layers.linear(parameters["fc"], x), {}


@implements("bidirectional_tagger")
def bidirectional_tagger(parameters, states, ids, *, training):
    x = parameters["embedding"]["weight"][ids]
    x = layers.recurrent_layers(parameters["lstm"], x, "lstm", bidirectional=True)
    return layers.linear(parameters["fc"], x), {}


@implements("seq2seq_attention")
def seq2seq_attention(parameters, states, source, target, *, training):
    x = parameters["source_embedding"]["weight"][source]
    encoded = layers.recurrent_layers(parameters["encoder"], x, "gru", bidirectional=True)
    first = jnp.tanh(layers.linear(parameters["bridge"], jnp.split(encoded[:, 0], 2, axis=1)[1]))
    attend, cell = parameters["attention"], parameters["decoder"]
    scores = attend["query_weight"], attend["key_weight"], attend["score_weight"]
    weight_ih, weight_hh, bias, bias_n = (cell[n]["l0"] for n in ("weight_ih", "weight_hh", "bias", "bias_n"))

    def step(state, token):
        context = additive_attention(state[:, None], encoded, *scores)[:, 0]
        projected = jnp.concatenate([token, context], axis=1) @ weight_ih.T + bias
        (state,) = gru_cell((state,), projected, weight_hh, bias_n)
        return state, jnp.concatenate([state, context], axis=1)

    tokens = parameters["target_embedding"]["weight"][target].swapaxes(0, 1)  # T B D
    _, joined = lax.scan(step, first, tokens)
    return layers.linear(parameters["fc"], joined.swapaxes(0, 1)), {}
