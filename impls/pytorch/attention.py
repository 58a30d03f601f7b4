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
