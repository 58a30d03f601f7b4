"""`jax.test_util.check_grads` of first order, in reverse and in forward mode, with its default step and tolerances."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from tests.checkers.bugs import COUPLING, Array, Function
from tests.checkers.verdicts import Verdict, verdict


def _evaluated(function: Function, x: Any) -> Any:
    mixed = x + COUPLING * jnp.roll(x, -1)
    terms = jnp.maximum(mixed, 0) if function.kinked else jnp.sin(mixed)
    return terms if function.many else terms.sum()


def reverse(function: Function, x: Array) -> Verdict:
    """The fault is in a custom rule for reverse mode."""
    wrapped = jax.custom_vjp(lambda x: _evaluated(function, x))
    wrapped.defvjp(
        lambda x: (_evaluated(function, x), x),
        lambda x, weights: (jnp.asarray(function.pullback(np.asarray(x), np.asarray(weights))),),
    )
    return _checked(wrapped, x, "rev")


def forward(function: Function, x: Array) -> Verdict:
    """The fault is in a custom rule for forward mode."""
    wrapped = jax.custom_jvp(lambda x: _evaluated(function, x))
    wrapped.defjvp(
        lambda primals, tangents: (
            _evaluated(function, *primals),
            jnp.asarray(function.pushforward(np.asarray(primals[0]), np.asarray(tangents[0]))),
        )
    )
    return _checked(wrapped, x, "fwd")


def _checked(wrapped: Any, x: Array, mode: str) -> Verdict:
    with jax.enable_x64(True):
        try:
            check_grads(wrapped, (jnp.asarray(x),), order=1, modes=[mode])
        except AssertionError:
            return verdict(True)
    return verdict(False)
