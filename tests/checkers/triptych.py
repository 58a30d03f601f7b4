"""Triptych's own checks, `suite.gradients`, with their thresholds."""

from __future__ import annotations

import numpy as np

from suite.gradients import Finding, ValueAndGradient, Values, check_directions, check_elements
from tests.checkers.bugs import Array, Function
from tests.checkers.verdicts import Verdict, too_slow, verdict


def _loss(function: Function, x: Array) -> ValueAndGradient:
    """The outputs' sum weighted with random numbers, as the worker takes it. The gradient is only asked for at `x`."""
    weights = np.random.default_rng(1).standard_normal(len(x)) if function.many else np.ones(())
    gradient = {"x": function.pullback(x, weights)}

    def value_and_gradient(values: Values) -> tuple[float, Values]:
        return float(np.sum(weights * function.value(values["x"]))), gradient

    return value_and_gradient


def _answer(finding: Finding) -> Verdict:
    return verdict(not finding.passed, finding.where)


def directions(function: Function, x: Array) -> Verdict:
    """Along three random directions, then narrowed down to an entry."""
    rng = np.random.default_rng(2)
    smooth = not function.kinked
    return _answer(check_directions(_loss(function, x), {"x": x}, ["x"], smooth=smooth, rng=rng))


def elements(function: Function, x: Array) -> Verdict:
    """Along every entry, with four evaluations or more."""
    loss = _loss(function, x)
    return too_slow(lambda: loss({"x": x}), 4 * len(x)) or _answer(
        check_elements(loss, {"x": x}, ["x"], smooth=not function.kinked)[0]
    )
