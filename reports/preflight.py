"""What is said without any timing: the summary of a plan, the doctor's findings, the outcome of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.catalogue import duration
from reports.content import case_labels
from reports.format import clean, count, error, launches, listing
from suite.doctor.finding import Finding
from suite.plan import Plan
from suite.records import Cell, Check, Line, merge

_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}


def plan_summary(plan: Plan, unavailable: Mapping[str, str]) -> RenderableType:
    """What is about to happen; `unavailable` gives the reason for each target that is missing."""
    profile, first = plan.profile, plan.cases[0]
    cells = len(plan.cases) * len(plan.columns)
    size = f"{count(len(plan.cases), 'case')} × {count(len(plan.columns), 'column')} = {count(cells, 'cell')}"
    effort = f"{launches(profile.launches, profile.most_launches)} of up to {count(profile.rounds, 'round')}"
    lines = [
        f"{profile.name}: {size}, {effort}",
        f"  {_problems(plan)}",
        f"  {_precisions(plan)} on {first.device} with {_threads(plan)}",
        f"  {listing(column.name for column in plan.columns)}",
        f"  at most about {duration(profile.budget_s)}; what is not settled by then is reported as it stands",
    ]
    missing = [Text(f"  unavailable: {clean(reason)}", style="yellow") for reason in unavailable.values()]
    return Group(*(Text(clean(line)) for line in lines), *missing)


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """Every finding in a line; below it why it matters and how to mend it, where something is off."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        table.add_row(
            Text(finding.level, style=_STYLES[finding.level]), Text(finding.subject), Text(clean(finding.found))
        )
        if finding.why and finding.level != "ok":
            table.add_row("", "", Text(f"{finding.why}\n→ {finding.remedy}", style="dim"))
    counts = Counter(finding.level for finding in findings)
    words = [count(counts[level], level) for level in ("failure", "warning") if counts[level]]
    ending = f"{listing(words)} among {len(findings)} findings" if words else "nothing is off"
    return Group(table, Text(), Text(ending + ("; a comparison here would mislead" if counts["failure"] else "")))


def checks_table(lines: Sequence[Line]) -> RenderableType:
    """A row for each cell with its status and how near its checks came to their tolerances."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "cell", "status", "checks"):
        table.add_column(heading, overflow="fold")
    cells = merge(lines)
    labels, shared = case_labels(cells)
    shown = ""
    for cell in cells:
        style = "green" if cell.status == "ok" else "bold red" if cell.status in _BAD else "yellow"
        row = ("" if cell.case == shown else labels[cell.case], cell.name)
        table.add_row(*(Text(clean(word)) for word in row), Text(cell.status, style=style), Text(clean(_outcome(cell))))
        shown = cell.case
    counts = Counter(cell.status for cell in cells)
    ending = listing(f"{number} {status}" for status, number in counts.items()) or "no cells"
    return Group(table, Text(), Text(f"{ending}; all cases: {shared}" if shared else ending))


_BAD = ("incorrect", "failed", "crashed", "timeout", "out_of_memory")


def _outcome(cell: Cell) -> str:
    failed = [check for check in cell.checks if not check.passed]
    if failed:
        return "; ".join(_failure(check) for check in failed)
    if cell.reason or not cell.checks:
        return cell.reason
    nearest = max(cell.checks, key=lambda check: (check.error or 0.0) / check.tolerance)
    return f"{len(cell.checks)} passed; nearest: {_numbers(nearest)}"


def _failure(check: Check) -> str:
    return _numbers(check) + (f" ({check.detail})" if check.detail else "")


def _numbers(check: Check) -> str:
    relation = "≤" if check.passed else ">"
    return f"{check.name} {error(check.error)} {relation if check.error is not None else '>'} {check.tolerance:.1e}"


def _problems(plan: Plan) -> str:
    return listing(dict.fromkeys(f"{case.workload}[{case.problem}]" for case in plan.cases))


def _threads(plan: Plan) -> str:
    *others, last = plan.threads
    return listing([*map(str, others), count(last, "thread")], last="or")


def _precisions(plan: Plan) -> str:
    tasks = listing(dict.fromkeys(case.task for case in plan.cases))
    return f"{tasks} in {listing(dict.fromkeys(case.precision for case in plan.cases))}"
