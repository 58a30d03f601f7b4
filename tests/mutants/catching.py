"""What catches a mutant: of an implementation the checks that every cell goes through, of an oracle outside truth and
differences of its own values, since no healthier oracle is at hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from impls import interface
from suite import correctness, gradients
from suite.cases import FRAMEWORK_MODES, Case, Column
from suite.checking import ORACLE, Checker
from suite.program import Program
from suite.targets import Target
from suite.workers import CellFailed, Workers, scratch_folder
from suite.workloads import TRANSFORMS, WORKLOADS
from suite.workloads.draw import draw
from tests.impls.modes import PROVING
from tests.mutants.planting import Mutant, mutants
from tests.truth.oracle import agrees, cases_of

THREADS = 1


def catch(*families: str) -> Iterator[tuple[str, list[str], bool]]:
    """For each mutant and each healthy implementation beside it: its name, what accused it, and whether it is a mutant."""
    planted = {
        fw: [(n, m) for n, m in enumerate(_of(fw)) if not families or m.family in families] for fw in FRAMEWORK_MODES
    }
    yield from _oracles(planted.pop("numpy"))
    targets = [Target(fw, fw, sys.executable, f"tests.mutants.{fw}") for fw in planted]
    with scratch_folder() as scratch:
        workers = Workers(scratch, [ORACLE, *targets], THREADS, scratch.folder / "logs", warm_caches=False)
        try:
            for framework, entries in planted.items():
                for number, mutant in entries:
                    yield str(mutant), accused(workers, mutant, f"mutant {number}"), True
                for mutant in _each_once(m for _, m in entries):
                    name = f"{framework} {mutant.workload} ({mutant.variant})"
                    yield name, accused(workers, mutant, mutant.variant), False
        finally:
            workers.stop()


def accused(workers: Workers, mutant: Mutant, variant: str) -> list[str]:
    """By which checks, in the quickest mode, over all tiny problems; the first that does is enough."""
    workload = WORKLOADS[mutant.workload]
    mode = PROVING[mutant.framework]
    for problem in [name for name in workload.problems if name.startswith("tiny")]:
        for task in (task for task in workload.tasks if task not in TRANSFORMS):
            # float32 where the framework cannot do it in float64.
            for precision in ("float64", "float32"):
                case = Case(workload.name, problem, workload.problem(problem), task, precision, "cpu", THREADS)
                checker = Checker(case, workers, seed=0, columns=[])
                try:
                    checks = checker.build_and_check(Column(mutant.framework, mutant.framework, mode, variant))[1]
                except CellFailed as failure:
                    if failure.status == "unsupported":
                        continue
                    if failure.status != "failed":
                        raise  # a worker that did not start has caught nothing
                    return [failure.status]
                if correctness.reason(checks):
                    return [next(check.name for check in checks if not check.passed)]
                break
    return []


def _oracles(entries: list[tuple[int, Mutant]]) -> Iterator[tuple[str, list[str], bool]]:
    backend, implementations = interface.load("tests.mutants.numpy")
    for number, mutant in entries:
        yield str(mutant), accused_oracle(backend, implementations, mutant, f"mutant {number}"), True
    for mutant in _each_once(m for _, m in entries):
        found = accused_oracle(backend, implementations, mutant, mutant.variant)
        yield f"numpy {mutant.workload} ({mutant.variant})", found, False


def accused_oracle(backend: Any, implementations: Any, mutant: Mutant, variant: str) -> list[str]:
    """By which outside sources, and whether differences over every element accuse its backward."""
    function = implementations[mutant.workload, variant].function
    found = list(dict.fromkeys(t.source for t in cases_of(mutant.workload) if not agrees(function, t)))
    workload = WORKLOADS[mutant.workload]
    if "gradient" in workload.tasks:
        for problem in [workload.problem(name) for name in workload.problems if name.startswith("tiny")]:
            values = draw(workload, problem, seed=0)
            choices = dict(task="gradient", mode="eager", variant=variant, precision="float64", device="cpu")
            try:
                with np.errstate(all="ignore"):
                    program = Program(backend, implementations, workload, problem, values=values, **choices)
                    names = program.differentiated
                    finding, _ = gradients.check_elements(
                        program.value_and_gradient, values, names, smooth=workload.smooth
                    )
            except Exception:  # a mutant may break in any way
                return [*found, "an exception"]
            if not finding.passed:
                return [*found, "differences"]
    return found


def _of(framework: str) -> list[Mutant]:
    return [mutant for mutant in mutants() if mutant.framework == framework]


def _each_once(found: Any) -> list[Mutant]:
    return list({(m.workload, m.variant): m for m in found}.values())
