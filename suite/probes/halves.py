"""What other precisions do to a model: overflow and lost gradients in halves, and float64 that is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from math import floor, log2

import numpy as np

from impls.subject import Array, Operation, Specimen, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import TINY, anew, change, probe

HALVES = ("float16", "bfloat16")
MOVED = 0.1
"""An infinity that moves the outputs by less does no harm: masks of -1e9 become -∞, and the softmax makes 0 of both.
Rounding to bfloat16, 2⁻⁹ for each of a hundred operations in a row, moves them by 2 % (they add as a random walk does)."""
LOST = 0.5
"""The share of a parameter's gradient that has become zero."""
COUNTED = 1e-3
"""Of a parameter's gradient only entries count that are larger than this share of its largest."""
NOISE = 1e-5
"""A parameter whose whole gradient is below this share of the model's largest may have nothing but rounding of float32 in
it, such as the bias of an attention's keys."""
SCALED = 2.0**10
"""What the largest gradient is brought to by scaling the loss: float16 ends at 2¹⁶, which leaves room for what lies
between."""
LARGEST_SCALE = 2.0**15


@probe("low precision")
def low_precision(subject: Subject) -> list[Fault]:
    """The model in float16, bfloat16 and float64: what becomes infinite, what vanishes, and what is silently rounded. Losing
    digits as halves do is no fault."""
    faults, reasons = [], []
    for precision in HALVES:
        try:
            half = subject.in_precision(precision)
            faults += _overflow(subject, half) or _underflow(subject, half)
        except Unfit as unfit:
            reasons.append(str(unfit))
    try:
        faults += _rounded(subject.in_precision("float64"))
    except Unfit as unfit:
        reasons.append(str(unfit))
    if len(reasons) > len(HALVES):
        raise Unfit("; ".join(reasons))
    return faults


def _overflow(subject: Subject, half: Subject) -> list[Fault]:
    """The first operation whose result is not finite there, but is in the model's own precision."""
    if not _harmed(subject, half):
        return []
    inputs, targets = subject.inputs(), subject.targets()
    single = dict(_numbered(subject.operations(inputs, targets, backward=True)))
    for key, operation in _numbered(half.operations(inputs, targets, backward=True)):
        count = sum(int(np.sum(~np.isfinite(each))) for each in _floats(operation.outputs))
        if count and key in single and _finite(single[key].outputs):
            largest = max(float(np.abs(each).max()) for each in _floats(single[key].outputs) if each.size)
            sentence = (
                f"{count} entries are infinite or NaN in {half.precision}; in {subject.precision} they are finite, "
            )
            sentence += f"{largest:.2g} at most"
            remedy = (
                "scale before squaring or summing, choose an epsilon that the precision holds, or keep this in float32"
            )
            return [Fault(_named(operation), sentence, float(count), 0.0, remedy)]
    return []


def _harmed(subject: Subject, half: Subject) -> bool:
    """Whether the halves' result is not finite where the model's own is, or is something else altogether."""
    inputs, targets = subject.inputs(), subject.targets()
    before, after = (each.gradients(inputs, targets) for each in (subject, half))
    for name, own in before.parameters.items():
        there = after.parameters[name]
        if own is not None and there is not None and _finite([own]) and not _finite([there]):
            return True
    if np.isfinite(before.loss) and not np.isfinite(after.loss):
        return True
    outputs = zip(subject.call(inputs), half.call(inputs), strict=True)
    return any(not change(own, there) <= MOVED for own, there in outputs)


def _underflow(subject: Subject, half: Subject) -> list[Fault]:
    """Gradients that are zero there, and are not where the loss is scaled."""
    if subject.specimen.loss is None:
        return []  # how large the gradients of the person's own are, nobody knows
    inputs, targets = subject.inputs(), subject.targets()
    own = {name: g for name, g in subject.gradients(inputs, targets).parameters.items() if g is not None and g.size}
    largest = max((float(np.abs(each).max()) for each in own.values()), default=0.0)
    there = half.gradients(inputs, targets).parameters
    lost = {name: share for name in own if (share := _lost(own[name], there[name], largest)) > LOST}
    if not lost:
        return []
    scale = 2.0 ** floor(log2(min(max(SCALED / largest, 1.0), LARGEST_SCALE)))
    louder = anew(subject, lambda made: _scaled(made, scale)).in_precision(half.precision)
    scaled = dict(zip(subject.parameters(), louder.gradients(inputs, targets).parameters.values(), strict=True))
    faults = []
    for name, share in lost.items():
        kept = _lost(own[name], scaled[name], largest)
        if kept < share / 2:  # else the digits are lost, not the range
            sentence = f"{share:.0%} of the gradient is zero in {half.precision}; "
            sentence += f"{kept:.0%} where the loss is multiplied by {scale:.0f}"
            remedy = (
                "scale the loss, and the gradients back before the step, or use bfloat16, which ends where float32 does"
            )
            faults.append(Fault(name, sentence, share, LOST, remedy))
    return faults


def _lost(own: Array, there: Array | None, largest: float) -> float:
    """The share of entries that are zero there, among those that count."""
    counted = np.abs(own) > max(COUNTED * float(np.abs(own).max()), TINY)
    if there is None or float(np.abs(own).max()) < NOISE * largest or not counted.any():
        return 0.0
    return float(np.mean(there[counted] == 0))


def _scaled(made: Specimen, scale: float) -> Specimen:
    """With its loss so many times as large; as it is where it brings none of its own."""
    loss = made.loss
    return made if loss is None else dataclasses.replace(made, loss=lambda *given: loss(*given) * scale)


def _rounded(double: Subject) -> list[Fault]:
    """Operations that are given float64 and make something smaller of it."""
    faults: dict[str, Fault] = {}
    for operation in double.operations(double.inputs(), double.targets()):
        given = [each for each in operation.inputs if each.dtype == np.float64]
        made = [each for each in _floats(operation.outputs) if each.dtype.itemsize < 8]
        if not given or not made or _named(operation) in faults:
            continue
        figure = max(_rounding(given, each) for each in made)
        if figure > 0:
            sentence = f"float64 goes in and {made[0].dtype} comes out, off by {figure:.1g} of itself"
            remedy = (
                "let the precision follow the input (dtype=x.dtype), in conversions and in tensors that are made inside"
            )
            faults[_named(operation)] = Fault(_named(operation), sentence, figure, 0.0, remedy)
    return list(faults.values())


def _rounding(given: Sequence[Array], made: Array) -> float:
    """What a conversion lost; the precision's own rounding where something was computed."""
    same = [change(each, made) for each in given if each.shape == made.shape]
    return min(same) if same else float(np.finfo(made.dtype).eps)


def _numbered(operations: Sequence[Operation]) -> Iterator[tuple[tuple[str, int], Operation]]:
    """Each with its name, and which of such it is: halves add conversions, which must not shift the rest."""
    seen: dict[str, int] = {}
    for operation in operations:
        seen[operation.name] = seen.get(operation.name, 0) + 1
        yield (operation.name, seen[operation.name]), operation


def _named(operation: Operation) -> str:
    return f"{operation.name} in {operation.where}"


def _floats(arrays: Sequence[Array]) -> list[Array]:
    return [each for each in arrays if each.dtype.kind == "f"]


def _finite(arrays: Sequence[Array]) -> bool:
    return all(bool(np.isfinite(each).all()) for each in _floats(arrays))
