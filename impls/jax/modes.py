"""How JAX executes a function: as it is, or compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from impls.interface import Function


def traced(function: Function, compiled: Function, arguments: Callable[..., tuple[Any, ...]]) -> Function:
    """`function`, which calls `compiled` with those `arguments` that its own stand for.

    So its traces are counted there, and it is lowered with these.
    """
    function.traced = compiled
    if hasattr(compiled, "lower"):
        function.lower = lambda *data: compiled.lower(*arguments(*data))
    return function


def as_mode(function: Function, mode: str, **settings: Any) -> Function:
    """The settings are those of jax.jit."""
    return compiled(function, **settings) if mode == "jit" else function


def compiled(function: Function, **settings: Any) -> Function:
    return jax.jit(function, **settings)
