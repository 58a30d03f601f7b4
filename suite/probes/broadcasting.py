"""Broadcasting where nobody meant it: a loss of (N, 1) against (N,) that became (N, N)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

from impls.subject import Operation, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import examples, probe

Shape = tuple[int, ...]


@probe("broadcast")
def broadcast(subject: Subject) -> list[Fault]:
    """Whether an operation of the loss joins two values of the same N examples, one with fewer axes than the other, to more
    entries than either has: then every example's output meets every other's target.

    Axes that the loss itself inserted do not count: who writes `x[:, None] - y[None]` means all pairs.
    """
    if subject.specimen.loss is None:
        raise Unfit("it has no loss, in which outputs meet targets")
    number = examples(subject)
    for operation, shapes, entries in _joined(subject.operations(subject.inputs(), subject.targets())):
        fewer, more = sorted(shapes, key=len)
        if len(fewer) < len(more) and fewer[:1] == more[:1] == (number,):
            sentence = f"{more} against {fewer} became {entries} entries, every example against every other"
            remedy = "give outputs and targets the same shape: outputs.squeeze(-1), or targets[:, None]"
            where = f"{operation.name} in {operation.where}"
            return [Fault(where, sentence, float(entries), float(max(map(prod, shapes))), remedy)]
    return []


def _joined(operations: list[Operation]) -> Iterator[tuple[Operation, tuple[Shape, Shape], int]]:
    """Operations of the loss that join two values to more entries than either has; their shapes before they were widened."""
    before: dict[tuple[int, Shape], Shape] = {}
    for operation in (each for each in operations if each.phase == "loss" and each.name != "product"):
        values = list(zip(operation.input_tokens, [each.shape for each in operation.inputs], strict=True))
        results = list(zip(operation.output_tokens, [each.shape for each in operation.outputs], strict=True))
        for token, shape in results:
            if source := next((each for each in values if each[0] == token), None):
                before[token, shape] = before.get(source, source[1]) if _widened(source[1], shape) else shape
        entries = max((prod(shape) for _, shape in [*values, *results]), default=0)
        for one, other in combinations(values, 2):
            shapes = (before.get(one, one[1]), before.get(other, other[1]))
            if one[0] != other[0] and entries > max(map(prod, shapes)):
                yield operation, shapes, entries


def _widened(shape: Shape, wider: Shape) -> bool:
    """Whether axes of length 1 were inserted or repeated, and nothing else."""
    if prod(wider) > prod(shape):
        return True
    return len(wider) > len(shape) and [n for n in shape if n != 1] == [n for n in wider if n != 1]
