"""Text by the likeliest token each time, in TensorFlow: tf.while_loop over the tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from impls.interface import Function
from impls.tensorflow.modes import as_mode, traced

Kept = Any
Decode = Callable[[Kept, tf.Tensor, tf.Tensor], tuple[tf.Tensor, Kept]]
"""What was kept, tokens B T and the position of their first ↦ logits of their last, B C, and what is kept now."""


def generation(module: tf.Module, mode: str, task: str, ids: tf.Tensor, new_tokens: int, cached: bool) -> Function:
    batch, seq = ids.shape
    decode, start = (_cached if cached else _uncached)(module, batch, seq + new_tokens)

    def generate(ids: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor, Kept]:
        logits, kept = decode(start, ids, tf.constant(0))
        tokens = tf.TensorArray(ids.dtype, count, element_shape=[batch])

        def step(number: tf.Tensor, logits: tf.Tensor, kept: Kept, tokens: tf.TensorArray) -> tuple[Any, ...]:
            token = tf.argmax(logits, axis=-1, output_type=ids.dtype)
            logits, kept = decode(kept, token[:, None], seq + number)
            return number + 1, logits, kept, tokens.write(number, token)

        number, logits, kept, tokens = tf.while_loop(
            lambda number, *rest: number < count - 1,
            step,
            (tf.constant(0), logits, kept, tokens),
            maximum_iterations=count - 1,
        )
        tokens = tokens.write(number, tf.argmax(logits, axis=-1, output_type=ids.dtype))
        return tf.transpose(tokens.stack()), logits, kept

    if task == "next_token":
        first, _, kept = generate(ids, 1)

        def following(kept: Kept, token: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits, _ = decode(kept, token, tf.constant(seq))
            return tf.argmax(logits, axis=-1, output_type=ids.dtype)[:, None], logits

        one = as_mode(following, mode)
        return traced(lambda ids: one(kept, first), one)

    count = new_tokens if task == "generate" else 1
    return as_mode(lambda ids: generate(ids, count)[:2], mode)


def _cached(module: tf.Module, batch: int, length: int) -> tuple[Decode, Kept]:
    return lambda cache, tokens, place: module.decode(tokens, place, cache), module.empty_cache(batch, length)


def _uncached(module: tf.Module, batch: int, length: int) -> tuple[Decode, Kept]:
    """The whole text for every token, padded to its final length, so that one shape is compiled."""

    def decode(text: tf.Tensor, tokens: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        places = place + tf.range(tokens.shape[1])
        text = tf.tensor_scatter_nd_update(text, places[:, None], tf.transpose(tokens))  # T B
        logits = module(tf.transpose(text), training=False)
        return tf.gather(logits, places[-1], axis=1), text

    return decode, tf.zeros([length, batch], tf.int64)
