"""Why each cell of a run takes its time: found out in worker processes in which nothing is timed for the run itself.

A case gets two sets of processes, which share the folder where compilers keep what they made: the first finds it empty and
answers everything in `DIAGNOSES`; the second only compiles again.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from suite import energy
from suite.cases import Case, Column, line
from suite.checking import Checker, crew
from suite.diagnoses import AnyDiagnosis, Compiling, Counts, Diagnosis, Energy, Memory, Overhead, Profile, Retraces
from suite.plan import Plan
from suite.progress import Progress
from suite.records import Status, Writer, identity, merge, read_lines
from suite.workers import CellFailed, Scratch, Workers, scratch_folder

TIMEOUT_S = 600.0
PROFILED_CALLS = 20
ROUNDS = 10
SAMPLE_S = 0.02
ENERGY_S = 2.0
"""The meters count about every millisecond, and NVML's every hundred."""
OF_MEMORY = ("forward", "gradient", "train_step")
"""Tasks of which each is asked what it takes of memory, whichever the cell's own is."""
CHECKPOINTED = "checkpointed"
MEMORY_TURNS = 3
LEAK_S = 2.0
SHARED = ("workload", "problem", "task", "precision", "device", "threads", "target", "framework", "mode", "variant")
"""What a diagnosis has of the cell that it is of."""


@dataclass
class Bench:
    """One case in one set of worker processes."""

    case: Case
    checker: Checker
    workers: Workers
    traces: Path | None
    """Where Chrome traces go; None for none."""
    cached: bool
    """Whether these processes find what others compiled."""

    def ask(self, column: Column, what: str, **arguments: Any) -> dict[str, Any]:
        """What the column's worker finds out by the function of that name in `suite.diagnosing`."""
        self.checker.open(self.case, column.target)
        asked: dict[str, Any] = dict(key=column.name, task=self.case.task, mode=column.mode, variant=column.variant)
        return self.workers.ask(column.target, "diagnose", TIMEOUT_S, what=what, **asked, **arguments)


Find = Callable[[Bench, Column], "dict[str, Any] | None"]


def explain(plan: Plan, writer: Writer, progress: Progress, traces: Path | None = None) -> None:
    """Explain every cell that the run in the writer's folder has ended ok; each diagnosis is written as it is there.

    `traces` is a folder for one Chrome trace a cell.
    """
    statuses = {identity(cell): cell.status for cell in merge(read_lines(writer.folder))}

    def ended(case: Case, status: Status) -> list[Column]:
        return [c for c in plan.columns if statuses.get(identity(line(case, c, status="ok"))) == status]

    cells = [(case, ended(case, "ok"), ended(case, "failed")) for case in plan.cases]
    progress.start(sum(len(columns) * (len(DIAGNOSES) + 1) + len(failed) for _, columns, failed in cells))
    with scratch_folder() as scratch:
        try:
            for (case, columns, failed), cached in product(cells, (False, True)):
                with _bench(case, plan, writer, scratch, traces, cached) as bench:
                    for kind, find in DIAGNOSES[:1] if cached else DIAGNOSES:
                        # Why a program would not compile as one graph, a compiler that is not held to that may say.
                        for column in [*columns, *failed] if kind is Retraces else columns:
                            progress.step(f"{case.text}: {column.name}: {kind.__struct_config__.tag}")
                            if found := _diagnosis(bench, column, kind, find):
                                writer.append_diagnosis(found)
        finally:
            progress.finish()


@contextmanager
def _bench(
    case: Case, plan: Plan, writer: Writer, scratch: Scratch, traces: Path | None, cached: bool
) -> Iterator[Bench]:
    workers = crew(plan, scratch, Path(writer.folder) / "logs")
    workers.caches = scratch.folder / "caches" / f"of-case-{plan.cases.index(case)}"
    try:
        yield Bench(case, Checker(case, workers, plan.seed, plan.columns), workers, traces, cached)
    finally:
        workers.stop()


def _diagnosis(bench: Bench, column: Column, kind: type[Diagnosis], find: Find) -> AnyDiagnosis | None:
    """What was found of the cell, or why it could not be; None where there is nothing to ask."""
    cell = line(bench.case, column, status="ok")
    told = {name: getattr(cell, name) for name in SHARED} | {"what": kind.__struct_config__.tag}
    if kind is Compiling:
        told["cached"] = bench.cached
    try:
        found = find(bench, column)
    except CellFailed as failure:
        found = {"reason": failure.reason}
    return None if found is None else msgspec.convert({**told, **found}, AnyDiagnosis)


def _compiling(bench: Bench, column: Column) -> dict[str, Any] | None:
    """The compiler started by something trivial first, so that the cell is not charged with that."""
    worker = bench.workers.get(column.target)
    if column.mode not in worker.hello["compiled_modes"]:
        return None
    if column.mode not in worker.compilers_s:
        reply = bench.workers.ask(
            column.target, "start_compiler", TIMEOUT_S, mode=column.mode, device=bench.case.device
        )
        worker.compilers_s[column.mode] = reply["seconds"]
    return {"compiler_start_s": worker.compilers_s[column.mode], **bench.ask(column, "compiling")}


def _profile(bench: Bench, column: Column) -> dict[str, Any]:
    trace = None
    if bench.traces is not None:
        bench.traces.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.=,]+", "-", f"{bench.case.text} {column.name}").strip("-")
        trace = str((bench.traces / f"{name}.json").absolute())
    return bench.ask(column, "profile", calls=PROFILED_CALLS, trace=trace)


def _counts(bench: Bench, column: Column) -> dict[str, Any]:
    return bench.ask(column, "counts")


def _energy(bench: Bench, column: Column) -> dict[str, Any]:
    meter = energy.find(bench.workers.gpu)
    if isinstance(meter, str):
        return {"reason": meter}
    bench.ask(column, "repeat", seconds=ENERGY_S / 4)
    before, start = meter.read(), time.perf_counter()
    calls = bench.ask(column, "repeat", seconds=ENERGY_S)["calls"]
    seconds, joules = time.perf_counter() - start, meter.joules(before, meter.read())
    return {"joules": joules / calls, "calls": calls, "seconds": seconds, "meter": meter.name}


def _overhead(bench: Bench, column: Column) -> dict[str, Any]:
    case = bench.case
    chosen = {name: case.parameters[name] for name in case.definition.choices} if case.task == "train_step" else {}
    tiny = dict(case.definition.problem("tiny", **chosen))
    found = bench.ask(column, "overhead", parameters=tiny, rounds=ROUNDS, sample_s=SAMPLE_S)
    return {"parameters": tiny, **found}


def _memory(bench: Bench, column: Column) -> dict[str, Any]:
    """Default and checkpointed variant in turns, so that both meet the same machine; the median of their turns."""
    case, implemented = bench.case, bench.workers.get(column.target).hello["implementations"]
    also = column.variant == "default" and [case.workload, CHECKPOINTED] in [list(pair) for pair in implemented]
    variants = [column.variant, *([CHECKPOINTED] if also else [])]
    peaks = []
    for task in [task for task in OF_MEMORY if task in case.definition.tasks]:
        turns: dict[str, list[dict[str, Any]]] = {variant: [] for variant in variants}
        reasons = dict.fromkeys(variants, "")
        for turn in range(MEMORY_TURNS):
            for variant in [variant for variant in variants if not reasons[variant]]:
                asked = dict(key=f"{column.mode} {variant} {task}", task=task, mode=column.mode, variant=variant)
                last = turn == MEMORY_TURNS - 1
                try:
                    bench.checker.open(case, column.target)
                    found = bench.workers.ask(column.target, "diagnose", TIMEOUT_S, what="peak", last=last, **asked)
                    turns[variant].append(found)
                except CellFailed as failure:
                    reasons[variant] = failure.reason
        peaks += [_peak(task, variant, turns[variant], reasons[variant]) for variant in variants]
    return {"peaks": peaks, **bench.ask(column, "leak", seconds=LEAK_S)}


def _peak(task: str, variant: str, turns: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    if reason:
        return {"task": task, "variant": variant, "reason": reason}
    bytes = [turn["bytes"] for turn in turns if turn["bytes"] is not None]
    return {
        "task": task,
        "variant": variant,
        "bytes": round(statistics.median(bytes)) if bytes else None,
        "call_s": statistics.median(turn["call_s"] for turn in turns),
    }


def _retraces(bench: Bench, column: Column) -> dict[str, Any] | None:
    """Of what is compiled, in tasks that take what the workload takes and nothing more."""
    compiled = column.mode in bench.workers.get(column.target).hello["compiled_modes"]
    return bench.ask(column, "retraces") if compiled and bench.case.task in OF_MEMORY else None


DIAGNOSES: tuple[tuple[type[Diagnosis], Find], ...] = (
    (Compiling, _compiling),
    (Profile, _profile),
    (Counts, _counts),
    (Energy, _energy),
    (Overhead, _overhead),
    (Memory, _memory),
    (Retraces, _retraces),
)
