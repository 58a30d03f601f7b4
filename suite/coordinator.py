"""The run: launches outermost, cases within them, rounds over the cells of a case within those.

A launch starts every worker anew and goes through all cases; so each launch is one independent observation of every case,
and a worker's slow start is paid once a launch. In a case, every cell is built, checked (in the first launch) and warmed up,
then sampled in rounds; while one worker works, all others are stopped. After the launches that every case gets, further ones
go to the cells whose comparisons are not settled (`suite.stopping`).
"""

from __future__ import annotations

import contextlib
import random
import statistics as median_of
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from suite import correctness, idling, statistics, stopping
from suite.cases import Case, Column, line
from suite.checking import ORACLE, Checker, crew, explained
from suite.gpu import State, held_down
from suite.plan import Plan
from suite.progress import Progress
from suite.records import (
    Ceiling,
    Check,
    Launch,
    Line,
    OnGpu,
    Sample,
    TargetRecord,
    Writer,
    case_text,
    identity,
    merge,
    read_lines,
)
from suite.targets import given_name, public_path
from suite.workers import CellFailed, Scratch, WorkerProcess, Workers, scratch_folder

WARM_UP_TIMEOUT_S = 300.0
SAMPLE_TIMEOUT_S = 120.0
START_TIMEOUT_S = 180.0
MINIMUM_ROUNDS = 3
LATENCY_CALLS = 20
LATENCY_BUDGET_S = 0.5


@dataclass
class Sampling:
    """One cell while its case is measured in one launch."""

    column: Column
    key: str
    worker: WorkerProcess | None = None
    built: dict[str, Any] = field(default_factory=dict)
    warmed: dict[str, Any] = field(default_factory=dict)
    finished: dict[str, Any] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    reference: str = ""
    failure: CellFailed | None = None

    def by_round(self) -> dict[int, float]:
        return {sample.round: sample.ns for sample in self.samples}


def execute(plan: Plan, writer: Writer, progress: Progress) -> str:
    """Measure what the plan asks for and the folder does not hold yet; every launch of a case is written as it ends.

    Returns what ended it: `goal` (every comparison is settled), `launches` (there may be no more), `budget` or
    `interrupted` (Ctrl-C; what was finished is kept).
    """
    with scratch_folder() as scratch, idling.kept_awake():
        coordinator = Coordinator(plan, writer, progress, scratch)
        try:
            return coordinator.run()
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            coordinator.workers.stop()
            progress.finish()


class Coordinator:
    """What a run needs to know from one launch to the next."""

    def __init__(self, plan: Plan, writer: Writer, progress: Progress, scratch: Scratch) -> None:
        self.plan = plan
        self.profile = plan.profile
        self.writer = writer
        self.progress = progress
        self.scratch = scratch
        self.random = random.Random(plan.seed)
        self.gpu, self.device = plan.gpu(), plan.cases[0].device
        self.lines: list[Line] = read_lines(writer.folder)
        self.apart = {
            case_text(one) for one in self.lines if one.launch and one.launch.on_gpu and one.launch.on_gpu.apart
        }
        self.targets: dict[str, TargetRecord] = {target.name: target for target in writer.record.targets}
        self.threads = plan.threads[0]
        self.workers = self._new_workers()
        self.started = time.monotonic()
        self.out_of_budget = False
        self.starting_s: list[float] = []
        self.first_overheads_s: list[float] = []
        self.overheads_s: list[float] = []
        self.sampling_s = 0.0

    def run(self) -> str:
        """All launches; see `execute`."""
        first = self.profile.launches
        for launch in range(max(first, self.profile.most_launches)):
            if launch < first:
                todo = [(case, self._unmeasured(case, launch)) for case in self._ordered(launch)]
                if launch == 0:
                    self.progress.start(first * (len(todo) + len(self.plan.threads)))
            else:
                todo = self._unsettled(launch)
                starts = len({case.threads for case, _ in todo})
                if not todo or not self._affords(len(todo), starts):
                    break
                self.progress.start(len(todo) + starts)
            later = len(todo) + max(0, first - 1 - launch) * len(self.plan.cases)
            for part in _by_threads(todo):
                later -= len(part)
                self._launch(launch, part, later)
        skipped = any(one.status == "skipped" for one in self.lines)
        if not skipped and not self._unsettled(self.profile.most_launches):
            return "goal"
        return "budget" if skipped or self.out_of_budget else "launches"

    def _launch(self, launch: int, todo: list[tuple[Case, list[Column]]], later: int) -> None:
        """Measure these cells, whose cases have as many threads as each other; each case is written down as it ends.

        `later` are the cases that come anyway, in this launch or in others.
        """
        label = f"launch {launch + 1}"
        self.threads = todo[0][0].threads
        if any(columns for _, columns in todo) and self._share_s(1) is not None:
            self.progress.step(f"{label}: starting workers and their compilers")
            self._start_workers([column for _, columns in todo for column in columns])
        for number, (case, columns) in enumerate(todo):
            share_s = self._share_s(len(todo) - number + later)
            if columns and share_s is None:
                self._skip(case, columns, launch)
                continue
            self.progress.step(f"{label}: {case.text}")
            if columns:
                start = time.monotonic()
                self._write(self._measure(case, columns, launch, share_s or 0.0))
                overheads_s = self.overheads_s if launch else self.first_overheads_s
                overheads_s.append(time.monotonic() - start - self.sampling_s)

    def _write(self, lines: list[Line]) -> None:
        self.writer.append(lines)
        self.lines += lines
        self._note(lines)

    def _start_workers(self, columns: list[Column]) -> None:
        """New workers, one after the other so that none disturbs another's import, with their compilers started.

        In random order: who starts first finds the machine's memory in another state, and keeps that for life.
        """
        start = time.monotonic()
        self._renew_workers()
        needed = list(dict.fromkeys(columns))
        self.random.shuffle(needed)
        for column in needed:
            with contextlib.suppress(CellFailed):  # told again by each of its cells
                self._ready(column.target, column.mode)
        self.starting_s.append(time.monotonic() - start)

    # What is left to do, and how long it may take

    def _unmeasured(self, case: Case, launch: int) -> list[Column]:
        """The cells of the case that neither ended badly nor were measured in this launch before the run was resumed."""
        known = {identity(cell): cell for cell in merge(self.lines)}
        columns = []
        for column in self.plan.columns:
            cell = known.get(identity(line(case, column, status="ok")))
            if cell is None or (cell.status == "ok" and launch not in {one.launch for one in cell.launches}):
                columns.append(column)
        return columns

    def _ordered(self, launch: int) -> list[Case]:
        """The plan's cases. Those of a sweep, which are held against each other, come in random order, so that what changes
        in a worker's life hits all alike; but in the first launch as planned, since what a framework keeps of the memory
        of a large problem would hide that of a small one."""
        cases = self.plan.cases
        return self.random.sample(cases, len(cases)) if self.plan.sweep and launch else cases

    def _unsettled(self, launch: int) -> list[tuple[Case, list[Column]]]:
        """By case, the cells that this further launch could settle."""
        cells = merge(self.lines)
        wanting = stopping.unsettled(cells, self.plan.baseline, self.profile.margin, self.profile.precision_goal)
        todo = [
            (case, [c for c in self._unmeasured(case, launch) if identity(line(case, c, status="ok")) in wanting])
            for case in self._ordered(launch)
        ]
        return [(case, columns) for case, columns in todo if columns]

    def _affords(self, cases: int, starts: int) -> bool:
        """Whether a launch of so many cases and starts of workers, as those before were, ends within the budget."""
        needed_s = starts * _mean(self.starting_s) + cases * self._overhead_s()
        enough = needed_s <= self._remaining_s()
        self.out_of_budget |= not enough
        return enough

    def _share_s(self, left: int) -> float | None:
        """Seconds of sampling for the next of `left` cases; None where the budget is spent.

        What building and checking took so far, on average, is set aside for those to come.
        """
        remaining_s = self._remaining_s()
        return max(0.0, remaining_s / left - self._overhead_s()) if remaining_s > 0 else None

    def _remaining_s(self) -> float:
        return self.profile.budget_s - (time.monotonic() - self.started)

    def _overhead_s(self) -> float:
        """Of a case: all but its sampling. The first launch, which checks as well, tells only until there is another."""
        return _mean(self.overheads_s or self.first_overheads_s)

    def _skip(self, case: Case, columns: list[Column], launch: int) -> None:
        self.progress.step(f"launch {launch + 1}: {case.text}: out of budget")
        self.out_of_budget = True
        if launch == 0:
            reason = f"the budget of {self.profile.budget_s:g} s was spent"
            self._write([line(case, column, status="skipped", reason=reason) for column in columns])

    # One launch of one case

    def _measure(self, case: Case, columns: list[Column], launch: int, share_s: float) -> list[Line]:
        """The lines of these cells.

        They are measured together, in rounds. Where they do not fit on a GPU together, one target's after the other's, with
        no other worker there: in this launch all over again, in later ones from the start.
        """
        self.sampling_s = 0.0
        targets = list(dict.fromkeys(column.target for column in columns))
        shared = self.gpu if len(targets) > 1 else None
        if shared and shared.is_for_one_process():
            self.apart.add(case.text)
        if not (shared and case.text in self.apart):
            cells = self._take(case, columns, launch, share_s)
            if not shared or not any(cell.failure and cell.failure.status == "out_of_memory" for cell in cells):
                return [self._line(cell, case, launch) for cell in cells]
            self.apart.add(case.text)
            self.progress.note(
                f"{case.text}: not all fit on the GPU together, so each is measured with the others gone"
            )
        cells = []
        for target in self.random.sample(targets, len(targets)):
            self._renew_workers()  # who could not start beside the others may now
            cells += self._take(case, [c for c in columns if c.target == target], launch, share_s / len(targets))
        return [self._line(cell, case, launch) for cell in cells]

    def _take(self, case: Case, columns: list[Column], launch: int, share_s: float) -> list[Sampling]:
        """These cells built, checked, sampled in rounds, and finished."""
        deadline = time.monotonic() + self.profile.case_s
        checker = Checker(case, self.workers, self.plan.seed, self.plan.columns, deadline)
        cells = [Sampling(column, column.name) for column in columns]
        checked = {identity(one) for one in self.lines if one.checks}
        for cell in self._shuffled(cells):
            if time.monotonic() > deadline:
                reason = f"the {self.profile.case_s:g} s that a case may take were over before this cell was built"
                cell.failure = CellFailed("skipped", reason)
                self.out_of_budget = True
            else:
                self._build(cell, case, checker, check=identity(line(case, cell.column, status="ok")) not in checked)
        start = time.monotonic()
        self._sample(cells, case, checker, min(share_s, deadline - start))
        self.sampling_s += time.monotonic() - start
        for cell in cells:
            self._finish(cell, launch)
        return cells

    def _build(self, cell: Sampling, case: Case, checker: Checker, check: bool) -> None:
        """Program, first call, checks, warm-up. A cell that fails anywhere is done."""
        target = cell.column.target
        try:
            worker = self._ready(target, cell.column.mode)
            if reason := self.targets[target].refused.get(case.precision):
                raise CellFailed("failed", reason)
            if check:
                cell.built, cell.checks = checker.build_and_check(cell.column)
                cell.reference = checker.reference(case)[1]
                if reason := correctness.reason(cell.checks):
                    raise CellFailed("incorrect", reason)
            else:
                cell.built = checker.build(cell.column)
            cell.worker = worker
            cell.samples.clear()
            cell.warmed = self.workers.ask(
                target,
                "warm_up",
                WARM_UP_TIMEOUT_S,
                key=cell.key,
                limit_s=self.profile.warmup_s,
                sample_s=self.profile.sample_s,
            )
        except CellFailed as failure:
            cell.failure = failure

    def _ready(self, target: str, mode: str) -> WorkerProcess:
        """The target's worker, itself proven and the mode's compiler started."""
        worker = self.workers.get(target)
        if target not in self.targets or not self.targets[target].available:
            self._prove(target)
        if self.targets[target].reason:
            raise CellFailed("failed", self.targets[target].reason)
        if mode in worker.hello["compiled_modes"] and mode not in worker.compilers_s:
            reply = self.workers.ask(target, "start_compiler", START_TIMEOUT_S, mode=mode, device=self.device)
            worker.compilers_s[mode] = reply["seconds"]
        return worker

    def _prove(self, target: str) -> None:
        """Let the target's worker prove its synchronisation and its precisions, and record who it is and what it can reach.

        Noise may spoil one proof of the clock, not three.
        """
        worker = self.workers.get(target)
        for _ in range(3):
            proof = self.workers.ask(target, "prove_clock", START_TIMEOUT_S, device=self.device)
            if proof["passed"]:
                break
        refused = "" if proof["passed"] else f"its synchronisation does not wait for its work: {proof['sentence']}"
        self._record_target(
            TargetRecord(
                name=target,
                framework=worker.target.framework,
                python=worker.hello["python"],
                available=True,
                reason=refused,
                versions=worker.hello["versions"],
                settings=worker.hello["settings"],
                synchronization=proof["sentence"],
                refused=self._wrong_precisions(target),
            )
        )
        if not refused:
            self._record_ceilings(target)

    def _wrong_precisions(self, target: str) -> dict[str, str]:
        """The precisions in which it does not compute although it was asked to, and how that shows."""
        asked = {case.precision for case in self.plan.cases} & {"float32", "tf32"} if self.gpu else set()
        refused = {}
        for precision in sorted(asked):
            proof = self.workers.ask(
                target, "prove_precision", START_TIMEOUT_S, precision=precision, device=self.device
            )
            if not proof["passed"]:
                refused[precision] = f"it computes in another precision: {proof['sentence']}"
        return refused

    def _record_ceilings(self, target: str) -> None:
        found = list(self.writer.record.ceilings)
        for precision in dict.fromkeys(case.precision for case in self.plan.cases):
            with contextlib.suppress(CellFailed):  # told by each of its cells
                reached = self.workers.ask(target, "ceilings", START_TIMEOUT_S, precision=precision, device=self.device)
                found.append(Ceiling(target, precision, self.device, self.threads, **reached))
        self.writer.write_record(ceilings=found)

    def _sample(self, cells: list[Sampling], case: Case, checker: Checker, share_s: float) -> None:
        """Rounds over the cells until this launch knows their ratios, the rounds are done, or the share is spent."""
        deadline = time.monotonic() + share_s
        for number, order in enumerate(latin_rounds(len(cells), self.profile.rounds, self.random)):
            wanting = cells if number < stopping.ROUNDS else self._wanting(cells)
            if not wanting:
                return
            if number >= MINIMUM_ROUNDS and time.monotonic() > deadline:
                self.out_of_budget = True
                return
            anchor_ns = self._anchor()
            for index in order:
                if cells[index].failure is None and cells[index] in wanting:
                    self._turn(cells[index], number, case, checker, anchor_ns)

    def _anchor(self) -> float:
        """What fixed work takes now, in ns; 0 where nobody can say, and on a GPU, of which a CPU's work tells nothing."""
        if self.gpu:
            return 0.0
        try:
            return float(self.workers.ask(ORACLE.name, "anchor", SAMPLE_TIMEOUT_S)["ns"])
        except CellFailed:
            return 0.0

    def _turn(self, cell: Sampling, number: int, case: Case, checker: Checker, anchor_ns: float) -> None:
        target = cell.column.target
        try:
            if self.workers.get(target) is not cell.worker:
                # Another cell's fault ended this worker: what was sampled in it belongs to another process' life.
                self._build(cell, case, checker, check=False)
                if cell.failure:
                    return
            timeout_s = SAMPLE_TIMEOUT_S + 20 * self.profile.sample_s
            before = self.gpu.state() if self.gpu else None
            reply = self.workers.ask(target, "sample", timeout_s, key=cell.key)
            cell.samples.append(
                Sample(
                    number, reply["ns"], reply["switches"], reply["stolen_ms"], anchor_ns, **self._of_gpu_since(before)
                )
            )
        except CellFailed as failure:
            cell.failure = failure

    def _of_gpu_since(self, before: State | None) -> dict[str, Any]:
        """How the GPU fared since then, as samples have it; nothing on a CPU."""
        if self.gpu is None or before is None:
            return {}
        now = self.gpu.state()
        strangers = max(0, self.gpu.processes() - self.workers.on_device())
        return {"clock_mhz": now.clock_mhz, "held_down": tuple(held_down(before, now)), "strangers": strangers}

    def _wanting(self, cells: list[Sampling]) -> list[Sampling]:
        """The cells that need further rounds in this launch, with those that they are held against."""
        good = [cell for cell in cells if cell.failure is None]
        if len(good) < 2:
            return good
        fastest = min(good, key=lambda cell: median_of.median(cell.by_round().values()))
        wanting = []
        for cell in good:
            other = self._baseline_of(cell, good) if self.plan.baseline else fastest
            if other is not None and other is not cell:
                ratios = statistics.round_ratios(cell.by_round(), other.by_round())
                if not stopping.enough_rounds(ratios, self.profile.precision_goal):
                    wanting += [cell, other]
        return wanting

    def _baseline_of(self, cell: Sampling, cells: list[Sampling]) -> Sampling | None:
        """The same cell of the target that others are held against."""
        for other in cells:
            is_baseline = given_name(other.column.target, other.column.framework) == self.plan.baseline
            if is_baseline and replace(other.column, target=cell.column.target) == cell.column:
                return other
        return None

    def _finish(self, cell: Sampling, launch: int) -> None:
        """Latency and peak memory; and was the program compiled again while it was timed?"""
        if cell.failure is not None:
            return
        calls = max(3, min(LATENCY_CALLS, int(LATENCY_BUDGET_S * 1e9 / cell.warmed["call_ns"])))
        target = cell.column.target
        try:
            if self.workers.get(target) is not cell.worker:
                return  # lost to another cell's fault after the rounds: the samples stand, latency and memory are not known
            cell.finished = self.workers.ask(
                target, "finish", WARM_UP_TIMEOUT_S, key=cell.key, latency_calls=calls, memory=launch == 0
            )
            cell.finished["device_bytes"] = cell.worker.device_bytes
            if cell.finished["traces"] != cell.warmed["traces"]:
                raise CellFailed("failed", "it was traced or compiled again while it was timed")
        except CellFailed as failure:
            cell.failure = failure

    def _line(self, cell: Sampling, case: Case, launch: int) -> Line:
        if cell.failure is not None:
            if cell.failure.status == "unavailable":
                self._record_unavailable(cell.column, cell.failure.reason)
            return line(
                case,
                cell.column,
                status=cell.failure.status,
                reason=explained(cell.failure, case, self.workers),
                checks=cell.checks,
                reference=cell.reference,
            )
        assert cell.worker is not None
        on_gpu = cell.finished.get("on_gpu")
        if on_gpu:
            on_gpu = OnGpu(**on_gpu, memory_bytes=max(0, cell.finished["device_bytes"]), apart=case.text in self.apart)
        return line(
            case,
            cell.column,
            status="ok",
            checks=cell.checks,
            reference=cell.reference,
            launch=Launch(
                launch=launch,
                import_s=cell.worker.hello["import_s"],
                compiler_start_s=cell.worker.compilers_s.get(cell.column.mode, 0.0),
                build_s=cell.built["build_s"],
                first_call_s=cell.built["first_call_s"],
                warmup_s=cell.warmed["warmup_s"],
                warmup_calls=cell.warmed["warmup_calls"],
                steady=cell.warmed["steady"],
                calls_per_sample=cell.warmed["calls_per_sample"],
                samples=cell.samples,
                latency_ns=cell.finished.get("latency_ns", []),
                peak_memory_bytes=cell.finished.get("peak_memory_bytes"),
                on_gpu=on_gpu,
            ),
        )

    # Small matters

    def _renew_workers(self) -> None:
        """End those that run; others start when they are needed."""
        self.workers.stop()
        self.workers = self._new_workers()

    def _new_workers(self) -> Workers:
        return crew(self.plan, self.scratch, Path(self.writer.folder) / "logs", self.threads)

    def _shuffled(self, cells: list[Sampling]) -> list[Sampling]:
        return self.random.sample(cells, len(cells))

    def _record_target(self, target: TargetRecord) -> None:
        self.targets[target.name] = target
        self.writer.write_record(targets=list(self.targets.values()))

    def _record_unavailable(self, column: Column, reason: str) -> None:
        if column.target not in self.targets:
            python = public_path(self.workers.targets[column.target].python)
            self._record_target(TargetRecord(column.target, column.framework, python, False, reason))

    def _note(self, lines: list[Line]) -> None:
        told = {(one.status, one.reason) for one in self.lines if one not in lines}
        for one in lines:
            if one.status not in ("ok", "unsupported") and (one.status, one.reason) not in told:
                told.add((one.status, one.reason))
                self.progress.note(
                    f"{one.workload}[{one.problem}] {one.task}, {one.target} {one.mode}: {one.status}: {one.reason}"
                )


def _by_threads(todo: list[tuple[Case, list[Column]]]) -> list[list[tuple[Case, list[Column]]]]:
    """The cells parted by threads: a worker has one number of them for life."""
    counts = dict.fromkeys(case.threads for case, _ in todo)
    return [[one for one in todo if one[0].threads == threads] for threads in counts]


def latin_rounds(cells: int, rounds: int, chance: random.Random) -> Iterator[list[int]]:
    """An order of the cells for each round: rows of random Latin squares, so that over `cells` rounds each cell comes once
    in every place, and drift within a round hits all alike."""
    rows: list[list[int]] = []
    for _ in range(rounds):
        if not rows and cells:
            names, shifts = chance.sample(range(cells), cells), chance.sample(range(cells), cells)
            rows = [[names[(shift + place) % cells] for place in range(cells)] for shift in shifts]
        yield rows.pop() if rows else []


def _mean(seconds: list[float]) -> float:
    return sum(seconds) / len(seconds) if seconds else 0.0
