"""What outlives a training step and must not: graphs that are kept, and a snapshot that goes on changing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from impls.subject import Array, Subject, Unfit
from suite.fault import Fault
from suite.probes.probe import probe

LATER = 2
"""Steps between two counts of the graphs: two before the first count, so that what a first step sets up is there."""


@probe("stale graph and aliasing")
def stale_graph_and_aliasing(subject: Subject) -> list[Fault]:
    """Four training steps in a row: whether the second fails, whether graphs grow, whether the best weights go along."""
    values = subject.parameters() | subject.states()
    try:
        kept: Callable[[], list[Array]] | None = subject.kept()
    except Unfit:
        kept = None
    before = kept() if kept else []
    faults = _graphs(subject)
    return faults + (_aliases(values, before, kept()) if kept else [])


def _graphs(subject: Subject) -> list[Fault]:
    inputs, targets = subject.inputs(), subject.targets()
    remedy = "detach what is carried from step to step, and keep losses as numbers (loss.item()), not as tensors"
    subject.step(inputs, targets)
    counts: list[dict[str, int]] = []
    for step in range(2, 2 + LATER + 1):
        try:
            subject.step(inputs, targets)
        except Exception as error:  # whatever the framework says of a graph that was used up
            reason = str(error).strip().split("\n")[0].split(". ")[0]
            where = next(iter(subject.graphs()), "step")
            return [Fault(where, f"step {step} fails where the first did not: {reason}", float(step), 0.0, remedy)]
        if step in (2, 2 + LATER):
            counts.append(subject.graphs())
    first, last = counts
    return [
        Fault(
            name,
            f"its graph has {nodes} nodes after {2 + LATER} steps, {first.get(name, 0)} after 2: earlier steps are kept",
            float(nodes),
            float(first.get(name, 0)),
            remedy,
        )
        for name, nodes in last.items()
        if nodes > first.get(name, 0)
    ]


def _aliases(values: dict[str, Array], before: list[Array], after: list[Array]) -> list[Fault]:
    """`values` are parameters and states when the snapshot was taken: its tensors are known by them."""
    moved = [old for old, new in zip(before, after, strict=True) if not np.array_equal(old, new, equal_nan=True)]
    if not moved:
        return []
    known = [next((n for n, v in values.items() if np.array_equal(v, old, equal_nan=True)), "") for old in moved]
    names = list(dict.fromkeys(filter(None, known)))
    sentence = (
        f"{len(moved)} of {len(before)} tensors of the snapshot changed as training went on: they are the live ones"
    )
    remedy = "copy when you keep: copy.deepcopy(model.state_dict()), np.array(weights, copy=True)"
    return [Fault(", ".join(names[:3]) or "snapshot", sentence, float(len(moved)), 0.0, remedy)]
