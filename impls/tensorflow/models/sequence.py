from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.attention import additive_attention
from impls.tensorflow.models.layers import Embedding, Linear, Recurrent, variable
from impls.tensorflow.recurrent import gru_cell


class Classifier(tf.Module):
    def __init__(self, kind, inputs, hidden, classes):
        super().__init__()
        self.recurrent = Recurrent(kind, inputs, hidden)
        self.fc = Linear(hidden, classes)

    def __call__(self, x, training):
        return self.fc(self.recurrent(x)[:, -1])


@implements("rnn_classifier")
class RnnClassifier(Classifier):
    def __init__(self, *, inputs, hidden, classes):
        super().__init__("rnn_tanh", inputs, hidden, classes)


@implements("lstm_classifier")
class LstmClassifier(Classifier):
    def __init__(self, *, inputs, hidden, classes):
        super().__init__("lstm", inputs, hidden, classes)


@implements("gru_classifier")
class GruClassifier(Classifier):
    def __init__(self, *, inputs, hidden, classes):
        super().__init__("gru", inputs, hidden, classes)


@implements("lstm_language_model")
class LstmLanguageModel(tf.Module):
    def __init__(self, *, vocabulary, features, hidden):
        super().__init__()
        self.embedding = Embedding(vocabulary, features)
        self.lstm = Recurrent("lstm", features, hidden, layers=2)
        self.fc = Linear(hidden, vocabulary)

    def __call__(self, ids, training):
        return self.fc(self.lstm(self.embedding(ids)))


@implements("bidirectional_tagger")
class BidirectionalTagger(tf.Module):
    def __init__(self, *, vocabulary, features, hidden, classes):
        super().__init__()
        self.embedding = Embedding(vocabulary, features)
        self.lstm = Recurrent("lstm", features, hidden, bidirectional=True)
        self.fc = Linear(2 * hidden, classes)

    def __call__(self, ids, training):
        return self.fc(self.lstm(self.embedding(ids)))


class Attention(tf.Module):
    def __init__(self, hidden):
        super().__init__()
        self.query_weight, self.key_weight = variable(hidden, hidden), variable(2 * hidden, hidden)
        self.score_weight = variable(hidden)

    def __call__(self, state, encoded):
        own = self.query_weight, self.key_weight, self.score_weight
        return additive_attention(state[:, None], encoded, *own)[:, 0]


@implements("seq2seq_attention")
class Seq2seqAttention(tf.Module):
    def __init__(self, *, vocabulary, features, hidden):
        super().__init__()
        self.source_embedding, self.target_embedding = Embedding(vocabulary, features), Embedding(vocabulary, features)
        self.encoder = Recurrent("gru", features, hidden, bidirectional=True)
        self.bridge = Linear(hidden, hidden)
        self.attention = Attention(hidden)
        self.decoder = Recurrent("gru", features + 2 * hidden, hidden)
        self.fc = Linear(3 * hidden, vocabulary)

    def __call__(self, source, target, training):
        encoded = self.encoder(self.source_embedding(source))
        state = tf.tanh(self.bridge(tf.split(encoded[:, 0], 2, axis=1)[1]))
        weight_ih, weight_hh, bias, bias_n = self.decoder.weights()
        joined = []
        for token in tf.unstack(self.target_embedding(target), axis=1):
            context = self.attention(state, encoded)
            projected = tf.matmul(tf.concat([token, context], axis=1), weight_ih, transpose_b=True) + bias
            (state,) = gru_cell((state,), projected, weight_hh, bias_n)
            joined.append(tf.concat([state, context], axis=1))
        return self.fc(tf.stack(joined, axis=1))
