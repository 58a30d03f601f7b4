"""Positions of a sequence: whether they see each other, look ahead, or see padding."""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import SAME, TINY, change, changed, probe

SEEN = 1e-9
"""A change of the output, relative to it, below which a position is taken not to have been seen."""


def positions(subject: Subject) -> tuple[int, int]:
    """The axis that counts positions, and their number. Raises Unfit where the model claims no such axis."""
    axis = subject.specimen.sequence
    if axis is None:
        raise Unfit("nothing says which axis counts positions: --sequence 1")
    length = subject.inputs()[0].shape[axis]
    if length < 3:
        raise Unfit("it takes three positions or more")
    return axis, length


def at(axis: int, place: int | slice) -> tuple[int | slice, ...]:
    """The index of `place` along `axis`."""
    return (*(slice(None),) * axis, place)


def moved(subject: Subject, axis: int, place: int | slice) -> Array:
    """By how much each position of the output changes, relative to the whole output, when `place` of the input does."""
    inputs = subject.inputs()
    other = changed(inputs[0], at(axis, place), np.random.default_rng(0))
    before, after = (subject.call([each, *inputs[1:]])[0] for each in (inputs[0], other))
    if before.ndim <= axis or before.shape[axis] != inputs[0].shape[axis]:
        raise Unfit(f"axis {axis} of the output does not count the same positions")
    difference = np.moveaxis(after.astype(np.float64) - before, axis, 0).reshape(before.shape[axis], -1)
    found: Array = np.linalg.norm(difference, axis=1) / max(float(np.linalg.norm(before.astype(np.float64))), TINY)
    return found


@probe("token mixing")
def token_mixing(subject: Subject) -> list[Fault]:
    """Whether some position of the output depends on another of the input: attention over the wrong axis mixes none."""
    axis, _ = positions(subject)
    figure = float(np.delete(moved(subject, axis, 0), 0).max())
    if figure > SEEN:
        return []
    sentence = "a change of the first position reaches no other: positions are computed each by itself"
    remedy = "look along which axes scores are taken: of (B, H, T, D) they are (T, T), not (H, H)"
    return [Fault(f"axis {axis}", sentence, figure, SEEN, remedy)]


@probe("causality")
def causality(subject: Subject) -> list[Fault]:
    """Whether an output depends on a later position."""
    if not subject.specimen.causal:
        raise Unfit("it does not claim to be causal: --causal")
    axis, length = positions(subject)
    middle = length // 2
    seen = moved(subject, axis, slice(middle, None))[:middle]
    if not (figure := float(seen.max())) > SAME:
        return []
    sentence = f"position {int(np.argmax(seen))} changes by {figure:.2g} of the output when those from {middle} on do"
    remedy = "mask the scores above the diagonal before the softmax, pad convolutions on the left, shift targets by one"
    return [Fault(f"axis {axis}", sentence, figure, SAME, remedy)]


@probe("padding")
def padding(subject: Subject) -> list[Fault]:
    """Whether what stands at padded positions changes the outputs of the others."""
    number = subject.specimen.mask
    if number is None:
        raise Unfit("nothing says which input is the mask: --mask 1")
    axis, length = positions(subject)
    inputs = subject.inputs()
    kept = length // 2
    mask = np.ones_like(inputs[number])
    mask[at(axis, slice(kept, None))] = 0
    inputs[number] = mask
    other = changed(inputs[0], at(axis, slice(kept, None)), np.random.default_rng(0))
    before, after = (subject.call([each, *inputs[1:]])[0] for each in (inputs[0], other))
    counts = before.ndim > axis and before.shape[axis] == length
    place = at(axis, slice(0, kept)) if counts else ()
    figure = change(before[place], after[place])
    if figure <= SAME:
        return []
    sentence = f"what is not padding changes by {figure:.2g} of itself when the padded positions from {kept} on do"
    remedy = "add −∞ to the scores of padded keys, and leave them out of means, sums and maxima"
    return [Fault(f"axis {axis}", sentence, figure, SAME, remedy)]
