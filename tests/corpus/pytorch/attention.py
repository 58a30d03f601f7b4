"""Attention in PyTorch that looks where it should not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.corpus.case import case

BATCH, LENGTH, WIDTH, HEADS = 3, 6, 8, 2


class Attention(nn.Module):
    """Self-attention, written out. With `across_heads` the scores of each token are those between its heads."""

    def __init__(self, across_heads: bool = False, causal: bool = False, look_ahead: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.across_heads, self.causal, self.look_ahead = across_heads, causal, look_ahead

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        batch, length, width = x.shape
        query, key, value = self.project(x).reshape(batch, length, 3, HEADS, width // HEADS).unbind(2)
        if not self.across_heads:
            query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        scores = query @ key.transpose(-2, -1) / (width // HEADS) ** 0.5
        if self.causal:
            allowed = torch.ones(length, length).tril(self.look_ahead).bool()
            scores = scores.masked_fill(~allowed, float("-inf"))
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, float("-inf"))
        mixed = scores.softmax(-1) @ value
        if not self.across_heads:
            mixed = mixed.transpose(1, 2)
        return self.out(mixed.reshape(batch, length, width))


def tokens() -> torch.Tensor:
    return torch.randn(BATCH, LENGTH, WIDTH, generator=torch.Generator().manual_seed(1))


@case("token mixing", "axis 1")
def attention_between_heads(faulty: bool) -> dict[str, Any]:
    return {"model": Attention(across_heads=faulty), "inputs": tokens(), "sequence": 1}


@case("causality", "axis 1")
def mask_that_lets_the_next_token_through(faulty: bool) -> dict[str, Any]:
    return {
        "model": Attention(causal=True, look_ahead=1 if faulty else 0),
        "inputs": tokens(),
        "sequence": 1,
        "causal": True,
    }


@case("padding", "axis 1")
def padded_keys_that_are_attended_to(faulty: bool) -> dict[str, Any]:
    class Encoder(Attention):
        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return super().forward(x, None if faulty else mask)

    return {"model": Encoder(), "inputs": (tokens(), torch.ones(BATCH, LENGTH)), "sequence": 1, "mask": 1}


@case("batch independence", "axis 0")
def attention_over_the_batch(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, dropout=0.0, batch_first=not faulty)
    return {"model": layer, "inputs": tokens(), "sequence": 1}
