"""Batch independence: what statistics or masks that leak between examples break."""

from __future__ import annotations

import numpy as np

from impls.subject import Subject
from suite.fault import Fault
from suite.probes.probe import SAME, change, changed, examples, probe


@probe("batch independence")
def batch_independence(subject: Subject) -> list[Fault]:
    """The first example's output, in evaluation, while all other examples become others."""
    inputs, number = subject.inputs(), examples(subject)
    rng = np.random.default_rng(0)
    others = [changed(each, (slice(1, None),), rng) if each.shape[:1] == (number,) else each for each in inputs]
    faults = []
    for output, (before, after) in enumerate(zip(subject.call(inputs), subject.call(others), strict=True)):
        if before.shape[:1] != (number,):
            continue
        figure = change(before[0], after[0])
        if not figure <= SAME:
            sentence = f"the first example's output moves by {figure:.2g} of itself when only the other examples change"
            remedy = (
                "in evaluation use running statistics, and sum, normalise and mask within each example: not over axis 0"
            )
            faults.append(Fault(f"output {output}, axis 0", sentence, figure, SAME, remedy))
    return faults
