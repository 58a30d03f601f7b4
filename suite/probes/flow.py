"""Gradient flow: parameters that nothing reaches, gradients that vanish or explode, units and gates that have stopped."""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Operation, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import changed, examples, in_each_mode, probe, restored

NUDGE = 0.02
"""By how much every entry is moved for a second look. What starts at zero on purpose (the last layer of a residual branch,
one factor of a low-rank pair) has gradients of zero behind it, yet only there; 0.02 is a usual size of first weights."""
APART = 1e4
"""Gradients of two layers further apart than this: at one learning rate the one learns in ten thousand steps what the other
does in one."""
DEAD = 0.5
"""Of a layer's units. A unit that is on for a fifth of all inputs is off for all of `EXAMPLES` once in two hundred times."""
EXAMPLES = 24
"""That units are looked at with: the specimen's own, then others of the same scale."""
LIMIT = 0.01
"""How near its limits a gate is taken to be saturated: its slope is below a twenty-fifth of its largest there."""
SATURATED = 0.5
"""Of a gate's outputs: fewer may be so decided on purpose."""


@probe("gradient flow")
def gradient_flow(subject: Subject) -> list[Fault]:
    """Parameters without gradient, and root mean square gradients of weight matrices that lie too far apart."""
    parameters = subject.parameters()
    if not parameters:
        raise Unfit("it has no parameters")
    rng = np.random.default_rng(0)
    with restored(subject):
        here = _sizes(subject)
        nudged = {n: (v + NUDGE * rng.standard_normal(v.shape)).astype(v.dtype) for n, v in parameters.items()}
        subject.load(nudged)
        near = _sizes(subject)
    faults = [
        Fault(
            name,
            f"no gradient reaches it: its {values.size} entries do not train",
            0.0,
            0.0,
            "use it on the way to the loss, without detach, rounding or a copy in between; or take it out",
        )
        for name, values in parameters.items()
        if values.size and not any(sizes[name] for sizes in (*here, *near))
    ]
    operations = in_each_mode(lambda training: subject.operations(subject.inputs(), subject.targets(), training))[-1]
    factors = {token for each in operations if each.name == "product" for token in each.input_tokens}
    matrices = [name for name, values in parameters.items() if values.ndim > 1 and subject.token(name) in factors]
    apart = [found for sizes in (here[0], near[0]) if (found := _furthest(sizes, matrices))]
    if len(apart) == 2 and min(ratio for *_, ratio in apart) > APART:
        faults.append(_unbalanced(*apart[0], matrices))
    return faults


def _sizes(subject: Subject) -> list[dict[str, float]]:
    """Root mean squares of the gradients' entries that are not zero, in each mode; 0 where there are none."""

    def sizes(training: bool) -> dict[str, float]:
        gradients = subject.gradients(subject.inputs(), subject.targets(), training)
        return {name: _size(gradients.parameters.get(name)) for name in subject.parameters()}

    return in_each_mode(sizes)


def _size(gradient: Array | None) -> float:
    entries = np.zeros(0) if gradient is None else gradient[gradient != 0].astype(np.float64)
    return float(np.sqrt(np.mean(entries**2))) if entries.size else 0.0


def _furthest(sizes: dict[str, float], matrices: list[str]) -> tuple[str, str, float] | None:
    """The matrices with the smallest and the largest gradient, and how many times larger that is."""
    reached = [name for name in matrices if sizes[name] and np.isfinite(sizes[name])]
    if len(reached) < 2:
        return None
    smallest, largest = min(reached, key=sizes.__getitem__), max(reached, key=sizes.__getitem__)
    return smallest, largest, sizes[largest] / sizes[smallest]


def _unbalanced(smallest: str, largest: str, ratio: float, matrices: list[str]) -> Fault:
    vanishes = matrices.index(smallest) < matrices.index(largest)
    where, word, other = (smallest, "smaller", largest) if vanishes else (largest, "larger", smallest)
    sentence = (
        f"its gradient is {ratio:.2g} times {word} than that of {other}: it {'vanishes' if vanishes else 'explodes'}"
    )
    remedy = "start with weights of variance 2/n (relu) or 1/n, normalise, add residual paths, avoid what saturates"
    return Fault(where, sentence, ratio, APART, remedy)


@probe("dead units")
def dead_units(subject: Subject) -> list[Fault]:
    """Units of a relu that are zero for every example and every draw, as a share of the layer."""
    rng = np.random.default_rng(0)
    first, *others = subject.inputs()
    draws = [first] + [changed(first, (), rng) for _ in range(1, -(-EXAMPLES // examples(subject, 1)))]
    layers = [_forward(subject, [draw, *others], ("relu",)) for draw in draws]
    if not layers[0]:
        raise Unfit("it has no relu")
    faults = []
    for seen in zip(*layers, strict=False):
        if (share := _dead([operation.outputs[0] for operation in seen], subject.channels)) > DEAD:
            sentence = f"{share:.0%} of its units are 0 for every example"
            remedy = (
                "start its bias at zero or above, lower the learning rate that killed it, or take a leaky activation"
            )
            faults.append(Fault(seen[0].where, sentence, share, DEAD, remedy))
    return faults


def _dead(outputs: list[Array], channels: int) -> float:
    """Units lie along the axis of channels, or along the last one (of sequences); dead positions are rare, so the larger
    share counts."""
    shares = [0.0]
    for axis in {channels, -1}:
        if outputs[0].ndim > 1 and outputs[0].size:
            on = [np.moveaxis(each > 0, axis, 0).reshape(each.shape[axis], -1).any(axis=1) for each in outputs]
            shares.append(1 - float(np.mean(np.any(on, axis=0))))
    return max(shares)


@probe("saturated gates")
def saturated_gates(subject: Subject) -> list[Fault]:
    """The share of a sigmoid's or tanh's outputs within a hundredth of its limits; the model's own outputs are no gates."""
    outputs = subject.call(subject.inputs())
    gates = [
        each
        for each in _forward(subject, subject.inputs(), ("sigmoid", "tanh"))
        if not any(np.array_equal(each.outputs[0], output) for output in outputs)
    ]
    if not gates:
        raise Unfit("it has no sigmoid or tanh before its outputs")
    faults: dict[str, Fault] = {}
    for gate in gates:
        values = gate.outputs[0]
        low = 0.0 if gate.name == "sigmoid" else -1.0
        share = float(np.mean((values < low + LIMIT) | (values > 1 - LIMIT))) if values.size else 0.0
        if share > SATURATED:
            sentence = (
                f"{share:.0%} of the outputs of {gate.name} lie within {LIMIT} of its limits, where nothing is learnt"
            )
            remedy = "scale down the weights or inputs before it, or normalise what goes in"
            faults.setdefault(gate.where, Fault(gate.where, sentence, share, SATURATED, remedy))
    return list(faults.values())


def _forward(subject: Subject, inputs: list[Array], names: tuple[str, ...]) -> list[Operation]:
    operations = subject.operations(inputs, subject.targets())
    return [each for each in operations if each.phase == "forward" and each.name in names]
