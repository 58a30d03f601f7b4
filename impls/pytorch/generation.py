"""Text by the likeliest token each time, in PyTorch: a loop in Python over a compiled or eager decoder."""

from __future__ import annotations

from collections.abc import Callable

import torch

from impls.interface import Function
from impls.pytorch.modes import as_mode

Decode = Callable[[torch.Tensor, int], torch.Tensor]
"""Tokens, B T, and the position of their first ↦ logits of their last, B C."""


def generation(
    module: torch.nn.Module, mode: str, task: str, ids: torch.Tensor, new_tokens: int, cached: bool
) -> Function:
    decode = (_cached if cached else _uncached)(module.eval(), mode, ids, ids.shape[1] + new_tokens)
    seq = ids.shape[1]

    def generate(ids: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        logits = decode(ids, 0)
        tokens = [logits.argmax(-1)]
        for place in range(seq, seq + count - 1):
            logits = decode(tokens[-1][:, None], place)
            tokens.append(logits.argmax(-1))
        return torch.stack(tokens, 1), logits

    if task == "next_token":
        with torch.inference_mode():
            token, _ = generate(ids, 1)

    @torch.inference_mode()
    def function(ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if task == "next_token":  # what it writes into the cache are the numbers that lie there already
            logits = decode(token, seq)
            return logits.argmax(-1, keepdim=True), logits
        return generate(ids, new_tokens if task == "generate" else 1)

    return function


def _cached(module: torch.nn.Module, mode: str, ids: torch.Tensor, length: int) -> Decode:
    """With keys and values of all positions in a buffer that every text is written into anew."""
    with torch.inference_mode():
        caches = module.empty_cache(len(ids), length)
        places = torch.arange(length, device=ids.device)
    decode = as_mode(module.decode, mode)
    return lambda tokens, place: decode(tokens, places[place : place + tokens.shape[1]], *caches)


def _uncached(module: torch.nn.Module, mode: str, ids: torch.Tensor, length: int) -> Decode:
    """The whole text for every token, padded to its final length, so that one shape is compiled."""
    text = torch.zeros(len(ids), length, dtype=torch.long, device=ids.device)
    forward = as_mode(module, mode)

    def decode(tokens: torch.Tensor, place: int) -> torch.Tensor:
        end = place + tokens.shape[1]
        text[:, place:end] = tokens
        return forward(text)[:, end - 1]

    return decode
