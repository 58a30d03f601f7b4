"""Where NaN and infinity come from."""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Gradients, Operation, Subject
from suite.fault import Fault
from suite.probes.probe import in_each_mode, probe

PUT_IN = ("masked_fill", "where", "select_n", "full", "fill", "full_like", "constant_pad_nd", "pad", "concatenate")
"""Operations that put infinities where somebody wants them, as masks do before a softmax."""

REMEDIES = {
    "sqrt": "its slope at 0 is infinite: add a small number under the root",
    "log": "keep its argument away from 0, or take log_softmax, logsigmoid or log1p of what comes before",
    "exp": "subtract the maximum first, or take the framework's softmax, logsumexp or softplus",
    "divide": "add a small number to the divisor; where picks too late, since both branches are differentiated",
    "softmax": "a row in which everything is masked has no softmax: leave it out, or keep one entry",
}
REMEDY = "keep its inputs inside the operation's domain before it, not with a selection after it"


@probe("non-finite")
def non_finite(subject: Subject) -> list[Fault]:
    """The first operation whose NaN or infinity arrives in an output, in the loss or in a gradient."""
    training_first = in_each_mode(lambda training: _first(subject, training))
    return next(filter(None, reversed(training_first)), [])


def _first(subject: Subject, training: bool) -> list[Fault]:
    if not (ends := _ends(subject, training)):
        return []
    for number, given in enumerate([*subject.inputs(), *subject.targets()]):
        if np.isnan(_floating(given)).any():
            return [_given(f"input {number}" if number < len(subject.inputs()) else "a target", given)]
    operations = subject.operations(subject.inputs(), subject.targets(), training, backward=True)
    guilty = [each for each in arriving(operations) if makes(each)]
    arithmetic = [each for each in guilty if each.name.removesuffix("_") not in PUT_IN and each.inputs]
    if found := [*arithmetic, *guilty][:1]:
        return [_made(found[0], ends)]
    named = [(f"input {number}", each) for number, each in enumerate(subject.inputs())]
    for name, given in [*named, *subject.parameters().items(), *subject.states().items()]:
        if _bad(given):
            return [_given(name, given)]
    return [Fault(ends[0], "it is not finite, and no operation that was seen makes it so", np.inf, 0.0, REMEDY)]


def _ends(subject: Subject, training: bool) -> list[str]:
    """What is not finite of what comes out."""
    outputs = subject.call(subject.inputs(), training)
    found: Gradients = subject.gradients(subject.inputs(), subject.targets(), training)
    named = {f"output {number}": each for number, each in enumerate(outputs)}
    named |= {"the loss": np.array(found.loss)}
    named |= {f"the gradient of {name}": each for name, each in found.parameters.items() if each is not None}
    named |= {f"the gradient of input {n}": each for n, each in enumerate(found.inputs) if each is not None}
    return [name for name, values in named.items() if _bad(values)]


def arriving(operations: list[Operation]) -> list[Operation]:
    """Those with NaN or infinity in their outputs that no later operation absorbs, as a softmax absorbs −∞. The backward
    pass absorbs nothing that the forward pass ends with."""
    consumers: dict[int, list[int]] = {}
    arrives: dict[int, bool] = {}
    for place in reversed(range(len(operations))):
        each = operations[place]
        if any(_bad(output) for output in each.outputs):
            later = [other for token in each.output_tokens for other in consumers.get(token, ())]
            same = [other for other in later if each.phase == "backward" or operations[other].phase != "backward"]
            arrives[place] = not same or any(arrives.get(other, False) for other in later)
        for token in each.input_tokens:
            consumers.setdefault(token, []).append(place)
    return [each for place, each in enumerate(operations) if arrives.get(place, False)]


def makes(operation: Operation) -> bool:
    """Whether NaN or infinity comes out where none went in."""
    given, out = ([_floating(each) for each in held] for held in (operation.inputs, operation.outputs))
    return any(
        any(test(each).any() for each in out) > any(test(each).any() for each in given) for test in (np.isnan, np.isinf)
    )


def _made(operation: Operation, ends: list[str]) -> Fault:
    values = np.concatenate([np.ravel(_floating(each)) for each in operation.outputs])
    count = int(np.sum(~np.isfinite(values)))
    kind = "NaN" if np.isnan(values).any() else "infinite"
    extremes = "; ".join(_extremes(each) for each in operation.inputs) or "nothing"
    sentence = f"{count} of its {values.size} results are {kind}, of inputs within {extremes}; they arrive in {ends[0]}"
    name = next((each for each in REMEDIES if each in operation.name or f"of {each}" in operation.where), "")
    return Fault(f"{operation.name} in {operation.where}", sentence, float(count), 0.0, REMEDIES.get(name, REMEDY))


def _given(name: str, given: Array) -> Fault:
    count = int(np.sum(~np.isfinite(given)))
    sentence = f"{count} of its {given.size} entries are not finite before anything is computed"
    return Fault(name, sentence, float(count), 0.0, "look at the data, and at what last wrote the weights")


def _extremes(array: Array) -> str:
    return f"[{np.min(array):.3g}, {np.max(array):.3g}]" if array.size else "[]"


def _bad(array: Array) -> bool:
    return not bool(np.isfinite(_floating(array)).all())


def _floating(array: Array) -> Array:
    """Nothing, where the array holds no floating numbers."""
    return array if array.dtype.kind in "fc" else np.zeros(0)
