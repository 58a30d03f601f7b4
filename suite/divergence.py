"""Where two frameworks part: within one training step of a model, layer by layer; and in training, step by step.

What a layer gave, and the derivative of the loss by it, is held against the oracle's in float64 on the same numbers. A
layer's budget is what rounding may have done up to it: the errors of all layers before it, added like independent ones; and
backward, where rounding decides which of a model's gates let a gradient through, its root (`correctness.kinked_tolerance`).

In training, rounding makes the two differ from the first step on, and a deep model magnifies that with each further one. In
float64 it magnifies smaller errors as much: by their growth chaos is told from a fault.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite import correctness
from suite.cases import Case, Column
from suite.checking import ORACLE, ORACLE_COLUMN, Checker, crew
from suite.plan import Plan
from suite.protocol import load_arrays
from suite.workers import scratch_folder
from suite.workloads import UNIT_ROUNDOFF

Arrays = dict[str, np.ndarray]
TIMEOUT_S = 600.0
GROWTH = 100.0
"""By so much a difference may exceed what float64's, scaled to the precision, lets expect: rounding is no more regular."""


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


@dataclass(frozen=True)
class Step:
    """After one training step: the loss that each target had in it, and ‖θ₁ − θ₂‖ / ‖θ₂‖ over all parameters, in the
    case's precision and in float64 (`exact`). The latter times the ratio of the unit round-offs is what rounding lets
    expect. `gates` is what it may add where it decides which of a model's gates let a gradient through, which it never
    does in float64: that share of what the steps have moved."""

    number: int
    losses: Mapping[str, float]
    difference: float
    exact: float
    expected: float
    gates: float = 0.0

    @property
    def allowed(self) -> float:
        return GROWTH * self.expected + self.gates

    @property
    def parts_exactly(self) -> bool:
        """Whether the two differ in float64 by more than all frameworks may: then it is no matter of precision."""
        return not self.exact <= correctness.PARAMETER_AGREEMENT

    @property
    def beyond(self) -> bool:
        """Whether the two differ by more than rounding explains. NaN does."""
        return self.parts_exactly or not self.difference <= self.allowed


@dataclass(frozen=True)
class Drift:
    """How two targets' parameters drift apart in training."""

    case: Case
    targets: tuple[str, str]
    steps: list[Step]

    @property
    def first(self) -> Step | None:
        return next((step for step in self.steps if step.beyond), None)


def diverge(plan: Plan) -> Divergence:
    """Hold the plan's two columns against each other in its only case. Raises CellFailed where one cannot run."""
    case, (one, other) = plan.cases[0], plan.columns
    with _checker(plan) as checker:
        found = {column.target: _layers(checker, case, column) for column in (ORACLE_COLUMN, one, other)}
    return Divergence(case, (one.target, other.target), _compared(case, found, one.target, other.target))


def drift(plan: Plan, steps: int) -> Drift:
    """Train the plan's only case in its two columns, in its precision and in float64. Raises CellFailed where one cannot."""
    case, (one, other) = plan.cases[0], plan.columns
    with _checker(plan) as checker:
        found = {
            (column.target, precision): _trained(checker, case, column, steps, precision)
            for column in (one, other)
            for precision in dict.fromkeys((case.precision, "float64"))
        }
    ratio = UNIT_ROUNDOFF[case.precision] / UNIT_ROUNDOFF["float64"]
    share, exact = _gates(case), found[one.target, "float64"][1]
    taken: list[Step] = []
    for number in range(steps):
        differences = {
            precision: _relative(found[one.target, precision][1][number], found[other.target, precision][1][number])
            for precision in (case.precision, "float64")
        }
        # Two that agree in every bit of float64 may still round differently in the other precision.
        expected = max(ratio * differences["float64"], UNIT_ROUNDOFF[case.precision])
        losses = {column.target: found[column.target, case.precision][0][number] for column in (one, other)}
        # Where the first step began is not known here; it moved about as far as the second.
        moved = _relative(exact[max(number, 1)], exact[max(number, 1) - 1]) if steps > 1 else 0.0
        gates = (taken[-1].gates if taken else 0.0) + share * moved
        taken.append(Step(number + 1, losses, differences[case.precision], differences["float64"], expected, gates))
    return Drift(case, (one.target, other.target), taken)


def _gates(case: Case) -> float:
    """The share of a gradient that rounding may turn on or off; see `correctness.kinked_tolerance`."""
    if case.definition.smooth or case.precision == "float64":
        return 0.0
    cost, reduction = case.definition.cost(case.parameters), case.definition.gradient_reduction(case.parameters)
    return correctness.kinked_tolerance(correctness.norm_tolerance(case.precision, reduction, cost.condition))


@contextmanager
def _checker(plan: Plan) -> Iterator[Checker]:
    """For the plan's only case, with workers of its targets and of the oracle."""
    case = plan.cases[0]
    with scratch_folder() as scratch:
        workers = crew(plan, scratch, scratch.folder / "logs")
        try:
            yield Checker(case, workers, plan.seed, plan.columns)
        finally:
            workers.stop()


def _layers(checker: Checker, case: Case, column: Column) -> tuple[Arrays, Arrays]:
    """Results and derivatives by layer; the oracle's in float64."""
    checker.open(case, column.target)
    folder = checker.workers.scratch.arrays("layers")
    precision = "float64" if column is ORACLE_COLUMN else case.precision
    arguments: dict[str, Any] = dict(variant=column.variant, folder=str(folder), precision=precision)
    reply = checker.workers.ask(column.target, "layers", TIMEOUT_S, **arguments)
    arrays = load_arrays(folder, reply["names"])
    forward = {name.removeprefix("forward "): a for name, a in arrays.items() if name.startswith("forward ")}
    backward = {name.removeprefix("backward "): a for name, a in arrays.items() if name.startswith("backward ")}
    return forward, backward


def _trained(
    checker: Checker, case: Case, column: Column, steps: int, precision: str
) -> tuple[list[float], list[np.ndarray]]:
    """The loss of each step, and all parameters after it in one row."""
    checker.open(case, column.target)
    folder = checker.workers.scratch.arrays("steps")
    arguments: dict[str, Any] = dict(task="train_step", mode=column.mode, variant=column.variant, precision=precision)
    reply = checker.workers.ask(column.target, "evaluate", TIMEOUT_S, folder=str(folder), steps=steps, **arguments)
    arrays = load_arrays(folder, reply["names"])
    names = case.definition.differentiable(case.parameters)
    rows = [
        np.concatenate([np.ravel(arrays[f"step {number}: {name}"]) for name in names]) for number in range(1, steps + 1)
    ]
    return reply["losses"], rows


def _relative(a: np.ndarray, b: np.ndarray) -> float:
    return _distance(a, b) / max(float(np.linalg.norm(b)), correctness.TINY)


def _compared(case: Case, found: Mapping[str, tuple[Arrays, Arrays]], one: str, other: str) -> list[Layer]:
    network = case.definition.network
    assert network is not None
    steps = network(case.parameters, True).steps
    names, lengths = [step.outputs[0].name for step in steps], [step.reduction for step in steps]
    condition = case.definition.cost(case.parameters).condition
    kinked = not case.definition.smooth and case.precision != "float64"
    layers, summed = [], 0
    for backward in (False, True):
        order: Sequence[int] = range(len(steps))
        for number in reversed(order) if backward else order:
            summed += lengths[number]
            exact, mine, theirs = (found[target][backward].get(names[number]) for target in (ORACLE.name, one, other))
            if exact is None or mine is None or theirs is None:
                continue
            scale = max(float(np.linalg.norm(exact)), correctness.TINY)
            budget = correctness.norm_tolerance(case.precision, summed, condition)
            budget = 2 * (correctness.kinked_tolerance(budget) if backward and kinked else budget)
            errors = {one: _distance(mine, exact) / scale, other: _distance(theirs, exact) / scale}
            layers.append(Layer(names[number], backward, errors, _distance(mine, theirs) / scale, budget))
    return layers


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        found = float(np.linalg.norm(np.ravel(a.astype(np.float64) - b.astype(np.float64))))
    return found if found == found else math.inf
