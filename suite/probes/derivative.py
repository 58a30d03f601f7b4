"""Gradient check: a backward pass, custom or composed, that is not the derivative."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import TINY, probe

STEP = {"float64": 1e-5, "float32": 1e-2}
"""Of central differences along a direction of length 1 per entry."""
WRONG = {"float64": 1e-5, "float32": 0.05}
"""Relative to the derivative's own scale; differences of a smooth function in float64 are right to 1e-9."""
DIRECTIONS = 4
STEADY = 0.1
"""Where differences of two steps disagree by so much of the discrepancy, there is a kink, and nobody is accused."""


@probe("gradient check")
def gradient_check(subject: Subject) -> list[Fault]:
    """Reverse mode against central differences, tensor by tensor along random directions, in evaluation and float64."""
    with suppress(Unfit):  # its own precision shows what is wrong by more than a few percent
        subject = subject.in_precision("float64")
    inputs, targets = subject.inputs(), subject.targets()
    if subject.loss(inputs, targets) != subject.loss(inputs, targets):
        raise Unfit("its loss differs from call to call in evaluation")
    found = subject.gradients(inputs, targets)
    parameters = subject.parameters()
    faults = []
    tensors = [(name, found.parameters[name], values) for name, values in parameters.items() if values.size]
    tensors += [(f"input {n}", g, inputs[n]) for n, g in enumerate(found.inputs) if inputs[n].dtype.kind == "f"]
    scale = max(
        (float(np.linalg.norm(g) / g.size**0.5) for _, g, _ in tensors if g is not None and g.size), default=0.0
    )
    rng = np.random.default_rng(0)
    for name, gradient, values in tensors:
        figure = max(_discrepancy(subject, name, gradient, values, scale, rng) for _ in range(DIRECTIONS))
        threshold = WRONG[subject.precision]
        if not figure <= threshold:
            sentence = f"the gradient is off by {figure:.2g} of its size from differences of the loss"
            remedy = "derive the backward formula again; look for detach, rounding and custom gradients on the way"
            faults.append(Fault(name, sentence, figure, threshold, remedy))
    return faults


def _discrepancy(
    subject: Subject, name: str, gradient: Array | None, values: Array, scale: float, rng: np.random.Generator
) -> float:
    """|⟨g, d⟩ − D| over the size of ⟨g, d⟩, along a direction of ±1 in a random half of the entries or more."""
    direction = rng.choice([-1.0, 1.0], values.shape)
    own = 0.0 if gradient is None else float(np.sum(gradient.astype(np.float64) * direction))
    size = scale * float(np.sqrt(max(values.size, 1)))
    step = STEP[subject.precision] * max(float(np.std(values)), 1e-3)
    coarse, fine = (_difference(subject, name, values, direction, each) for each in (step, step / 2))
    discrepancy = abs(own - fine)
    if abs(coarse - fine) > STEADY * discrepancy:
        return 0.0
    return discrepancy / max(size, abs(own), abs(fine), TINY)


def _difference(subject: Subject, name: str, values: Array, direction: Array, step: float) -> float:
    """(L(x + h d) − L(x − h d)) / 2h of a parameter or an input."""
    losses = []
    for sign in (1, -1):
        moved = (values + sign * step * direction).astype(values.dtype)
        inputs = subject.inputs()
        if name in subject.parameters():
            subject.load({name: moved})
        else:
            inputs[int(name.removeprefix("input "))] = moved
        losses.append(subject.loss(inputs, subject.targets()))
    if name in subject.parameters():
        subject.load({name: values})
    return (losses[0] - losses[1]) / (2 * step)
