"""What models need beside `torch.nn`."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.pytorch import attention, recurrent


class MaskedDropout(nn.Module):
    """Dropout by a mask that is given: True where an entry is kept. In inference, x itself."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x, mask=None):
        return x * mask / (1 - self.rate) if self.training else x


class SelfAttention(nn.Module):
    def __init__(self, features, heads, *, causal=False):
        super().__init__()
        self.in_weight = nn.Parameter(torch.empty(3 * features, features))
        self.in_bias = nn.Parameter(torch.empty(3 * features))
        self.out_weight = nn.Parameter(torch.empty(features, features))
        self.out_bias = nn.Parameter(torch.empty(features))
        self.heads, self.causal = heads, causal

    def forward(self, x, places=None, cache=None):
        if cache is not None:
            return self._cached(x, places, cache)
        own = self.in_weight, self.in_bias, self.out_weight, self.out_bias
        return attention.multi_head_attention_composed(x, *own, heads=self.heads, causal=self.causal)

    def _cached(self, x, places, cache):
        """Of x, which stands at these places, to all places up to each; keys and values, 2 B H S D, are kept in the
        cache."""
        query, *new = (
            F.linear(x, self.in_weight, self.in_bias).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        cache.index_copy_(3, places, torch.stack(new))
        known = torch.arange(cache.shape[3], device=x.device) <= places[:, None]  # T S
        attended = F.scaled_dot_product_attention(query, *cache, attn_mask=known)
        return F.linear(attended.transpose(1, 2).flatten(-2), self.out_weight, self.out_bias)


class Recurrent(nn.Module):
    """`kind` is `lstm`, `gru` or `rnn_tanh`, from a state of zeros: what torch.nn's computes with, and one bias as the
    definition."""

    def __init__(self, kind, inputs, hidden, *, layers=1, bidirectional=False):
        super().__init__()
        self.kind, self.hidden, self.layers, self.bidirectional = kind, hidden, layers, bidirectional
        gates = {"lstm": 4, "gru": 3, "rnn_tanh": 1}[kind] * hidden
        directions = 2 if bidirectional else 1
        shapes = {}
        for layer in range(layers):
            width = inputs if layer == 0 else hidden * directions
            for suffix in (f"l{layer}", f"l{layer}_reverse")[:directions]:
                shapes[suffix] = {"weight_ih": (gates, width), "weight_hh": (gates, hidden), "bias": (gates,)}
                shapes[suffix] |= {"bias_n": (hidden,)} if kind == "gru" else {}
        self.suffixes = list(shapes)
        self.names = list(shapes["l0"])
        for name in self.names:
            own = {suffix: torch.empty(shapes[suffix][name]) for suffix in shapes}
            self.add_module(name, nn.ParameterDict(own))

    def forward(self, x):
        weights = [self.get_submodule(name)[suffix] for suffix in self.suffixes for name in self.names]
        zeros = x.new_zeros(len(self.suffixes), len(x), self.hidden)
        states = (zeros, zeros) if self.kind == "lstm" else (zeros,)
        function = getattr(recurrent, self.kind)
        settings = dict(layers=self.layers, bidirectional=self.bidirectional, ragged=False)
        return function(x, None, *states, *weights, **settings)[0]


class CrossAttention(nn.Module):
    """Queries from x; keys and values from the memory."""

    def __init__(self, features, heads):
        super().__init__()
        self.query, self.key = nn.Linear(features, features), nn.Linear(features, features)
        self.value, self.out = nn.Linear(features, features), nn.Linear(features, features)
        self.heads = heads

    def forward(self, x, memory):
        query, key, value = (
            own(source).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # B H T D
            for own, source in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        return self.out(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
