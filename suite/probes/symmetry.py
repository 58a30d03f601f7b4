"""Symmetries that a model claims, which axes mixed up by a reshape break; and how far it sees."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import SAME, change, changed, probe
from suite.probes.tokens import at, positions

SHIFTED = 0.3
"""Where a model sees as far as its borders, their padding disturbs a shift by up to a tenth or two of what moved; what
was mixed up is unrelated to it, which makes √2."""
SHIFTS = (1, 2, 4, 8, 16)
"""A model that halves its maps only keeps up with shifts by a multiple of its stride: one of these has to do."""
UNSEEN = {"float64": 1e-13, "float32": 1e-6}
"""Of the output: a change that rounding alone can make."""
REDRAWS = 4
"""A relu may hide a position from one draw."""

RESHAPED = "exchange axes with transpose or permute; reshape and view only cut up what lies in order"


@probe("permutation equivariance")
def permutation_equivariance(subject: Subject) -> list[Fault]:
    """Whether outputs follow when positions are exchanged; outputs without positions must stay as they are."""
    if subject.specimen.equivariant != "permutation":
        raise Unfit("it does not claim it: --equivariant permutation")
    axis, length = positions(subject)
    order = np.roll(np.random.default_rng(0).permutation(length), 1)
    first, *others = subject.inputs()
    permuted = [np.take(first, order, axis)]
    for each in others:  # masks, and the two axes of adjacency
        for own in range(1, each.ndim):
            each = np.take(each, order, own) if each.shape[own] == length else each
        permuted.append(each)
    faults = []
    for number, (before, after) in enumerate(_called(subject, subject.inputs(), permuted)):
        counts = before.ndim > axis and before.shape[axis] == length
        figure = change(np.take(before, order, axis) if counts else before, after)
        if not figure <= SAME:
            sentence = f"when positions are exchanged, output {number} is off by {figure:.2g} of what it should become"
            faults.append(Fault(f"axis {axis}", sentence, figure, SAME, RESHAPED))
    return faults


@probe("translation equivariance")
def translation_equivariance(subject: Subject) -> list[Fault]:
    """Whether outputs follow when what lies in the middle of the input is shifted; outputs without positions must stay."""
    if subject.specimen.equivariant != "translation":
        raise Unfit("it does not claim it: --equivariant translation")
    faults = []
    for axis in _spatial(subject):
        figure = min(_shifted(subject, axis, by) for by in SHIFTS if by * 4 <= subject.inputs()[0].shape[axis])
        if not figure <= SHIFTED:
            sentence = f"when the middle of the input is shifted along axis {axis}, the output is off by {figure:.2g}"
            faults.append(Fault(f"axis {axis}", sentence, figure, SHIFTED, RESHAPED))
    return faults


def _spatial(subject: Subject) -> list[int]:
    """The axes along which positions lie: the claimed one, else all of the first input but examples and channels."""
    first = subject.inputs()[0]
    if first.dtype.kind != "f":
        raise Unfit("its first input holds no floating numbers, and so no empty background")
    channels = subject.channels % first.ndim if first.ndim else 0
    claimed = subject.specimen.sequence
    axes = [axis for axis in range(1, first.ndim) if axis != channels] if claimed is None else [claimed]
    axes = [axis for axis in axes if first.shape[axis] >= 4]
    if not axes:
        raise Unfit("its first input has no axis of four positions or more: --sequence 1")
    return axes


def _shifted(subject: Subject, axis: int, by: int) -> float:
    """How far the output is from following a shift, in its middle, where borders are far."""
    first, *others = subject.inputs()
    length = first.shape[axis]
    inner = at(axis, slice(length // 4, length - length // 4))
    empty = np.zeros_like(first)
    scene = empty.copy()
    scene[inner] = first[inner]
    calls = [subject.call([each, *others])[0].astype(np.float64) for each in (empty, scene, np.roll(scene, by, axis))]
    background, before, after = calls
    if before.ndim > axis and before.ndim == first.ndim:
        if by * before.shape[axis] % length:
            return float("inf")  # no whole number of the output's positions
        moved = by * before.shape[axis] // length
        kept = at(axis, slice(before.shape[axis] // 4, before.shape[axis] - before.shape[axis] // 4))
        constant = before[kept].mean(axis, keepdims=True)  # what lies everywhere follows any shift
        return change(np.roll(before, moved, axis)[kept] - constant, after[kept] - constant)
    return change(before - background, after - background)


def _called(subject: Subject, inputs: list[Array], others: list[Array]) -> list[tuple[Array, Array]]:
    return list(zip(subject.call(inputs), subject.call(others), strict=True))


@probe("receptive field")
def receptive_field(subject: Subject) -> list[Fault]:
    """How many positions lie between the first and the last that move the output in the middle, or the last one where it is
    causal, along each axis of positions."""
    claimed = subject.specimen.receptive_field
    if claimed is None:
        raise Unfit("nothing says how many positions an output is meant to see: --receptive-field 70")
    with suppress(Unfit):  # what lies far shows in float64 alone
        subject = subject.in_precision("float64")
    faults = []
    for axis in _spatial(subject):
        length = subject.inputs()[0].shape[axis]
        first, last = _seen(subject, axis, length)
        found = last - first + 1
        cut = first == 0 or (last == length - 1 and not subject.specimen.causal)
        if cut and found < claimed:
            raise Unfit(f"it sees all {found} positions of axis {axis} that there are: longer inputs would tell")
        if found != claimed:
            sentence = (
                f"an output sees {found} positions{' or more' if cut else ''}, not the {claimed} that are claimed"
            )
            remedy = "the field is 1 + the sum of (kernel − 1) · dilation · strides before: add layers, or dilate them"
            faults.append(Fault(f"axis {axis}", sentence, float(found), float(claimed), remedy))
    return faults


def _seen(subject: Subject, axis: int, length: int) -> tuple[int, int]:
    """The first and the last position that move the output, by halving: all before a position are changed, or all after."""

    def moves(places: slice) -> bool:
        return any(_moves(subject, axis, places, draw) for draw in range(REDRAWS))

    if not moves(slice(0, length)):
        raise Unfit("no position moves the output")
    low, high = 0, length  # changing [0, low) moves nothing, changing [0, high) does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if moves(slice(0, middle)) else (middle, high)
    first = low
    low, high = first, length  # changing [low, …) moves it, changing [high, …) does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if moves(slice(middle, length)) else (low, middle)
    return first, low


def _moves(subject: Subject, axis: int, places: slice, draw: int) -> bool:
    first, *others = subject.inputs()
    other = changed(first, at(axis, places), np.random.default_rng(draw))
    before, after = (subject.call([each, *others])[0] for each in (first, other))
    if before.ndim <= axis:
        raise Unfit(f"axis {axis} of the output counts no positions")
    place = at(axis, before.shape[axis] - 1 if subject.specimen.causal else before.shape[axis] // 2)
    difference = float(np.max(np.abs(after[place] - before[place]), initial=0.0))
    return difference > UNSEEN[subject.precision] * float(np.max(np.abs(before), initial=0.0))
