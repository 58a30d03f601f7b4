"""How JAX executes a function: as it is, or compiled."""

from __future__ import annotations

import jax

from impls.interface import Function


def traced(function: Function, compiled: Function) -> Function:
    """`function`, which calls what was compiled: there the traces are counted."""
    function.traced = compiled
    return function


def as_mode(function: Function, mode: str) -> Function:
    return jax.jit(function) if mode == "jit" else function
