"""Where two frameworks part: one training step of a model in both, layer by layer, forward and backward.

What a layer gave, and the derivative of the loss by it, is held against the oracle's in float64 on the same numbers. A layer's
budget is what rounding may have done up to it: the errors of all layers before it, added like independent ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite import correctness
from suite.cases import Case, Column
from suite.checking import ORACLE, ORACLE_COLUMN, Checker
from suite.plan import Plan
from suite.protocol import load_arrays
from suite.targets import Target
from suite.workers import Workers, scratch_folder

Arrays = dict[str, np.ndarray]
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Layer:
    """One layer in one direction. Errors are ‖difference‖ / ‖oracle‖: of each target's result, and between the two."""

    name: str
    backward: bool
    errors: Mapping[str, float]
    difference: float
    budget: float

    @property
    def beyond(self) -> bool:
        """Whether the two differ by more than rounding explains. NaN does."""
        return not self.difference <= self.budget


@dataclass(frozen=True)
class Divergence:
    """All layers that both targets have, forward in their order and backward in theirs."""

    case: Case
    targets: tuple[str, str]
    layers: list[Layer]

    @property
    def first(self) -> Layer | None:
        """The first layer beyond its budget: forward, or, where all of these agree, backward."""
        return next((layer for layer in self.layers if layer.beyond), None)

    @property
    def suspects(self) -> list[str]:
        """Of the two, those that are beyond the budget there themselves."""
        first = self.first
        return [] if first is None else [name for name, error in first.errors.items() if not error <= first.budget]


def diverge(plan: Plan) -> Divergence:
    """Hold the plan's two columns against each other in its only case. Raises CellFailed where one cannot run."""
    case, (one, other) = plan.cases[0], plan.columns
    with scratch_folder() as scratch:
        targets: list[Target] = [ORACLE, *plan.targets]
        workers = Workers(scratch, targets, case.threads, scratch.folder / "logs", plan.warm_caches)
        try:
            checker = Checker(case, workers, plan.seed, plan.columns)
            found = {
                column.target: _layers(checker, workers, case, column, scratch.arrays(column.target))
                for column in (ORACLE_COLUMN, one, other)
            }
        finally:
            workers.stop()
    return Divergence(case, (one.target, other.target), _compared(case, found, one.target, other.target))


def _layers(checker: Checker, workers: Workers, case: Case, column: Column, folder: Path) -> tuple[Arrays, Arrays]:
    """Results and derivatives by layer; the oracle's in float64."""
    checker.open(case, column.target)
    precision = "float64" if column is ORACLE_COLUMN else case.precision
    arguments: dict[str, Any] = dict(variant=column.variant, folder=str(folder), precision=precision)
    reply = workers.ask(column.target, "layers", TIMEOUT_S, **arguments)
    arrays = load_arrays(folder, reply["names"])
    forward = {name.removeprefix("forward "): a for name, a in arrays.items() if name.startswith("forward ")}
    backward = {name.removeprefix("backward "): a for name, a in arrays.items() if name.startswith("backward ")}
    return forward, backward


def _compared(case: Case, found: Mapping[str, tuple[Arrays, Arrays]], one: str, other: str) -> list[Layer]:
    network = case.definition.network
    assert network is not None
    steps = network(case.parameters, True).steps
    names, lengths = [step.outputs[0].name for step in steps], [step.reduction for step in steps]
    condition = case.definition.cost(case.parameters).condition
    layers, summed = [], 0
    for backward in (False, True):
        order: Sequence[int] = range(len(steps))
        for number in reversed(order) if backward else order:
            summed += lengths[number]
            exact, mine, theirs = (found[target][backward].get(names[number]) for target in (ORACLE.name, one, other))
            if exact is None or mine is None or theirs is None:
                continue
            scale = max(float(np.linalg.norm(exact)), correctness.TINY)
            budget = 2 * correctness.norm_tolerance(case.precision, summed, condition)
            errors = {one: _distance(mine, exact) / scale, other: _distance(theirs, exact) / scale}
            layers.append(Layer(names[number], backward, errors, _distance(mine, theirs) / scale, budget))
    return layers


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        found = float(np.linalg.norm(np.ravel(a.astype(np.float64) - b.astype(np.float64))))
    return found if found == found else math.inf
