"""Micro-batches that do not add up to the batch."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import SAME, TINY, change, examples, part, probe

Gradient = dict[str, Array]


@probe("accumulation")
def accumulation(subject: Subject) -> list[Fault]:
    """In evaluation, the gradients of a quarter of the batch and of the rest against the whole batch's: they must add up,
    weighted by the number of examples where the loss is a mean, plainly where it is a sum."""
    if subject.specimen.loss is None:
        raise Unfit("it has no loss")
    with suppress(Unfit):
        subject = subject.in_precision("float64")
    number = examples(subject, 3)
    first = max(1, number // 4)
    cuts = [slice(0, first), slice(first, None)]
    try:
        compares = _compares_examples(subject, number, cuts[1])
    except Exception as error:  # of a model that takes one size of batch only
        raise Unfit(f"it cannot be given a part of its batch: {error}") from None
    if compares:
        raise Unfit("it compares examples with each other, so that a batch is more than its parts")
    whole, zero = _gradient(subject, number, slice(None)), np.zeros(())
    if _apart(whole, _gradient(subject, number, slice(None))) > SAME:
        raise Unfit("its gradients differ from call to call in evaluation")
    parts = [_gradient(subject, number, cut) for cut in cuts]
    share = first / number
    sums = [
        {name: parts[0].get(name, zero) * a + parts[1].get(name, zero) * b for name in whole}
        for a, b in ((share, 1 - share), (1.0, 1.0))
    ]
    figure = min(_apart(whole, each) for each in sums)
    if figure <= SAME:
        return []
    coupled = _coupled(subject, number, cuts[0])
    sentence = (
        f"gradients of {first} and of {number - first} examples add up to something {figure:.2g} off the whole batch's"
    )
    remedy = (
        "in evaluation use running statistics, and normalise within each example"
        if coupled
        else "divide by what is the same for all parts: sum over what counts, and divide by the whole batch's count"
    )
    return [Fault(coupled or "loss", sentence, figure, SAME, remedy)]


def _gradient(subject: Subject, number: int, which: slice) -> Gradient:
    found = subject.gradients(part(subject.inputs(), number, which), part(subject.targets(), number, which))
    return {name: each.astype(np.float64) for name, each in found.parameters.items() if each is not None}


def _apart(one: Gradient, other: Gradient) -> float:
    """The largest difference of a parameter's gradient, relative to the gradient of all."""
    size = float(np.sqrt(sum(float(np.sum(each**2)) for each in one.values())))
    return max((float(np.linalg.norm(one[n] - other.get(n, 0.0))) for n in one), default=0.0) / max(size, TINY)


def _compares_examples(subject: Subject, number: int, fewer: slice) -> bool:
    """Whether some result has two axes more or fewer entries when the batch has: a table of all pairs of examples."""
    inputs, targets = subject.inputs(), subject.targets()
    whole = subject.operations(inputs, targets)
    some = subject.operations(part(inputs, number, fewer), part(targets, number, fewer))
    for one, other in zip(whole, some):  # noqa: B905 - a loop over examples has more operations
        for a, b in zip(one.outputs, other.outputs):  # noqa: B905
            if (
                one.name == other.name
                and a.ndim == b.ndim
                and sum(m != n for m, n in zip(a.shape, b.shape, strict=True)) > 1
            ):
                return True
    return False


def _coupled(subject: Subject, number: int, which: slice) -> str:
    """The output of these examples that is another one when the rest of the batch is there."""
    whole, alone = subject.call(subject.inputs()), subject.call(part(subject.inputs(), number, which))
    for place, (together, apart) in enumerate(zip(part(whole, number, which), alone, strict=True)):
        if together.shape == apart.shape and change(apart, together) > SAME:
            return f"output {place}"
    return ""
