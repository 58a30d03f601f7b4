"""Text by the likeliest token each time, in JAX: a scan over the tokens, whose cache is the state that the decoder
returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from impls.interface import Function
from impls.jax.models.gpt2 import empty_cache
from impls.jax.modes import as_mode, traced

Tree = dict[str, Any]
Kept = Any
Decode = Callable[[Tree, Kept, jax.Array], tuple[jax.Array, Kept]]
"""Parameters, what was kept, tokens B T ↦ logits of the last token, B C, and what is kept now."""


def generation(
    function: Callable[..., tuple[Any, Tree]],
    parameters: Tree,
    mode: str,
    task: str,
    ids: jax.Array,
    new_tokens: int,
    cached: bool,
) -> Function:
    decode, begin = (_cached if cached else _uncached)(function, parameters, len(ids), ids.shape[1] + new_tokens)

    def generate(parameters: Tree, ids: jax.Array, count: int) -> tuple[jax.Array, jax.Array, Kept]:
        logits, kept = decode(parameters, begin(), ids)

        def step(carry: tuple[jax.Array, Kept], _: None) -> tuple[tuple[jax.Array, Kept], jax.Array]:
            logits, kept = carry
            token = jnp.argmax(logits, axis=-1)
            return decode(parameters, kept, token[:, None]), token

        (logits, kept), tokens = lax.scan(step, (logits, kept), length=count - 1)
        return jnp.concatenate([tokens.T, jnp.argmax(logits, axis=-1)[:, None]], axis=1), logits, kept

    if task == "next_token":
        first, _, kept = generate(parameters, ids, 1)

        def following(parameters: Tree, kept: Kept, token: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits, _ = decode(parameters, kept, token)
            return jnp.argmax(logits, axis=-1)[:, None], logits

        one = as_mode(following, mode)
        return traced(lambda ids: one(parameters, kept, first), one, lambda ids: (parameters, kept, first))

    count = new_tokens if task == "generate" else 1
    whole = as_mode(lambda parameters, ids: generate(parameters, ids, count)[:2], mode)
    return traced(lambda ids: whole(parameters, ids), whole, lambda ids: (parameters, ids))


def _cached(function: Any, parameters: Tree, batch: int, length: int) -> tuple[Decode, Callable[[], Kept]]:
    def decode(parameters: Tree, cache: Tree, tokens: jax.Array) -> tuple[jax.Array, Tree]:
        logits, cache = function(parameters, cache, tokens, training=False)
        return logits[:, -1], cache

    return decode, lambda: empty_cache(parameters, batch, length, **function.keywords)


def _uncached(function: Any, parameters: Tree, batch: int, length: int) -> tuple[Decode, Callable[[], Kept]]:
    """The whole text for every token, padded to its final length, so that one shape is compiled."""

    def decode(
        parameters: Tree, kept: tuple[jax.Array, jax.Array], tokens: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        text, end = kept
        text = lax.dynamic_update_slice_in_dim(text, tokens, end, axis=1)
        end = end + tokens.shape[1]
        logits, _ = function(parameters, {}, text, training=False)
        return lax.dynamic_index_in_dim(logits, end - 1, axis=1, keepdims=False), (text, end)

    return decode, lambda: (jnp.zeros((batch, length), int), jnp.zeros((), int))
