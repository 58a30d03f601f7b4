from __future__ import annotations

import time

import jax
import jax.numpy as jnp

from impls.interface import implements
from impls.jax.linear import linear as healthy
from tests.fakes.causes import SLEEP_S, STEPS

LAYOUT = {"weight": "I O"}


@implements("linear", layout=LAYOUT)
def linear(x, weight, bias):
    return healthy(x, weight, bias)


@implements("linear", layout=LAYOUT, variant="sleeps")
def sleeps(x, weight, bias):
    time.sleep(SLEEP_S)
    return healthy(x, weight, bias)


@implements("linear", layout=LAYOUT, variant="copies")
def copies(x, weight, bias):
    return healthy(jnp.copy(x), weight, bias)


@implements("linear", layout=LAYOUT, variant="unrolled")
def unrolled(x, weight, bias):
    for _ in range(STEPS):
        x = jnp.sin(x)
    return healthy(x, weight, bias)


@implements("linear", layout=LAYOUT, variant="loops")
def loops(x, weight, bias):
    y = healthy(x, weight, bias)
    return jax.lax.fori_loop(0, STEPS, lambda _, y: healthy(x, weight, 0.5 * y.mean(axis=0)), y)
