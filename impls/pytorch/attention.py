from __future__ import annotations

import torch
import torch.nn.functional as F

from impls.interface import implements


@implements("attention")
def attention(query, key, value, *, causal):
    return F.scaled_dot_product_attention(query, key, value, is_causal=causal)


@implements("attention", variant="written_out")
def attention_written_out(query, key, value, *, causal):
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    if causal:
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ value


@implements("grouped_query_attention")
def grouped_query_attention(query, key, value, *, causal):
    return F.scaled_dot_product_attention(
        query, key, value, dropout_p=0.0, is_causal=causal, scale=query.shape[-1] ** -0.5, enable_gqa=True
    )


@implements("grouped_query_attention", variant="written_out")
def grouped_query_attention_written_out(query, key, value, *, causal):
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)  # B H T D
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    if causal:
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ value


@implements("masked_attention")
def masked_attention(query, key, value, mask):
    # A row without a valid key comes out as 0.
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask[:, None, None, :],
        dropout_p=0.0,
        is_causal=False,
        scale=query.shape[-1] ** -0.5,
        enable_gqa=False,
    )


@implements("masked_attention", variant="written_out")
def masked_attention_written_out(query, key, value, mask):
    visible = mask[:, None, None, :]
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    # Not −∞, which would make a row without a valid key NaN; such a row is made 0 after the softmax.
    weights = scores.masked_fill(~visible, torch.finfo(scores.dtype).min).softmax(dim=-1)
    return weights.masked_fill(~visible, 0.0) @ value


def _window(seq, window, device):
    position = torch.arange(seq, device=device)
    distance = position[:, None] - position  # T S
    return (distance >= 0) & (distance < window)


@implements("sliding_window_attention")
def sliding_window_attention(query, key, value, *, window):
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=_window(query.shape[2], window, query.device),
        dropout_p=0.0,
        is_causal=False,
        scale=query.shape[-1] ** -0.5,
        enable_gqa=False,
    )


@implements("sliding_window_attention", variant="written_out")
def sliding_window_attention_written_out(query, key, value, *, window):
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5  # B H T S
    scores = scores.masked_fill(~_window(query.shape[2], window, query.device), float("-inf"))
    return scores.softmax(dim=-1) @ value


def _angles(x, seq, features, base):
    """Position times frequency, T × features/2."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    frequency = base ** (-2 * torch.arange(features // 2, dtype=dtype, device=x.device) / features)
    return torch.outer(torch.arange(seq, dtype=dtype, device=x.device), frequency)


@implements("rotary_embedding")
def rotary_embedding(x, *, base, pairs):
    angles = _angles(x, x.shape[2], x.shape[3], base)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)  # T D/2
    if pairs == "halves":
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    first, second = x.unflatten(-1, (-1, 2)).unbind(dim=-1)
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(-2)


@implements("sinusoidal_positions")
def sinusoidal_positions(x, *, base):
    seq, features = x.shape[1:]
    angles = _angles(x, seq, features, base)
    table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    return features**0.5 * x + table.to(x.dtype)


@implements("additive_attention")
def additive_attention(query, key, query_weight, key_weight, score_weight):
    units = torch.tanh(F.linear(query, query_weight)[:, :, None] + F.linear(key, key_weight)[:, None])  # B T S A
    return (units @ score_weight).softmax(dim=-1) @ key


@implements("decode_attention")
def decode_attention(query, key, value, key_cache, value_cache, *, filled):
    key_cache = key_cache.select_scatter(key, dim=2, index=filled)
    value_cache = value_cache.select_scatter(value, dim=2, index=filled)
    y = F.scaled_dot_product_attention(
        query[:, :, None],
        key_cache[:, :, : filled + 1],
        value_cache[:, :, : filled + 1],
        dropout_p=0.0,
        is_causal=False,
        scale=query.shape[-1] ** -0.5,
        enable_gqa=False,
    )
    return y[:, :, 0], key_cache, value_cache


@implements("decode_attention", variant="written_out")
def decode_attention_written_out(query, key, value, key_cache, value_cache, *, filled):
    key_cache = key_cache.select_scatter(key, dim=2, index=filled)
    value_cache = value_cache.select_scatter(value, dim=2, index=filled)
    scores = query[:, :, None] @ key_cache[:, :, : filled + 1].transpose(-1, -2) * query.shape[-1] ** -0.5  # B H 1 S
    y = scores.softmax(dim=-1) @ value_cache[:, :, : filled + 1]
    return y[:, :, 0], key_cache, value_cache


@implements("multi_head_attention", layout={"x": "T B D", "y": "T B D"})
def multi_head_attention(x, in_weight, in_bias, out_weight, out_bias, *, heads, causal):
    seq, _, features = x.shape
    hidden = torch.ones(seq, seq, dtype=torch.bool, device=x.device).triu(diagonal=1) if causal else None
    return F.multi_head_attention_forward(
        x,
        x,
        x,
        features,
        heads,
        in_weight,
        in_bias,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=out_weight,
        out_proj_bias=out_bias,
        training=True,
        key_padding_mask=None,
        need_weights=False,
        attn_mask=hidden,
        is_causal=causal,
    )[0]


@implements("multi_head_attention", variant="composed")
def multi_head_attention_composed(x, in_weight, in_bias, out_weight, out_bias, *, heads, causal):
    projected = F.linear(x, in_weight, in_bias).unflatten(-1, (3, heads, -1))  # B T 3 H head_dim
    query, key, value = projected.permute(2, 0, 3, 1, 4)
    attended = F.scaled_dot_product_attention(
        query, key, value, dropout_p=0.0, is_causal=causal, scale=query.shape[-1] ** -0.5, enable_gqa=False
    )
    return F.linear(attended.transpose(1, 2).flatten(-2), out_weight, out_bias)
