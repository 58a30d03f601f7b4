"""`tf.test.compute_gradient` with its default step. It returns the two Jacobians and has no tolerance; they are compared as
in the example of its documentation, with `assertAllClose` and its defaults: 1e-6 of the entry, and 1e-6."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tests.checkers.bugs import COUPLING, Array, Function
from tests.checkers.verdicts import Verdict, too_slow, verdict


def compute_gradient(function: Function, x: Array) -> Verdict:
    """The whole Jacobian: two evaluations an input, and one pullback an output."""

    @tf.custom_gradient
    def wrapped(x: Any) -> Any:
        mixed = x + COUPLING * tf.roll(x, -1, 0)
        terms = tf.nn.relu(mixed) if function.kinked else tf.sin(mixed)
        value = terms if function.many else tf.reduce_sum(terms)
        return value, lambda weights: tf.constant(function.pullback(x.numpy(), weights.numpy()))

    point = tf.constant(x)
    evaluations = len(x) * (3 if function.many else 2)
    if refused := too_slow(lambda: wrapped(point), evaluations):
        return refused
    theoretical, numerical = tf.test.compute_gradient(wrapped, [point])
    try:
        tf.test.TestCase().assertAllClose(theoretical, numerical)
    except AssertionError:
        return verdict(True)
    return verdict(False)
