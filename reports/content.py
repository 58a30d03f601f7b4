"""What a report contains, in its order and as plain text: made once, then dressed as HTML or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports import devices, explained, explorer, families, format, learning, scaling, sentences, tables
from reports.anchors import Anchors
from reports.format import count, listing, percent
from reports.measures import Measures
from reports.ranking import Ranking, rank
from reports.tables import Table
from suite import comparison
from suite.cases import FRAMEWORK_MODES
from suite.records import Cell, Run
from suite.statistics import CONFIDENCE

MOST_CASES = 60
"""So many have a section and a figure of their own; of a run with more, the others are in the table of all cells alone."""


@dataclass(frozen=True)
class CaseSection:
    """One case: what was found, and the table that shows it."""

    anchor: str
    label: str
    finding: str
    verdict: str
    """The verdict on the fastest against its rivals; `no comparison` where there is none."""
    parameters: str
    ranking: Table
    unranked: str
    """The cells that are not ranked, with their statuses, in a sentence; empty where all are."""


@dataclass(frozen=True)
class Report:
    """The parts of a report, from top to bottom."""

    title: str
    subject: str
    notes: list[str]
    """How the run ended, where it did not simply end, and whether the machine was busy."""
    overview: str
    families: Table
    """Families of workloads against targets: who wins where."""
    trust: list[str]
    """What a reader must know to believe it: what did not agree, what did not run, what the machine can tell."""
    shared: str
    """What all cases have in common, left out of their labels: `float32, cpu, 2 threads`."""
    scaling: scaling.Scaling | None
    cases: list[CaseSection]
    left_out: str
    """A sentence where there are more cases than sections; empty where there are not."""
    ratios: Table
    compile_cost: Table
    training: Table
    on_gpu: Table
    ceilings: Table
    why: explained.Why
    learning: list[learning.Lesson]
    unranked: Table
    failed_checks: Table
    cells: str
    """Every cell, as data for a program; see `reports.explorer`."""
    reading: list[tuple[str, str]]
    """Terms and what they mean in this report."""
    environment: Table
    targets: Table
    command: str
    provenance: str


def build(run: Run, rankings: list[Ranking] | None = None) -> Report:
    """The report on `run`. Raises RecordsError where the run names no margin."""
    rankings = rank(run) if rankings is None else rankings
    margin = comparison.margin(run)
    labels, shared = case_labels(run.cells)
    anchors, shown = Anchors(), rankings[:MOST_CASES]
    left_out = (
        f"The first {MOST_CASES} of {len(rankings):,} cases are shown one by one; all cells are in the table below."
    )
    return Report(
        title=f"Triptych: {run.record.id}",
        subject=sentences.subject(run),
        notes=sentences.notes(run, rankings),
        overview=sentences.overview(rankings),
        families=families.table(rankings, _targets(run, rankings), margin),
        trust=[sentences.agreement(rankings), sentences.power(run)],
        shared=shared,
        scaling=scaling.build(run),
        cases=[_section(anchors.of(f"case {ranking.case}"), ranking, labels, margin) for ranking in shown],
        left_out=left_out if len(rankings) > MOST_CASES else "",
        ratios=tables.ratios(shown, column_names(run), labels),
        compile_cost=tables.compile_cost(shown, labels),
        training=tables.training(shown, labels),
        on_gpu=devices.on_gpu(shown, labels),
        ceilings=devices.ceilings(run),
        why=explained.why(run, rankings, labels),
        learning=learning.lessons(run.curves),
        unranked=tables.unranked(rankings, labels),
        failed_checks=tables.failed_checks(run, labels),
        cells=explorer.data(rankings, anchors),
        reading=_reading(run, margin),
        environment=tables.environment(run.record.environment),
        targets=tables.targets(run),
        command=run.record.command,
        provenance=f"Recorded {run.record.created} by Triptych {run.record.triptych}. "
        f"{sentences.simple_ending(run)}".rstrip(),
    )


def case_labels(cells: Iterable[Cell]) -> tuple[dict[str, str], str]:
    """Short names of the cases, and what was left out of them because all cases share it.

    The workload, the problem and the task always stay; precision, device and threads stay where they tell cases apart.
    """
    first = {cell.case: cell for cell in cells}
    parts = {case: (cell.precision, cell.device, count(cell.threads, "thread")) for case, cell in first.items()}
    same = [len(set(column)) == 1 for column in zip(*parts.values(), strict=True)]
    labels = {}
    for case, cell in first.items():
        telling = [part for part, shared in zip(parts[case], same, strict=True) if not shared]
        labels[case] = " ".join([f"{cell.workload}[{cell.problem}]", cell.task, *telling])
    one = next(iter(parts.values()), ())
    return labels, ", ".join(part for part, shared in zip(one, same, strict=True) if shared)


def _targets(run: Run, rankings: Iterable[Ranking]) -> list[str]:
    """Those that have a speed somewhere, in the order of the record."""
    ranked = dict.fromkeys(standing.target for ranking in rankings for standing in ranking.standings)
    recorded = dict.fromkeys(target.name for target in run.record.targets if target.name in ranked)
    return list(recorded | ranked)


def column_names(run: Run) -> list[str]:
    """The columns of the heat map: by target as recorded, then mode as the framework orders them, then variant."""
    targets = {target.name: position for position, target in enumerate(run.record.targets)}

    def order(cell: Cell) -> tuple[int, int, bool, str]:
        modes = FRAMEWORK_MODES.get(cell.framework, ())
        mode = modes.index(cell.mode) if cell.mode in modes else len(modes)
        return (targets.get(cell.target, len(targets)), mode, cell.variant != "default", cell.name)

    return list(dict.fromkeys(cell.name for cell in sorted(run.cells, key=order)))


def _section(anchor: str, ranking: Ranking, labels: dict[str, str], margin: float) -> CaseSection:
    measures: list[Measures] = [*(standing.measures for standing in ranking.standings), *ranking.unranked]
    left_out = [f"{m.cell} ({tables.status_text(m)})" for m in ranking.unranked]
    return CaseSection(
        anchor=anchor,
        label=labels[ranking.case],
        finding=sentences.finding(ranking, margin),
        verdict=ranking.verdict or "no comparison",
        parameters=measures[0].parameters,
        ranking=tables.ranking(ranking),
        unranked=f"Not ranked: {listing(left_out)}." if left_out else "",
    )


def _reading(run: Run, margin: float) -> list[tuple[str, str]]:
    """How to read the report: the terms, with the figures of this run."""
    sampling = (
        "The median of a launch's samples, averaged over launches on the log scale. A sample is a block of calls "
        "ended by one synchronisation, divided by their number; latency is one call with its own synchronisation."
    )
    launch = (
        "One life of a worker process. Two identical processes differ for their whole life, so launches, not "
        f"samples, are the observations behind every interval. {sentences.power(run)}"
    )
    interval = (
        f"Student's t over the launches, on the log scale, at {percent(CONFIDENCE)} confidence for each interval "
        "alone: of twenty comparisons of identical cells, one interval may be expected to miss. Ratios are taken "
        "within a round, so that drift of the machine, which hits all cells alike, cancels; they can therefore "
        "differ a little from the ratio of two times in the table."
    )
    verdict = (
        f"Held against the cell that measured fastest, the reference, with a margin of {format.margin(margin)}. "
        "Slower: the interval of the ratio excludes 1 and the ratio lies beyond the margin. Equivalent (=): the "
        "whole interval lies inside the margin. Undecided (?): neither; more launches may settle it. A case has a "
        "fastest target only where every other target is slower."
    )
    correct = (
        "Only cells whose results and gradients passed every check are ranked or show a time. Errors are relative, "
        "each beside its tolerance, and were measured on the inputs that were timed."
    )
    paying = (
        "Build and first call, beyond what eager needs, divided by the time that a compiled call saves. In a fresh "
        "process the compiler's start comes on top, once for all functions."
    )
    disturbed = (
        "Samples during which the worker was switched out more often than it usually is, or the hypervisor gave its "
        "time to others, and outliers (beyond three interquartile ranges), are counted in the tables. They are kept: "
        "medians bear them."
    )
    memory = (
        "The growth of the worker's memory over one call, from a pass of its own. What the framework already held, "
        "and may reuse, is not in it. On a GPU: what the call takes by the framework's own counter."
    )
    ceiling = (
        "The time that the definition's operations and bytes, the fewest that must move, would take at the most that any "
        "target reached on this machine in this precision, as a share of the time that was measured; and which of the two "
        "is the limit. More than 100 % means that the data came from a cache."
    )
    growth = (
        "What is left of a measure once its fixed cost is taken off grows with the swept parameter to this power; the "
        "interval is Student's t over the exponents of the launches, or comes from what the law leaves unexplained where "
        "there is one launch. At the end: between the last two points, fixed cost and all. Where the last point takes less "
        "than twice what the first takes, the exponent is that of both together. Not known: to no better than ± 1.5. By "
        "definition: that of the operations or, for memory, of the bytes that must move. Two cross between points at which "
        "either is proven to be the lower one; the interval holds all places where the launches leave it open."
    )
    gpu = (
        "Kernels: what the device itself takes, by its own events. Dispatch: until the host goes on. A cell is bound by "
        "launches where the device waits for the host. Cold latency: a synchronised call with something else in the "
        "device's cache; latency is the same with its own data there."
    )
    return [
        ("time a call", sampling),
        ("launch", launch),
        ("interval", interval),
        ("verdict", verdict),
        ("correct", correct),
        ("calls until it pays", paying),
        ("disturbed samples", disturbed),
        ("peak memory", memory),
        *([("exponent", growth)] if run.record.selection.get("sweep") else []),
        *([("of the ceiling", ceiling)] if run.record.ceilings else []),
        *([("on a GPU", gpu)] if any(cell.device != "cpu" for cell in run.cells) else []),
    ]
