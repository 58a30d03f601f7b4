from __future__ import annotations

import torch
from torch import nn

from impls.interface import implements
from impls.pytorch.attention import additive_attention
from impls.pytorch.models.layers import Recurrent


class Classifier(nn.Module):
    def __init__(self, kind, inputs, hidden, classes):
        super().__init__()
        self.recurrent = Recurrent(kind, inputs, hidden)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
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
class LstmLanguageModel(nn.Module):
    def __init__(self, *, vocabulary, features, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features)
        self.lstm = Recurrent("lstm", features, hidden, layers=2)
        self.fc = nn.Linear(hidden, vocabulary)

    def forward(self, ids):
        return self.fc(self.lstm(self.embedding(ids)))


@implements("bidirectional_tagger")
class BidirectionalTagger(nn.Module):
    def __init__(self, *, vocabulary, features, hidden, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features)
        self.lstm = Recurrent("lstm", features, hidden, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, classes)

    def forward(self, ids):
        return self.fc(self.lstm(self.embedding(ids)))


class Attention(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.query_weight = nn.Parameter(torch.empty(hidden, hidden))
        self.key_weight = nn.Parameter(torch.empty(hidden, 2 * hidden))
        self.score_weight = nn.Parameter(torch.empty(hidden))

    def forward(self, state, encoded):
        own = self.query_weight, self.key_weight, self.score_weight
        return additive_attention(state[:, None], encoded, *own)[:, 0]


@implements("seq2seq_attention")
class Seq2seqAttention(nn.Module):
    def __init__(self, *, vocabulary, features, hidden):
        super().__init__()
        self.source_embedding, self.target_embedding = (nn.Embedding(vocabulary, features) for _ in range(2))
        self.encoder = Recurrent("gru", features, hidden, bidirectional=True)
        self.bridge = nn.Linear(hidden, hidden)
        self.attention = Attention(hidden)
        self.decoder = Recurrent("gru", features + 2 * hidden, hidden)
        self.fc = nn.Linear(3 * hidden, vocabulary)

    def forward(self, source, target):
        encoded = self.encoder(self.source_embedding(source))
        state = torch.tanh(self.bridge(encoded[:, 0].chunk(2, dim=1)[1]))
        weight_ih, weight_hh, bias, bias_n = (self.decoder.get_submodule(n)["l0"] for n in self.decoder.names)
        hidden_bias = torch.cat([bias_n.new_zeros(2 * len(bias_n)), bias_n])
        joined = []
        for token in self.target_embedding(target).unbind(dim=1):
            context = self.attention(state, encoded)
            x = torch.cat([token, context], dim=1)
            state = torch.gru_cell(x, state, weight_ih, weight_hh, bias, hidden_bias)
            joined.append(torch.cat([state, context], dim=1))
        return self.fc(torch.stack(joined, dim=1))
