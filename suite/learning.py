"""Models trained in earnest in every framework, from the same parameters, on the same data in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from suite.cases import Case, Column
from suite.checking import Checker, crew
from suite.lessons import Lesson
from suite.plan import Plan
from suite.progress import Progress
from suite.protocol import save_arrays
from suite.records import Curve, Writer
from suite.workers import CellFailed, Scratch, Workers, scratch_folder

TIMEOUT_S = 900.0
MODES = ("graph", "jit", "eager")
"""The first that a framework has is trained in: what its users train in, without a long compilation."""


def learn(plan: Plan, lessons: list[Lesson], seeds: Iterable[int], writer: Writer, progress: Progress) -> None:
    """Every lesson with every seed in every framework of the plan but NumPy; each curve is written as soon as it is there,
    and those that are there already stay."""
    columns = _columns(plan)
    known = {(curve.workload, curve.target, curve.seed) for curve in writer.curves()}
    todo = [
        (lesson, seed, column)
        for lesson in lessons
        for seed in seeds
        for column in columns
        if (lesson.model, column.target, seed) not in known
    ]
    progress.start(len(todo))
    with scratch_folder() as scratch:
        workers = crew(plan, scratch, Path(writer.folder) / "logs")
        try:
            for lesson, seed, column in todo:
                progress.step(f"{lesson.model} learns in {column.target}, seed {seed}")
                writer.append_curve(_curve(lesson, seed, column, plan, workers, scratch))
        finally:
            workers.stop()
            progress.finish()


def _columns(plan: Plan) -> list[Column]:
    """One for each target."""
    found = []
    for target in plan.targets:
        if target.framework != "numpy":
            own = [c for c in plan.columns if c.target == target.name and c.variant == "default"]
            modes = [c.mode for c in own]
            found += [Column(target.name, target.framework, mode) for mode in MODES if mode in modes][:1]
    return found


def _curve(lesson: Lesson, seed: int, column: Column, plan: Plan, workers: Workers, scratch: Scratch) -> Curve:
    first = plan.cases[0]
    case = Case(lesson.model, "", lesson.parameters, "train_step", first.precision, first.device, first.threads)
    folder = scratch.arrays("examples")
    examples = {f"{part} {name}": array for part, own in lesson.parts().items() for name, array in own.items()}
    names = save_arrays(folder, examples)
    told: dict[str, Any] = dict(
        workload=lesson.model, problem=lesson.parameters.text(), summary=lesson.summary, precision=first.precision
    )
    told |= dict(target=column.target, framework=column.framework, mode=column.mode)
    try:
        Checker(case, workers, seed, [column]).open(case, column.target)
        reply = workers.ask(
            column.target,
            "learn",
            TIMEOUT_S,
            mode=column.mode,
            folder=str(folder),
            names=names,
            epochs=lesson.epochs,
            seed=seed,
        )
    except CellFailed as failure:
        return Curve(**told, seed=seed, reason=failure.reason)
    return Curve(**told, seed=seed, **reply)
