"""What the verdicts are worth: pairs of equals, and pairs in which one side is slower by a known share.

They are measured as any run is. In a case each framework is measured five times, by workers of their own: a base, its equal,
and one for each slowdown. Each of the four is held against the base.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from reports.progress import Lines
from suite import comparison, coordinator, records
from suite.cases import Case, Column
from suite.comparison import Comparison
from suite.plan import Plan, Profile
from suite.records import Cell, RunRecord
from suite.targets import Target
from suite.workloads import WORKLOADS as DEFINITIONS
from tests.figure import Figure
from tests.verdicts.slowed import (
    FRAMEWORKS,
    PROBLEM,
    SAMPLE_S,
    SHARES,
    WARM_UP_S,
    WORKLOADS,
    is_unsteady,
    package,
    quarter,
)

BASE = "base"
MARGIN = 0.02
"""About what 12 launches tell with one thread, by what equals spread over all these cases (`calibration.Calibration`)."""
PROFILE = Profile(
    name="verdicts",
    summary="",
    selectors=list(WORKLOADS),
    tasks=["forward"],
    modes=["all"],
    launches=5,
    most_launches=12,
    rounds=40,
    sample_s=SAMPLE_S,
    warmup_s=WARM_UP_S,
    budget_s=1800,
    case_s=1800,
    precision_goal=0.01,
    margin=MARGIN,
)

MAY_MISS = {0.03: 40.0, 0.05: 10.0, 0.10: 1.0}
"""Of all slowdowns of a size so many percent may go unnoticed on a machine that does nothing else."""
BUSY = """
import time
while True:
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end:
        pass
    time.sleep(0.05)
"""


@dataclass(frozen=True)
class Judged:
    """One pair: the share that was planted, and what was said of it."""

    case: str
    framework: str
    share: float
    unsteady: bool
    shared: bool
    """Whether the other tools get this pair too."""
    comparison: Comparison
    sampling_s: float
    """The time that the slower of the two cells was sampled, the blocks that are thrown away included."""


def measure(threads: int, folder: Path) -> list[Judged]:
    """Measure all pairs with so many threads, into `folder`, and judge them together, as a report does."""
    plan = make_plan(threads)
    with records.open_new(folder, _record(plan)) as writer:
        ended = coordinator.execute(plan, writer, Lines(Console(stderr=True)))
        writer.write_record(ended=ended)
    return read(folder)


def read(folder: Path) -> list[Judged]:
    """The pairs of a run that lies in `folder`."""
    pairs = comparison.pairs(records.read_run(folder).cells, BASE)
    alone = [comparison.compare(cell, base, MARGIN) for cell, base in pairs]
    together = comparison.control(alone)
    shares, shared = {_name(share): share for share in SHARES}, quarter()
    return [
        Judged(
            cell.case,
            cell.framework,
            shares[cell.target.removesuffix(f"-{cell.framework}")],
            is_unsteady(cell.framework, cell.workload, cell.threads),
            (cell.framework, cell.workload, cell.threads) in shared,
            one,
            max(_sampling_s(cell), _sampling_s(base)),
        )
        for (cell, base), one in zip(pairs, together, strict=True)
    ]


def make_plan(threads: int) -> Plan:
    targets, columns = [], []
    for framework, mode in FRAMEWORKS.items():
        for name, share in [(BASE, 0.0), *((_name(share), share) for share in SHARES)]:
            target = Target(f"{name}-{framework}", framework, sys.executable, package(framework, share))
            targets.append(target)
            columns.append(Column(target.name, framework, mode))
    problems = {name: DEFINITIONS[name].problem(PROBLEM) for name in WORKLOADS}
    cases = [Case(name, PROBLEM, problem, "forward", "float32", "cpu", threads) for name, problem in problems.items()]
    return Plan(PROFILE, cases, targets, columns, 0, False, BASE)


def score(found: Sequence[Judged], suffix: str) -> Iterator[Figure]:
    """What the verdicts on these pairs were worth; `suffix` tells the conditions apart. Pairs that the other tools get too
    come once more by themselves, and unsteady ones last."""
    steady = [one for one in found if not one.unsteady]
    yield from _score(steady, suffix, {share: None for share in SHARES} if suffix else MAY_MISS)
    yield Figure(f"mean_sampling{suffix}", sum(one.sampling_s for one in found) / len(found), "s_per_cell", None)
    yield Figure(f"most_sampling{suffix}", max(one.sampling_s for one in found), "s_per_cell", 20)
    if shared := [one for one in steady if one.shared]:
        yield from _score(shared, f"_shared{suffix}", {share: None for share in SHARES})
    if unsteady := [one for one in found if one.unsteady]:
        yield from _score(unsteady, f"_unsteady{suffix}", {share: None for share in SHARES})


def _score(found: Sequence[Judged], suffix: str, may_miss: Mapping[float, float | None]) -> Iterator[Figure]:
    verdicts = {share: [one.comparison.verdict for one in found if one.share == share] for share in SHARES}
    equals = verdicts.pop(0.0)
    yield Figure(f"pairs_of_equals{suffix}", len(equals), "pairs", None)
    yield Figure(f"false_verdicts{suffix}", _percent([one in ("faster", "slower") for one in equals]), "%", 5)
    for share, given in verdicts.items():
        missed = _percent([one != "slower" for one in given])
        yield Figure(f"missed_{round(100 * share)}{suffix}", missed, "%", may_miss[share])
    wrong = sum(one == "faster" for given in verdicts.values() for one in given)
    yield Figure(f"wrong_direction{suffix}", wrong, "pairs", 0)


@contextmanager
def busy_core() -> Iterator[None]:
    """Meanwhile another process keeps one core busy half of the time, in turns of 50 ms."""
    other = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def _percent(which: Sequence[bool]) -> float:
    return 100 * sum(which) / len(which)


def _name(share: float) -> str:
    return f"slower{round(100 * share)}"


def _sampling_s(cell: Cell) -> float:
    """Every sample follows one that is thrown away."""
    return sum(2 * sample.ns * launch.calls_per_sample / 1e9 for launch in cell.launches for sample in launch.samples)


def _record(plan: Plan) -> RunRecord:
    from datetime import UTC, datetime

    from suite.environment import collect

    created = datetime.now(UTC).isoformat(timespec="seconds")
    return RunRecord(records.SCHEMA_VERSION, "verdicts", created, "", "", plan.as_dict(), collect(""), [])
