"""Whether a model learns at all, and no more than there is to be learned."""

from __future__ import annotations

from math import isfinite, log

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import SAME, TINY, anew, examples, probe

STEPS = 100
"""Of training. A small model fits a handful of examples within tens of steps of Adam; one that has gained nothing after a
hundred does not learn."""
GAINED = 0.1
"""The share of its first loss by which over-fitting one batch must lower the loss: far less than any model that learns gets,
so that a small model, noise of dropout, or a loss that cannot reach 0 accuse nobody."""
STEADY = 0.1
"""A loss that still falls in the last quarter of the steps, by this share of its whole fall, has a small learning rate."""
FAR = 2.0
"""Logits of standard deviation s have a cross-entropy of s²/2 above chance, at most. Usual initialisations give s ≤ √2, one
nat; the other is for the noise of a small batch."""
FLOOR = 0.8
"""Of log(classes): what nothing can predict costs all of it, but for the noise of `FRESH` batches."""
FRESH = 8


@probe("learning sanity")
def learning_sanity(subject: Subject) -> list[Fault]:
    """Three questions: is the first loss near chance, does training on one batch lower it, and does training on random
    targets not lower it."""
    made = [anew(subject) for _ in range(2)]
    return [*_first(subject), *_fits(made[0]), *_floor(made[1])]


def _first(subject: Subject) -> list[Fault]:
    classes = subject.specimen.classes
    if classes is None or subject.specimen.loss is None or not _whole_numbers(subject.targets()):
        return []
    loss = subject.gradients(subject.inputs(), subject.targets()).loss / _summed(subject)
    if not loss > log(classes) + FAR:
        return []
    sentence = f"before any training the loss is {loss:.3g}; not to know costs log({classes}) = {log(classes):.3g}"
    remedy = "make the last layer's weights smaller, and scale the inputs"
    return [Fault("loss", sentence, loss, log(classes) + FAR, remedy)]


def _fits(subject: Subject) -> list[Fault]:
    """Over-fitting the batch that the person gave."""
    inputs, targets = subject.inputs(), subject.targets()
    before = subject.parameters()
    losses = [_stepped(subject, inputs, targets) for _ in range(STEPS)]
    quarters = [float(np.mean(each)) for each in np.array_split(losses, 4)]
    if not isfinite(losses[0]):
        return []  # of a loss that is not finite from the beginning another probe tells
    gain = (losses[0] - quarters[3]) / max(abs(losses[0]), TINY)
    fall = quarters[0] - quarters[3]
    if gain >= GAINED or (gain > SAME and quarters[2] - quarters[3] >= STEADY * fall):
        return []
    still = [name for name, after in subject.parameters().items() if np.array_equal(before[name], after)]
    sentence = f"after {STEPS} steps on one batch its loss is {quarters[3]:.3g}; it was {losses[0]:.3g}"
    if still:
        sentence += f", and {len(still)} of {len(before)} parameters have not moved"
    remedy = (
        "give the optimizer the parameters that the model computes with, and let a gradient reach them"
        if still
        else "look at the update's sign, the learning rate, and at outputs that cannot become the targets"
    )
    return [Fault(", ".join(still[:3]) or "step", sentence, gain, GAINED, remedy)]


def _floor(subject: Subject) -> list[Fault]:
    """Training on fresh random batches, whose next targets nothing can predict, unless the inputs hold them."""
    classes = subject.specimen.classes
    if classes is None or subject.specimen.loss is None or not _whole_numbers(subject.targets()):
        return []
    rng = np.random.default_rng(0)
    tests = [_fresh(subject, classes, rng) for _ in range(FRESH)]
    chance, count = log(classes), _summed(subject)
    for steps in (0, STEPS):
        for _ in range(steps):
            _stepped(subject, *_fresh(subject, classes, rng))
        loss = float(np.mean([subject.gradients(*each).loss for each in tests])) / count
        if loss < FLOOR * chance:
            sentence = f"the loss on random targets is {loss:.3g} after {steps} steps on others; "
            sentence += f"nothing that does not see them gets below log({classes}) = {chance:.3g}"
            remedy = (
                "let no position see its own target: shift targets by one and mask what is ahead"
                if steps
                else "divide the loss by the number of targets once only"
            )
            return [Fault("loss", sentence, loss, FLOOR * chance, remedy)]
    return []


def _stepped(subject: Subject, inputs: list[Array], targets: list[Array]) -> float:
    try:
        return subject.step(inputs, targets)
    except Exception as error:  # why, the probe for stale graphs tells
        raise Unfit(f"it cannot be trained: {error}") from None


def _fresh(subject: Subject, classes: int, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Random inputs and targets. A target that is an input's neighbour, as in language models, stays so."""
    inputs, targets = subject.inputs(), subject.targets()
    target = targets[0]
    drawn = np.where(target < 0, target, rng.integers(0, classes, target.shape)).astype(target.dtype)
    fresh = []
    for place, each in enumerate(inputs):
        shift = _shift(each, target)
        if place == subject.specimen.mask or each.dtype.kind == "b":
            fresh.append(each)
        elif shift is not None:
            tokens = rng.integers(0, classes, each.shape).astype(each.dtype)
            to, of = _overlap(shift)
            tokens[:, to] = drawn[:, of]
            fresh.append(tokens)
        elif each.dtype.kind == "f":
            scale = float(np.std(each)) or 1.0
            fresh.append((np.mean(each) + scale * rng.standard_normal(each.shape)).astype(each.dtype))
        else:
            fresh.append(rng.choice(np.unique(each), each.shape).astype(each.dtype))
    return fresh, [drawn, *targets[1:]]


def _shift(given: Array, target: Array) -> int | None:
    """By how many positions, of axis 1, the input's entries come after the same entries of the target; None where they do
    not occur in it."""
    if given.dtype.kind not in "iu" or given.shape != target.shape or given.ndim < 2 or given.shape[1] < 3:
        return None
    for shift in (0, 1, -1):
        to, of = _overlap(shift)
        if np.array_equal(given[:, to], target[:, of]):
            return shift
    return None


def _overlap(shift: int) -> tuple[slice, slice]:
    """The input's positions and the target's that hold the same."""
    if shift == 0:
        return slice(None), slice(None)
    return (slice(1, None), slice(None, -1)) if shift > 0 else (slice(None, -1), slice(1, None))


def _whole_numbers(targets: list[Array]) -> bool:
    return bool(targets) and targets[0].dtype.kind in "iu"


def _summed(subject: Subject) -> int:
    """How many targets the loss adds up; 1 where it is their mean. A batch that is there twice doubles a sum."""
    inputs, targets, number = subject.inputs(), subject.targets(), examples(subject, 1)
    once = subject.gradients(inputs, targets).loss
    try:
        doubled = subject.gradients(_doubled(inputs, number), _doubled(targets, number)).loss
    except Exception:  # a model of a fixed batch
        return 1
    is_sum = abs(doubled - 2 * once) < abs(doubled - once)
    return int(np.sum(targets[0] >= 0)) if is_sum else 1


def _doubled(arrays: list[Array], number: int) -> list[Array]:
    return [np.concatenate([each, each]) if each.shape[:1] == (number,) else each for each in arrays]
