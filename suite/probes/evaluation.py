"""Evaluation that is none: what stays random in it, what it moves, and statistics that training moves too often."""

from __future__ import annotations

import numpy as np

from impls.subject import Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import SAME, change, probe, restored

FAR = 100.0
"""How far apart, in units of a state's own size, it is started: the batch's share, which may differ from call to call where
there is dropout, is small beside that."""
MISCOUNTED = 0.1
"""Of one update. Counts are whole numbers; this leaves room for rounding where a momentum is 0.999."""


@probe("evaluation determinism")
def evaluation_determinism(subject: Subject) -> list[Fault]:
    """Whether two calls in evaluation, with the same inputs and states, give the same."""
    inputs = subject.inputs()
    with restored(subject):
        before = subject.call(inputs)
    with restored(subject):
        after = subject.call(inputs)
    figure = max((change(*pair) for pair in zip(before, after, strict=True)), default=0.0)
    if figure <= SAME:
        return []
    operations = subject.operations(inputs, subject.targets())
    random = next((each.where for each in operations if each.name == "random"), "output 0")
    sentence = f"two calls in evaluation with the same inputs differ by {figure:.2g} of the output"
    remedy = "let dropout, noise and sampling know the mode (training=self.training); do not trace a model in training"
    return [Fault(random, sentence, figure, SAME, remedy)]


@probe("evaluation mode")
def evaluation_mode(subject: Subject) -> list[Fault]:
    """Whether a call in evaluation leaves the states as they are."""
    before = subject.states()
    if not before:
        raise Unfit("it has no states")
    with restored(subject):
        subject.call(subject.inputs())
        after = subject.states()
    faults = []
    for name in before:
        if not np.array_equal(before[name], after[name], equal_nan=before[name].dtype.kind == "f"):
            figure = float(np.max(np.abs(after[name].astype(np.float64) - before[name]), initial=0.0))
            sentence = f"a call in evaluation moves it, by up to {figure:.2g}"
            remedy = "hand the mode on to every layer, trace a model in evaluation, and update states in training alone"
            faults.append(Fault(name, sentence, figure, 0.0, remedy))
    return faults


@probe("running statistics")
def running_statistics(subject: Subject) -> list[Fault]:
    """How often one training call updates a state, from two starting values: k leave momentumᵏ of what they differ."""
    states, momenta = subject.states(), subject.momenta()
    known = {name: states[name] for name in momenta if name in states and 0 < momenta[name] < 1}
    if not known:
        raise Unfit("no states of it tell their momentum")
    apart = {name: np.maximum(np.abs(values), 1).astype(values.dtype) * FAR for name, values in known.items()}
    called, differentiated = (_left(subject, known, apart, backward) for backward in (False, True))
    faults = []
    for name, momentum in momenta.items():
        if name not in known:
            continue
        updates = [float(np.log(max(left[name], 1e-30)) / np.log(momentum)) for left in (called, differentiated)]
        count = max(updates)  # a backward pass may update again, where it recomputes
        if not abs(count - 1) <= MISCOUNTED:
            sentence = f"one training call updates it {abs(count):.2g} times, going by its momentum of {momentum:.4g}"
            remedy = "call the layer once for each batch, not again when recomputing; keep the new states that it gives"
            faults.append(Fault(name, sentence, count, 1.0, remedy))
    return faults


def _left(
    subject: Subject, start: dict[str, np.ndarray], apart: dict[str, np.ndarray], backward: bool
) -> dict[str, float]:
    """What one training call leaves of a difference of the states at its start, as a share: the median of the entries."""
    found = []
    for begin in (start, {name: start[name] + apart[name] for name in start}):
        with restored(subject):
            subject.load({}, begin)
            if backward:
                subject.gradients(subject.inputs(), subject.targets(), training=True)
            else:
                subject.call(subject.inputs(), training=True)
            found.append(subject.states())
    one, other = found
    return {name: float(np.median((other[name].astype(np.float64) - one[name]) / apart[name])) for name in start}
