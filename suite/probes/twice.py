"""What is done twice: a softmax, weight decay, the sum of gradients."""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Operation, Subject
from suite.fault import Fault
from suite.probes.probe import SAME, change, probe

SECOND = ("softmax", "log_softmax", "cross_entropy")


@probe("double work")
def double_work(subject: Subject) -> list[Fault]:
    operations = subject.operations(subject.inputs(), subject.targets())
    return [*_softmax(operations), *_decay(subject, operations), *_gradients(subject)]


def _softmax(operations: list[Operation]) -> list[Fault]:
    """A softmax of a softmax's output, along the same axis: along another one it is a normalisation of its own, and that of
    a logarithm of a softmax changes nothing."""
    probabilities: dict[int, tuple[Operation, int]] = {}
    faults = []
    for operation in operations:
        if operation.name in SECOND and operation.input_tokens[0] in probabilities:
            first, axis = probabilities[operation.input_tokens[0]]
            if axis in _sums_to_one(operation):
                largest = float(operation.inputs[0].max())
                sentence = f"its logits are the probabilities of the softmax in {first.where}, of {largest:.2g} at most"
                remedy = (
                    "leave out the first softmax where a loss takes logits, or tell the loss that it gets probabilities"
                )
                faults.append(Fault(f"{operation.name} in {operation.where}", sentence, 2.0, 1.0, remedy))
        if operation.name == "softmax":
            axes = _sums_to_one(operation)
            if axes:
                probabilities[operation.output_tokens[0]] = (operation, axes[0])
    return faults


def _sums_to_one(operation: Operation) -> list[int]:
    """The axes, from the last, along which what is computed are probabilities."""
    if operation.name == "cross_entropy":
        return [-1]
    values = operation.outputs[0].astype(np.float64)
    values = np.exp(values) if operation.name == "log_softmax" else values
    return [
        axis
        for axis in range(-1, -1 - values.ndim, -1)
        if values.shape[axis] > 1 and np.allclose(values.sum(axis), 1.0, atol=1e-2)
    ]


def _decay(subject: Subject, operations: list[Operation]) -> list[Fault]:
    """Squares of a parameter in the loss, where the optimizer decays it as well."""
    decay = subject.decay()
    if not decay:
        return []
    owners = {subject.token(name): name for name in subject.parameters()}
    faults: dict[str, Fault] = {}
    for operation in operations:
        tokens = set(operation.input_tokens)
        name = owners.get(next(iter(tokens))) if len(tokens) == 1 else None
        if operation.phase != "loss" or name is None or name in faults:
            continue
        if any(_squares(operation.inputs[0], each) for each in operation.outputs):
            sentence = (
                f"the loss holds its squares, in {operation.where}, and the optimizer decays it by {decay:g} besides"
            )
            remedy = "keep one: the penalty in the loss, or the optimizer's weight_decay"
            faults[name] = Fault(name, sentence, decay, 0.0, remedy)
    return list(faults.values())


def _squares(values: Array, result: Array) -> bool:
    """Whether it is the squares, their sum, half of that, or its root: by its numbers, as it has many names."""
    if values.dtype.kind != "f" or np.isin(np.abs(values), (0, 1)).all():
        return False  # those are their own squares
    squares = values.astype(np.float64) ** 2
    total = float(squares.sum())
    if result.shape == values.shape and values.size > 1:
        return change(squares, result) <= SAME
    return result.size == 1 and any(
        change(np.array(each), result.reshape(())) <= SAME for each in (total, total / 2, total**0.5)
    )


def _gradients(subject: Subject) -> list[Fault]:
    """The same step twice from the same weights: gradients that double are those of the first step as well.

    A person who gathers gradients of several batches on purpose does not move the weights meanwhile, and is not accused.
    """
    if subject.specimen.step is None:
        return []
    inputs, targets = subject.inputs(), subject.targets()
    start, states = subject.parameters(), subject.states()
    kept, moved = [], []
    for _ in range(2):
        subject.load(start, states)
        subject.step(inputs, targets)
        kept.append(subject.kept_gradients())
        moved.append({name for name, after in subject.parameters().items() if not np.array_equal(start[name], after)})
    once, twice = kept
    doubled = [
        name
        for name in moved[0] & moved[1] & once.keys() & twice.keys()
        if once[name].any() and change(2 * once[name], twice[name]) <= SAME
    ]
    if not doubled:
        return []
    sentence = (
        f"a second step from the same weights leaves twice the first one's gradients, in {len(doubled)} parameters"
    )
    names = [name for name in start if name in doubled]
    remedy = "set gradients to zero before each backward: optimizer.zero_grad()"
    return [Fault(", ".join(names[:3]), sentence, 2.0, 1.0, remedy)]
