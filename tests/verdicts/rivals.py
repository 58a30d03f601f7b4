"""The pairs that Triptych's verdicts are proven with, given to other tools: who cries wolf, who misses what is there.

As its users do, each tool measures the old side of a pair and then the new one, in processes of their own, with all
workloads of a framework in one process. asv alternates by default, and does here. No measurement is used for two pairs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from suite.workers import environment
from tests.verdicts.rules import RULES, Judgement

ROOT = Path(__file__).resolve().parents[2]
ORDERS = {
    "pytest-benchmark": ["old", "new"],
    "pyperf": ["old"] * 2 + ["new"] * 2,
    "asv": ["new", "old", "old", "new"],
}
"""A tool's processes, which share a side's seconds. pyperf's users have 20 a side of 3 values each; importing a framework so
often would take longer than the values."""

Problem = tuple[str, str, int]
"""Framework, workload, threads."""


@dataclass(frozen=True)
class Row:
    """What a tool's user reads of one pair. `share` is the planted slowdown of its new side."""

    rule: str
    framework: str
    workload: str
    threads: int
    share: float
    judgement: Judgement


@dataclass(frozen=True)
class Summary:
    """Counts of pairs: `false_alarms` of `equals`; by share, `missed` (not called slower, as Triptych's are counted) and
    `wrong_way` (called faster) of `planted`."""

    equals: int
    false_alarms: int
    planted: dict[float, int]
    missed: dict[float, int]
    wrong_way: dict[float, int]


def collect(problems: Iterable[Problem], shares: Sequence[float], seconds: float) -> Iterator[Row]:
    """Each problem's pairs, a pair for each share, sampled by each tool for `seconds` a side, judged by each of its rules.

    A share may come more than once, each time with a pair of its own. Raises RuntimeError where a process fails.
    """
    groups = defaultdict(list)
    for framework, workload, threads in problems:
        groups[framework, threads].append(workload)
    for share in shares:
        for (framework, threads), workloads in groups.items():
            for tool in ORDERS:
                old, new = _pair(tool, framework, workloads, threads, share, seconds)
                for workload in workloads:
                    for rule, (samples_of, judge) in RULES.items():
                        if samples_of == tool:
                            judgement = judge(old[workload], new[workload])
                            yield Row(rule, framework, workload, threads, share, judgement)


def record(rows: Iterable[Row], file: Path) -> list[Row]:
    """All rows, each appended to `file` as a line of JSON as soon as it is there."""
    found = []
    with file.open("a", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(asdict(row)) + "\n")
            lines.flush()
            found.append(row)
    return found


def read(file: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]


def summary(rows: Iterable[Row]) -> dict[str, Summary]:
    """By rule, in the order of the rows."""
    counts: dict[str, Counter[tuple[float, Judgement]]] = defaultdict(Counter)
    for row in rows:
        counts[row.rule][row.share, row.judgement] += 1
    return {rule: _summed(count) for rule, count in counts.items()}


def _summed(count: Counter[tuple[float, Judgement]]) -> Summary:
    shares = sorted({share for share, _ in count})
    pairs = {share: sum(n for (of, _), n in count.items() if of == share) for share in shares}
    planted = [share for share in shares if share]
    return Summary(
        equals=pairs.get(0, 0),
        false_alarms=pairs.get(0, 0) - count[0, "same"],
        planted={share: pairs[share] for share in planted},
        missed={share: pairs[share] - count[share, "slower"] for share in planted},
        wrong_way={share: count[share, "faster"] for share in planted},
    )


Sides = dict[str, list[float]]


def _pair(
    tool: str, framework: str, workloads: list[str], threads: int, share: float, seconds: float
) -> tuple[Sides, Sides]:
    """The samples of the old side and of the new, by workload; several processes' in a row."""
    order = ORDERS[tool]
    sides: dict[str, Sides] = {side: {workload: [] for workload in workloads} for side in ("old", "new")}
    for side in order:
        planted = share if side == "new" else 0.0
        found = _sample(tool, framework, workloads, threads, planted, seconds / order.count(side))
        for workload, samples in found.items():
            sides[side][workload] += samples
    return sides["old"], sides["new"]


def _sample(tool: str, framework: str, workloads: list[str], threads: int, share: float, seconds: float) -> Sides:
    """One process, under the conditions of Triptych's workers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.json"
        configuration = {
            "tool": tool,
            "framework": framework,
            "workloads": workloads,
            "share": share,
            "cpus": sorted(os.sched_getaffinity(0))[:threads],
            "seconds": seconds,
            "file": str(file),
        }
        command = [sys.executable, "-m", "tests.verdicts.sampling", json.dumps(configuration)]
        caches = environment(threads, Path(folder))
        done = subprocess.run(
            command, cwd=ROOT, env=caches, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise RuntimeError(f"{tool} did not sample {framework} on {threads} threads; its last words: {words}")
        samples: Sides = json.loads(file.read_text("utf-8"))
        return samples
