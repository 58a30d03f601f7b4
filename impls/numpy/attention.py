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


def _weights(scores, visible=True):
    """The softmax over the last axis of those scores that are visible; 0 where none is."""
    scores = np.where(visible, scores, -np.inf)
    largest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(largest), largest, 0))
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total > 0, total, 1)


def _through_weights(weights, dweights):
    return weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))


def _attend(query, key, value, visible=True):
    """Scaled dot-product attention over the last two axes, and its backward."""
    scale = query.shape[-1] ** -0.5
    weights = _weights(scale * (query @ key.swapaxes(-1, -2)), visible)  # … T S

    def backward(dy):
        dscores = scale * _through_weights(weights, dy @ value.swapaxes(-1, -2))
        return dscores @ key, dscores.swapaxes(-1, -2) @ query, weights.swapaxes(-1, -2) @ dy

    return weights @ value, backward


@implements("grouped_query_attention")
def grouped_query_attention(query, key, value, *, causal):
    batch, heads, seq, head_dim = query.shape
    kv_heads = key.shape[1]
    visible = np.tril(np.ones((seq, seq), dtype=bool)) if causal else True
    # B K group T D against B K 1 T D.
    grouped = query.reshape(batch, kv_heads, heads // kv_heads, seq, head_dim)
    y, attend_backward = _attend(grouped, key[:, :, None], value[:, :, None], visible)

    def backward(dy):  # dy: B H T D
        dquery, dkey, dvalue = attend_backward(dy.reshape(grouped.shape))
        return dquery.reshape(query.shape), dkey.sum(axis=2), dvalue.sum(axis=2)

    return y.reshape(query.shape), backward


@implements("masked_attention")
def masked_attention(query, key, value, mask):
    y, attend_backward = _attend(query, key, value, mask[:, None, None, :])
    return y, lambda dy: (*attend_backward(dy), None)


@implements("sliding_window_attention")
def sliding_window_attention(query, key, value, *, window):
    position = np.arange(query.shape[2])
    distance = position[:, None] - position  # T S
    return _attend(query, key, value, (distance >= 0) & (distance < window))


def _angles(seq, features, base):
    """Position times frequency, T × features/2, in float64."""
    return np.arange(seq)[:, None] * base ** (-2 * np.arange(features // 2) / features)


@implements("rotary_embedding")
def rotary_embedding(x, *, base, pairs):
    half = x.shape[-1] // 2
    angles = _angles(x.shape[2], x.shape[-1], base)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)  # T D/2
    if pairs == "halves":
        first, second = np.s_[..., :half], np.s_[..., half:]
    else:
        first, second = np.s_[..., 0::2], np.s_[..., 1::2]

    def turn(x, sin):
        y = np.empty_like(x)
        y[first] = x[first] * cos - x[second] * sin
        y[second] = x[first] * sin + x[second] * cos
        return y

    def backward(dy):  # dy: B H T D
        return (turn(dy, -sin),)

    return turn(x, sin), backward


@implements("sinusoidal_positions")
def sinusoidal_positions(x, *, base):
    seq, features = x.shape[1:]
    angles = _angles(seq, features, base)
    table = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(seq, features).astype(x.dtype)
    scale = features**0.5

    def backward(dy):  # dy: B T D
        return (scale * dy,)

    return scale * x + table, backward


@implements("additive_attention")
def additive_attention(query, key, query_weight, key_weight, score_weight):
    units = np.tanh((query @ query_weight.T)[:, :, None] + (key @ key_weight.T)[:, None])  # B T S A
    weights = _weights(units @ score_weight)  # B T S

    def backward(dy):  # dy: B T K
        dscores = _through_weights(weights, dy @ key.swapaxes(-1, -2))
        dunits = dscores[..., None] * score_weight * (1 - units**2)
        dprojected_query, dprojected_key = dunits.sum(axis=2), dunits.sum(axis=1)  # B T A, B S A
        return (
            dprojected_query @ query_weight,
            dprojected_key @ key_weight + weights.swapaxes(-1, -2) @ dy,
            np.einsum("bta,btq->aq", dprojected_query, query),
            np.einsum("bsa,bsk->ak", dprojected_key, key),
            np.einsum("bts,btsa->a", dscores, units),
        )

    return weights @ key, backward


@implements("decode_attention")
def decode_attention(query, key, value, key_cache, value_cache, *, filled):
    key_cache, value_cache = key_cache.copy(), value_cache.copy()
    key_cache[:, :, filled] = key
    value_cache[:, :, filled] = value
    seen = np.s_[:, :, : filled + 1]
    y, attend_backward = _attend(query[:, :, None], key_cache[seen], value_cache[seen])

    def backward(dy, dkey_cache, dvalue_cache):  # B H D, B H S D twice
        dquery, dkeys, dvalues = attend_backward(dy[:, :, None])
        dkey_cache, dvalue_cache = dkey_cache.copy(), dvalue_cache.copy()
        dkey_cache[seen] += dkeys
        dvalue_cache[seen] += dvalues
        dkey, dvalue = dkey_cache[:, :, filled].copy(), dvalue_cache[:, :, filled].copy()
        # What was there before the new key and value is lost.
        dkey_cache[:, :, filled] = 0
        dvalue_cache[:, :, filled] = 0
        return dquery[:, :, 0], dkey, dvalue, dkey_cache, dvalue_cache

    return (y[:, :, 0], key_cache, value_cache), backward


@implements("multi_head_attention")
def multi_head_attention(x, in_weight, in_bias, out_weight, out_bias, *, heads, causal):
    batch, seq, features = x.shape
    projected = (x @ in_weight.T + in_bias).reshape(batch, seq, 3, heads, features // heads)
    query, key, value = projected.transpose(2, 0, 3, 1, 4)  # B H T head_dim
    visible = np.tril(np.ones((seq, seq), dtype=bool)) if causal else True
    attended, attend_backward = _attend(query, key, value, visible)
    joined = attended.swapaxes(1, 2).reshape(x.shape)

    def backward(dy):  # dy: B T D
        djoined = (dy @ out_weight).reshape(batch, seq, heads, -1)
        dprojected = np.stack(attend_backward(djoined.swapaxes(1, 2)))  # 3 B H T head_dim
        dprojected = dprojected.transpose(1, 3, 0, 2, 4).reshape(batch, seq, 3 * features)
        return (
            dprojected @ in_weight,
            np.einsum("bto,bti->oi", dprojected, x),
            dprojected.sum(axis=(0, 1)),
            np.einsum("bto,bti->oi", dy, joined),
            dy.sum(axis=(0, 1)),
        )

    return joined @ out_weight.T + out_bias, backward
