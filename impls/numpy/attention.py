from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("attention")
def attention(query, key, value, *, causal):
    scale = query.shape[-1] ** -0.5
    scores = scale * (query @ key.swapaxes(-1, -2))  # B H T S
    if causal:
        scores[..., np.triu(np.ones(scores.shape[-2:], dtype=bool), k=1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)

    def backward(dy):  # dy: B H T D
        dweights = dy @ value.swapaxes(-1, -2)
        dscores = scale * weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
        return dscores @ key, dscores.swapaxes(-1, -2) @ query, weights.swapaxes(-1, -2) @ dy

    return weights @ value, backward
