from __future__ import annotations

import time

import numpy as np

from impls.interface import implements
from impls.numpy.linear import linear as healthy
from tests.fakes.causes import SLEEP_S, STEPS


@implements("linear")
def linear(x, weight, bias):
    return healthy(x, weight, bias)


@implements("linear", variant="sleeps")
def sleeps(x, weight, bias):
    time.sleep(SLEEP_S)
    return healthy(x, weight, bias)


@implements("linear", variant="copies")
def copies(x, weight, bias):
    return healthy(x.copy(), weight, bias)


@implements("linear", variant="unrolled")
def unrolled(x, weight, bias):
    for _ in range(STEPS):
        x = np.sin(x)
    return healthy(x, weight, bias)
