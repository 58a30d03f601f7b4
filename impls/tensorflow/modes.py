"""How TensorFlow executes a function: eagerly, as a graph, or compiled by XLA."""

from __future__ import annotations

import tensorflow as tf

from impls.interface import Function


def traced(function: Function, compiled: Function) -> Function:
    """`function`, which calls what was compiled: there the traces are counted."""
    function.traced = compiled
    return function


def as_mode(function: Function, mode: str) -> Function:
    if mode == "eager":
        return function
    return compiled(function, mode)


def compiled(function: Function, mode: str) -> Function:
    return tf.function(function, jit_compile=mode == "xla")
