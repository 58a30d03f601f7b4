"""What a probe is, and the list of all. Runs in the worker, with the model; arrays go in, faults come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from impls.subject import Array, Specimen, Subject, Unfit
from suite.fault import Fault

TINY = 1e-30
SAME = 1e-4
"""Results nearer than this, relatively, are taken for the same: rounding in float32 leaves 1e-7 to 1e-5."""


Answer = TypeVar("Answer")
Probe = Callable[[Subject], list[Fault]]
PROBES: dict[str, Probe] = {}


def probe(name: str) -> Callable[[Probe], Probe]:
    """File the decorated function under `name`. It raises `impls.subject.Unfit` where it cannot be made of a model."""

    def register(function: Probe) -> Probe:
        if name in PROBES:
            raise ValueError(f"there are two probes called {name}")
        PROBES[name] = function
        return function

    return register


def examples(subject: Subject, least: int = 2) -> int:
    """How many examples the inputs hold. Raises Unfit where they are fewer than `least`."""
    first = subject.inputs()[0]
    found = first.shape[0] if first.ndim else 0
    if found < least:
        raise Unfit(f"it takes a batch of {least} examples or more")
    return found


def part(arrays: Sequence[Array], number: int, which: slice) -> list[Array]:
    """The examples `which`, of those arrays whose axis 0 counts `number` examples; the others whole."""
    return [each[which] if each.shape[:1] == (number,) else each for each in arrays]


def anew(subject: Subject, altered: Callable[[Specimen], Specimen] = lambda made: made) -> Subject:
    """The model made once more, with the same weights, and perhaps altered: training leaves more behind than weights, such
    as the state of a person's optimizer."""
    made = type(subject)(lambda: altered(subject.make()))
    parameters = zip(made.parameters(), subject.parameters().values(), strict=True)  # Keras names them anew
    states = zip(made.states(), subject.states().values(), strict=True)
    made.load(dict(parameters), dict(states))
    return made


def in_each_mode(ask: Callable[[bool], Answer]) -> list[Answer]:
    """What is answered in training and in evaluation, in this order; of a model that has but one of them, in that. Raises
    Unfit where there is neither: one example cannot be normalised in training, and some models are written for it alone."""
    found, reasons = [], []
    for training in (True, False):
        try:
            found.append(ask(training))
        except Unfit as reason:
            reasons.append(reason)
    if not found:
        raise reasons[-1]
    return found


@contextmanager
def restored(subject: Subject) -> Iterator[None]:
    """Puts back the parameters and states that there were."""
    parameters, states = subject.parameters(), subject.states()
    try:
        yield
    finally:
        subject.load(parameters, states)


def change(before: np.ndarray, after: np.ndarray) -> float:
    """‖after − before‖ / ‖before‖; infinity where one is not finite and the other is, or another shape."""
    if before.shape != after.shape:
        return float("inf")
    unequal = np.isfinite(before) != np.isfinite(after)
    if unequal.any():
        return float("inf")
    a, b = (np.where(np.isfinite(each), each, 0.0).astype(np.float64) for each in (before, after))
    return float(np.linalg.norm(np.ravel(b - a)) / max(float(np.linalg.norm(np.ravel(a))), TINY))


def changed(array: np.ndarray, where: tuple[slice | int, ...], rng: np.random.Generator) -> np.ndarray:
    """A copy with other values `where`: floats are drawn anew at the same scale, integers exchanged with each other's."""
    copy = np.array(array)
    part = copy[where]
    if array.dtype.kind == "f":
        scale = float(np.std(array)) or 1.0
        copy[where] = (part + scale * rng.standard_normal(part.shape)).astype(array.dtype)
    elif array.dtype.kind == "b":
        copy[where] = ~part
    else:
        values = np.unique(array)
        if len(values) > 1:  # the next larger value that occurs, so that every entry becomes another one
            copy[where] = values[(np.searchsorted(values, part) + 1) % len(values)]
    return copy
