"""Correctness before time: what each cell's results are held against, and the checks that it goes through.

The reference is the NumPy oracle in float64, on the very numbers that are timed (rounded to the timed precision first).
Where the oracle would take too long, two frameworks that agree in float64 stand in for it, once the oracle has proven both
at `tiny`.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from suite import correctness, gradients, memory
from suite.cases import Case, Column, line
from suite.plan import Plan
from suite.progress import Progress
from suite.protocol import load_arrays
from suite.records import Check, Line
from suite.targets import Target
from suite.workers import CellFailed, Scratch, WorkerProcess, Workers, scratch_folder
from suite.workloads import GENERATION, TRANSFORMS

Arrays = dict[str, np.ndarray]

ORACLE = Target("oracle", "numpy", sys.executable, "impls.numpy")
ORACLE_COLUMN = Column("oracle", "numpy", "eager")
ORACLE_FLOPS = 1e11
"""Beyond this the NumPy oracle would take more than a few seconds."""
GRADIENT_FLOPS = 2e8
"""Beyond this differences, which take dozens of evaluations, are taken at `tiny` instead."""
ELEMENTS = 2000
"""Differences over every element are taken of problems with so few."""
STEPS = 10
TRAINING_FLOPS = 1e9
"""Of one step: beyond this, so many steps are taken at `tiny` instead."""
CALL_TIMEOUT_S = 300.0


class Checker:
    """Builds and checks the cells of one case, against references that are computed once."""

    def __init__(
        self, case: Case, workers: Workers, seed: int, columns: list[Column], deadline: float = math.inf
    ) -> None:
        self.case = case
        self.workers = workers
        self.seed = seed
        self.columns = columns
        self.deadline = deadline
        """By `time.monotonic`; what a worker has not answered by then is a timeout."""
        self._opened: dict[str, tuple[WorkerProcess, str]] = {}
        self._checksums: dict[str, str] = {}
        self._references: dict[str, tuple[Arrays, str]] = {}
        self._terms: dict[str, float] = {}
        self._trained: tuple[Arrays, list[float]] | None = None

    def build(self, column: Column, folder: Path | None = None) -> dict[str, Any]:
        """Make the cell's program in its worker and call it once; its results go to `folder` where one is given."""
        self.open(self.case, column.target)
        return self._ask(
            column.target,
            "build",
            key=column.name,
            task=self.case.task,
            mode=column.mode,
            variant=column.variant,
            folder=str(folder) if folder else None,
        )

    def build_and_check(self, column: Column, elements: bool = False) -> tuple[dict[str, Any], list[Check]]:
        """`build`, then every check: first the results of that first call, then float64.

        A check that fails does not raise; whoever asks decides by `correctness.reason`.
        """
        folder = self.workers.scratch.arrays("results")
        reply = self.build(column, folder)
        checks = self.check_results(column, reply["names"], folder, reply["types"])
        if all(check.passed for check in checks):
            checks += self.check_float64(column, elements)
        return reply, checks

    def open(self, case: Case, target: str) -> None:
        """Draw the case's numbers in the target's worker, unless they are there. Raises CellFailed where its numbers
        differ from the oracle's."""
        worker = self.workers.get(target)
        if self._opened.get(target) == (worker, case.text):
            return
        reply = self._ask(
            target,
            "open_case",
            workload=case.workload,
            parameters=dict(case.parameters),
            seed=self.seed,
            tangents=case.task in ("jvp", "hvp"),
            precision=case.precision,
            device=case.device if target != ORACLE.name else "cpu",
        )
        self._opened[target] = (worker, case.text)
        if target == ORACLE.name:
            self._checksums[case.text] = reply["checksum"]
            return
        if case.text not in self._checksums:
            self.open(case, ORACLE.name)
        if reply["checksum"] != self._checksums[case.text]:
            raise CellFailed("failed", f"{target} drew other numbers than the oracle; its NumPy may differ")

    def check_results(self, column: Column, names: list[str], folder: Path, types: str | None) -> list[Check]:
        """The results of the timed program, as its first call left them, against the reference."""
        case, definition, problem = self.case, self.case.definition, self.case.parameters
        if types:
            return [Check("value", None, correctness.roundoff(case.precision), False, types)]
        results = load_arrays(folder, names)
        reference, source = self.reference(case)
        if case.task == "forward":
            bound = None
            if definition.bound == "product" and source == "numpy" and column.variant not in definition.normwise:
                bound = self._evaluate(case, ORACLE_COLUMN, absolute=True)[0]
            return [correctness.check_value(definition, problem, case.precision, results, reference, bound)]
        rest = {name: array for name, array in reference.items() if name != "loss"}
        cost, reduction = definition.cost(problem), definition.gradient_reduction(problem)
        condition = cost.gradient_condition or cost.condition
        tolerance = correctness.norm_tolerance(case.precision, reduction, condition)
        if case.task == "hvp":
            tolerance = max(tolerance, correctness.HVP_AGREEMENT * cost.condition)
        if case.task == "gradient" and definition.network and not definition.smooth and case.precision != "float64":
            tolerance = correctness.kinked_tolerance(tolerance)
        name, scales = correctness.main_check(case.task), self._scales(case.precision, reference)
        if case.task == "train_step" and problem.get("optimizer") == "adamw":
            moved = {name: reference[name] for name in definition.differentiable(problem)}
            scales |= correctness.undirected_scales(moved, problem.learning_rate, tolerance)
        checks = [correctness.check_norms(name, results, rest, tolerance, scales)]
        if "loss" in reference:
            # The error of a contraction is relative to its terms, not to what they leave when they cancel.
            terms = {"loss": self._terms.get(case.text, 0.0)}
            tolerance = correctness.norm_tolerance(case.precision, cost.reduction, cost.condition)
            checks.insert(0, correctness.check_norms("value", results, {"loss": reference["loss"]}, tolerance, terms))
        return checks

    def check_float64(self, column: Column, elements: bool = False) -> list[Check]:
        """The column's derivatives (or training) in float64, by everything that can prove it; see `suite.gradients`.

        Nothing where it cannot compute in float64: then the timed precision is compared with the float64 gradient alone.
        """
        try:
            if self.case.task == "gradient":
                return self._check_gradient(column, elements)
            if self.case.task == "train_step":
                return self._check_training(column)
            if self.case.task == "hvp":
                return self._check_agreement(column) + self._check_symmetry(column)
            if self.case.task in (*TRANSFORMS, *GENERATION):
                return self._check_agreement(column)
        except CellFailed as failure:
            if failure.status != "unsupported":
                raise
        return []

    def reference(self, case: Case) -> tuple[Arrays, str]:
        """Float64 results by name on the numbers of `case`, and who computed them."""
        if case.text not in self._references:
            # The oracle has no forward mode: what takes a tangent takes as many backward passes as a Jacobian.
            task = "jacobian" if case.task == "jvp" else case.task
            if case.definition.flops(case.parameters, task) <= ORACLE_FLOPS:
                self._references[case.text] = self._evaluate(case, ORACLE_COLUMN, terms=True)[0], "numpy"
            else:
                self._references[case.text] = self._stand_in(case)
        return self._references[case.text]

    def _check_gradient(self, column: Column, elements: bool) -> list[Check]:
        case, definition = self.case, self.case.definition
        cost = definition.cost(case.parameters)
        checks = self._check_agreement(column)
        if definition.network and not elements:
            return checks  # the oracle that it agrees with is held against differences in the tests of models
        # Where the function magnifies rounding errors, differences show little else.
        at_size = definition.smooth and cost.condition == 1 and cost.gradient <= GRADIENT_FLOPS
        parameters = case.parameters if at_size else definition.problem("tiny")
        reply = self._ask(
            column.target,
            "check_gradient",
            mode=column.mode,
            variant=column.variant,
            parameters=dict(parameters),
            seed=self.seed,
            elements=elements and sum(t.size for t in definition.tensors(parameters).values()) <= ELEMENTS,
        )
        return [*checks, *_checks(reply["findings"], "" if parameters == case.parameters else "at tiny")]

    def _check_agreement(self, column: Column) -> list[Check]:
        """The task's results in float64 against the oracle's; nothing where these were timed and have been checked."""
        case = self.case
        if case.precision == "float64":
            return []
        own, _ = self._evaluate(case, column)
        exact, _ = self.reference(case)
        agreement = correctness.HVP_AGREEMENT if case.task == "hvp" else correctness.FLOAT64_AGREEMENT
        tolerance = agreement * case.definition.cost(case.parameters).condition
        return [correctness.check_norms(f"{case.task}.oracle", own, exact, tolerance, self._scales("float64", exact))]

    def _scales(self, precision: str, reference: Arrays) -> dict[str, float]:
        case = self.case
        parameters = case.definition.differentiable(case.parameters) if case.definition.network else ()
        return correctness.scales(case.task, precision, reference, parameters)

    def _check_symmetry(self, column: Column) -> list[Check]:
        """A second derivative, which the oracle has by differences only, against itself."""
        reply = self._ask(column.target, "check_symmetry", mode=column.mode, variant=column.variant, seed=self.seed)
        return _checks(reply["findings"])

    def _check_training(self, column: Column) -> list[Check]:
        case = self.case
        tiny = case.definition.cost(case.parameters).gradient > TRAINING_FLOPS
        own, losses = self._evaluate(case, column, STEPS, tiny=tiny)
        if self._trained is None:
            self._trained = self._evaluate(case, ORACLE_COLUMN, STEPS, tiny=tiny)
        reference, reference_losses = self._trained
        checks = [
            correctness.check_trajectory(losses, reference_losses),
            correctness.check_norms("training.parameters", own, reference, correctness.PARAMETER_AGREEMENT),
        ]
        return [_placed(check, "at tiny") for check in checks] if tiny else checks

    def _evaluate(
        self,
        case: Case,
        column: Column,
        steps: int = 1,
        absolute: bool = False,
        terms: bool = False,
        tiny: bool = False,
    ) -> tuple[Arrays, list[float]]:
        """Results in float64 of `steps` calls, and the loss of each; on the numbers of the case, or of its `tiny`
        problem."""
        self.open(case, column.target)
        folder = self.workers.scratch.arrays("float64")
        reply = self._ask(
            column.target,
            "evaluate",
            task=case.task,
            mode=column.mode,
            variant=column.variant,
            folder=str(folder),
            steps=steps,
            absolute=absolute,
            terms=terms,
            parameters=_tiny(case) if tiny else None,
            seed=self.seed,
        )
        if reply["types"]:
            raise CellFailed("incorrect", f"in float64 {reply['types']}")
        if reply["terms"] is not None:
            self._terms[case.text] = reply["terms"]
        return load_arrays(folder, reply["names"]), reply["losses"]

    def _ask(self, target: str, command: str, **arguments: Any) -> dict[str, Any]:
        left_s = max(1.0, self.deadline - time.monotonic())
        try:
            return self.workers.ask(target, command, min(CALL_TIMEOUT_S, left_s), **arguments)
        except CellFailed as failure:
            if failure.status == "timeout" and time.monotonic() >= self.deadline:
                reason = f"the time that its case may take was over before there was an answer to '{command}'"
                raise CellFailed("timeout", reason) from failure
            raise

    def _stand_in(self, case: Case) -> tuple[Arrays, str]:
        """Two frameworks that agree in float64, each proven by the oracle at `tiny`."""
        found: tuple[str, Arrays] | None = None
        wanting: CellFailed | None = None
        for column in self.columns:
            if column.framework == "numpy" or (found and column.target == found[0]):
                continue
            try:
                if not self._is_proven(case, column):
                    continue
                arrays, _ = self._evaluate(case, column, terms=True)
            except CellFailed as failure:
                wanting = failure if failure.status == "out_of_memory" else wanting
                continue
            if found is None:
                found = (column.target, arrays)
            elif correctness.check_norms("value", arrays, found[1], correctness.FLOAT64_AGREEMENT).passed:
                return arrays, f"{found[0]} and {column.target}"
        if wanting:
            raise CellFailed(
                "out_of_memory", f"too large for the NumPy oracle, and beside it in float64: {wanting.reason}"
            )
        raise CellFailed(
            "failed", "too large for the NumPy oracle, and no two frameworks agree in float64 to stand in for it"
        )

    def _is_proven(self, case: Case, column: Column) -> bool:
        expected, _ = self._evaluate(case, ORACLE_COLUMN, tiny=True)
        own, _ = self._evaluate(case, column, tiny=True)
        return correctness.check_norms("value", own, expected, correctness.FLOAT64_AGREEMENT).passed


def _tiny(case: Case) -> dict[str, Any]:
    """The parameters of the tiny problem, trained by the case's own optimizer."""
    own = {name: case.parameters[name] for name in case.definition.choices} if case.task == "train_step" else {}
    return dict(case.definition.problem("tiny", **own))


def _checks(findings: list[list[Any]], place: str = "") -> list[Check]:
    """What a worker found, as the records have it."""
    checks = []
    for finding in (gradients.Finding(*fields) for fields in findings):
        error = None if finding.nan else finding.error
        check = Check(finding.name, error, finding.tolerance, finding.passed, finding.where)
        checks.append(_placed(check, place))
    return checks


def _placed(check: Check, place: str) -> Check:
    return replace(check, detail=", ".join(part for part in (check.detail, place) if part))


def crew(plan: Plan, scratch: Scratch, logs: Path, threads: int | None = None) -> Workers:
    """Workers for the plan's targets and the oracle, on the plan's device; none is started yet.

    They have as many `threads` as are given, else those of the plan's first case.
    """
    return Workers(scratch, [ORACLE, *plan.targets], threads or plan.threads[0], logs, plan.warm_caches, plan.gpu())


def check(plan: Plan, progress: Progress, seconds: float = math.inf, elements: bool = True) -> list[Line]:
    """Every cell of the plan checked, none timed; with `elements`, gradients at `tiny` size against differences over every
    one of them.

    What was not begun within so many `seconds` is skipped, and what takes longer is a timeout.
    """
    lines: list[Line] = []
    deadline = time.monotonic() + seconds
    progress.start(len(plan.cases) * len(plan.columns))
    with scratch_folder() as scratch:
        workers = crew(plan, scratch, scratch.folder / "logs")
        try:
            for case in plan.cases:
                checker = Checker(case, workers, plan.seed, plan.columns, deadline)
                for column in plan.columns:
                    progress.step(f"{case.text}: {column.name}")
                    lines.append(_check_cell(checker, case, column, elements))
        finally:
            workers.stop()
            progress.finish()
    return lines


def explained(failure: CellFailed, case: Case, workers: Workers) -> str:
    """The reason of a failure; of one for want of memory, with what is wanted and what would do."""
    if failure.status != "out_of_memory":
        return failure.reason
    return f"{failure.reason}; {memory.advice(case.definition, case.parameters, case.task, workers.memory_limit_bytes)}"


def _check_cell(checker: Checker, case: Case, column: Column, elements: bool) -> Line:
    if time.monotonic() > checker.deadline:
        return line(case, column, status="skipped", reason="the time for checks was over before this cell was built")
    try:
        _, checks = checker.build_and_check(column, elements)
    except CellFailed as failure:
        return line(case, column, status=failure.status, reason=explained(failure, case, checker.workers))
    reason = correctness.reason(checks)
    source = checker.reference(case)[1]
    return line(case, column, status="incorrect" if reason else "ok", reason=reason, checks=checks, reference=source)
