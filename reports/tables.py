"""The tables of a report, as rows of plain text. Nothing here is escaped; whoever renders a table escapes all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reports import format as text
from reports.format import MISSING
from reports.measures import Measures
from reports.nested import flatten, pairs
from reports.ranking import Ranking, Standing
from suite.comparison import is_ranked, passed
from suite.records import Cell, Run
from suite.statistics import Interval, common_mean

Kind = Literal["name", "text", "number", "verdict", "status"]

MARKS = {"slower": "", "faster": "", "equivalent": " =", "undecided": " ?"}
"""What follows a ratio where there is no room for its verdict."""

REFERENCE = "reference"
"""What stands in place of a verdict for the cell that the others are held against."""


@dataclass(frozen=True)
class Column:
    heading: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of text under their columns; every row is as long as `columns`."""

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]


def ratios(rankings: Sequence[Ranking], columns: Sequence[str], labels: Mapping[str, str]) -> Table:
    """The heat map's numbers: a row a case, a column for each name in `columns`; at the end their means."""
    rows = []
    for ranking in rankings:
        cells = {standing.name: ratio_text(standing) for standing in ranking.standings}
        cells |= {measures.cell: status_text(measures) for measures in ranking.unranked}
        rows.append((labels[ranking.case], *(cells.get(name, "") for name in columns)))
    heads = (Column("case", "name"), *(Column(name, "number") for name in columns))
    return Table(
        "Time of each cell as a multiple of the fastest in its case", heads, [*rows, *_means(rankings, columns)]
    )


def _means(rankings: Sequence[Ranking], columns: Sequence[str]) -> list[tuple[str, ...]]:
    """One row: the geometric mean of every column that has ratios, over the cases that all of them finished. None where
    fewer than two such cases are."""
    cases = [{standing.name: standing.ratio.estimate for standing in ranking.standings} for ranking in rankings]
    finished = [name for name in columns if any(name in case for case in cases)]
    common = sum(all(name in case for name in finished) for case in cases)
    if common < 2:
        return []
    means = dict(zip(finished, common_mean([[case.get(name) for name in finished] for case in cases]), strict=True))
    label = f"geometric mean of the {common} cases that all finished"
    return [(label, *(text.ratio(means[name]) if name in means else MISSING for name in columns))]


def ratio_text(standing: Standing) -> str:
    """`1.83×`, with a mark where the verdict is not `slower`."""
    return text.ratio(standing.ratio.estimate) + MARKS.get(standing.verdict or "", "")


def status_text(measures: Measures) -> str:
    """A status in words: `out of memory`. A cell that ended ok without proof of it is `not ranked`."""
    return "not ranked" if measures.status == "ok" else measures.status.replace("_", " ")


def ranking(ranking: Ranking) -> Table:
    """The ranked cells of one case, the fastest first. Columns in which no cell has anything are left out."""
    standings = ranking.standings
    columns: list[tuple[Column, list[str]]] = [
        (Column("cell", "name"), [standing.name for standing in standings]),
        (Column("time a call", "number"), [text.seconds(s.measures.median_s) for s in standings]),
        (Column("interval", "number"), [_interval(s.measures) for s in standings]),
        (Column("ratio to the fastest", "number"), [_ratio(s) for s in standings]),
        (Column("verdict", "verdict"), [standing.verdict or REFERENCE for standing in standings]),
        (Column("value error / tolerance", "number"), [_error(s.measures, "value") for s in standings]),
        (Column("gradient error / tolerance", "number"), [_error(s.measures, "gradient") for s in standings]),
        (Column("training error / tolerance", "number"), [_error(s.measures, "training") for s in standings]),
        (Column("latency", "number"), [text.seconds(s.measures.latency_s) for s in standings]),
        (Column("peak memory", "number"), [text.size(s.measures.peak_memory_bytes) for s in standings]),
        (Column("rate", "number"), [text.rate(s.measures.flops_per_s, "flop") for s in standings]),
        (Column("of the ceiling", "number"), [_place(s.measures) for s in standings]),
        (Column("samples (launches)"), [_samples(s.measures) for s in standings]),
    ]
    shown = [(column, cells) for column, cells in columns if any(cell != MISSING for cell in cells)]
    rows = list(zip(*(cells for _, cells in shown), strict=True))
    return Table("Ranked cells, the fastest first", tuple(column for column, _ in shown), rows)


def compile_cost(rankings: Sequence[Ranking], labels: Mapping[str, str]) -> Table:
    """What each ranked mode but `eager` costs before it runs at its speed, and when that has paid."""
    heads = ("compiler start", "build", "first call", "warm-up", "time a call")
    paying = ("calls until it pays", "the same in a fresh process")
    rows = [
        (
            labels[ranking.case],
            standing.name,
            *(text.seconds(value) for value in _phases(standing.measures)),
            _pays(standing.measures, standing.measures.break_even_calls),
            _pays(standing.measures, standing.measures.break_even_calls_with_start),
        )
        for ranking in rankings
        for standing in sorted(ranking.standings, key=lambda standing: standing.name)
        if standing.measures.mode != "eager"
    ]
    columns = (
        Column("case", "name"),
        Column("cell", "name"),
        *(Column(head, "number") for head in heads),
        *(Column(head) for head in paying),
    )
    return Table("One-off costs of the compiled modes, and calls until they pay against eager", columns, rows)


def training(rankings: Sequence[Ranking], labels: Mapping[str, str]) -> Table:
    """Each ranked training step: how many examples a second, the memory it takes, and what forward pass, backward pass and
    update take of it, from the times of the tasks `forward` and `gradient` beside it."""
    ranked = [standing.measures for ranking in rankings for standing in ranking.standings]
    times = {(_without_task(m), m.task): m.median_s for m in ranked}
    rows = []
    for ranking in rankings:
        for standing in sorted(ranking.standings, key=lambda standing: standing.name):
            m = standing.measures
            if m.task == "train_step" and m.median_s:
                forward, gradient = (times.get((_without_task(m), task)) for task in ("forward", "gradient"))
                batch = dict(pair.partition("=")[::2] for pair in m.parameters.split()).get("batch")
                speed = f"{int(batch) / m.median_s:,.4g}" if batch else MISSING
                figures = (text.seconds(m.median_s), speed, text.size(m.peak_memory_bytes))
                rows.append((labels[m.case], m.cell, *figures, *_shares(forward, gradient, m.median_s)))
    columns = (
        Column("case", "name"),
        Column("cell", "name"),
        Column("time a step", "number"),
        Column("examples a second", "number"),
        Column("peak memory", "number"),
        *(Column(part, "number") for part in ("forward", "backward", "update")),
    )
    return Table("Training steps, and what their parts take", columns, rows)


def _without_task(m: Measures) -> tuple[Any, ...]:
    return m.workload, m.parameters, m.precision, m.device, m.threads, m.cell


def _shares(forward_s: float | None, gradient_s: float | None, step_s: float) -> tuple[str, str, str]:
    """Of the step: forward, what the gradient takes beyond it, and what the step takes beyond that. A part that comes out
    below nothing is lost in the noise, or in what a compiler leaves out."""
    if forward_s is None or gradient_s is None:
        return MISSING, MISSING, MISSING
    parts = forward_s, gradient_s - forward_s, step_s - gradient_s
    shares = [f"{100 * part / step_s:.0f} %" if part >= 0 else "about 0 %" for part in parts]
    return shares[0], shares[1], shares[2]


def unranked(rankings: Sequence[Ranking], labels: Mapping[str, str]) -> Table:
    """Everything without a speed, and why; a row for each status and reason, however many cells share them."""
    groups: dict[tuple[str, str], list[Measures]] = {}
    for ranking in rankings:
        for measures in ranking.unranked:
            groups.setdefault((status_text(measures), measures.reason), []).append(measures)
    rows = []
    for (status, reason), members in groups.items():
        names = dict.fromkeys(measures.cell for measures in members)
        cases = dict.fromkeys(labels[measures.case] for measures in members)
        rows.append((status, reason, str(len(members)), text.listing(names, 8), text.listing(cases, 4)))
    columns = (
        Column("status", "status"),
        Column("reason"),
        Column("cells", "number"),
        Column("which"),
        Column("in the cases"),
    )
    return Table("Cells without a speed, and why", columns, rows)


def failed_checks(run: Run, labels: Mapping[str, str]) -> Table:
    """The checks that did not pass, with their errors."""
    rows = [
        (labels[cell.case], cell.name, check.name, text.error(check.error), text.error(check.tolerance), check.detail)
        for cell in run.cells
        for check in cell.checks
        if not passed(check)
    ]
    columns = (
        Column("case", "name"),
        Column("cell", "name"),
        Column("check"),
        Column("error", "number"),
        Column("tolerance", "number"),
        Column("where, or against what"),
    )
    return Table("Checks that did not pass", columns, rows)


def environment(value: Mapping[str, Any]) -> Table:
    """Whatever the run recorded of its machine, a row a value."""
    rows = [(" › ".join(path), leaf) for path, leaf in flatten(dict(value)) if path]
    return Table("The machine and its software", (Column("what", "name"), Column("value")), rows)


def targets(run: Run) -> Table:
    """Each target with its versions, its settings as read back, and the proof of its clock."""
    rows = [
        (
            target.name,
            target.framework,
            pairs(target.versions) or MISSING,
            pairs(target.settings) or MISSING,
            target.synchronization or MISSING,
            text.seconds(_import_s(run, target.name)),
            target.python if target.available else f"not available: {target.reason or 'no reason was recorded'}",
        )
        for target in run.record.targets
    ]
    columns = (
        Column("target", "name"),
        Column("framework"),
        Column("versions"),
        Column("settings, as read back"),
        Column("proof of synchronisation"),
        Column("import", "number"),
        Column("interpreter"),
    )
    return Table("Targets", columns, rows)


def _import_s(run: Run, target: str) -> float | None:
    cells: list[Cell] = [cell for cell in run.cells if cell.target == target and is_ranked(cell)]
    # All cells of a launch share one worker: each import counts once.
    times = {launch.launch: launch.import_s for cell in cells for launch in cell.launches}
    return float(np.median(list(times.values()))) if times else None


def _phases(m: Measures) -> tuple[float | None, ...]:
    return m.compiler_start_s, m.build_s, m.first_call_s, m.warmup_s, m.median_s


def _interval(m: Measures) -> str:
    if m.median_s is None or m.median_low_s is None or m.median_high_s is None:
        return MISSING
    return text.plus_minus(Interval(m.median_s, m.median_low_s, m.median_high_s))


def _ratio(standing: Standing) -> str:
    return text.ratio_with_range(standing.ratio) if standing.against_fastest else text.ratio(1.0)


def _error(m: Measures, kind: str) -> str:
    tolerance = getattr(m, f"{kind}_tolerance")
    return MISSING if tolerance is None else f"{text.error(getattr(m, f'{kind}_error'))} / {text.error(tolerance)}"


def _place(m: Measures) -> str:
    """`62 %, memory`: the share of what the limit allows."""
    return MISSING if m.ceiling_share is None else f"{text.percent(m.ceiling_share)}, {m.ceiling}"


def _samples(m: Measures) -> str:
    """`60 (5)`, followed by whatever makes them doubtful."""
    doubts = [
        f"{text.percent(m.disturbed_share)} disturbed" if m.disturbed_share else "",
        text.count(m.outliers, "outlier") if m.outliers else "",
        f"{text.count(m.unsteady_launches, 'launch', 'launches')} not steady" if m.unsteady_launches else "",
    ]
    return "; ".join([f"{m.samples} ({m.launches})", *filter(None, doubts)])


def _pays(m: Measures, calls: float | None) -> str:
    """When a compiled mode has paid: only as sure as its verdict against eager."""
    if m.against_eager is None:
        return "no eager cell to compare with"
    if m.against_eager == "slower":
        return "never: slower than eager"
    if m.against_eager == "equivalent":
        return "no difference to eager"
    number = "at once" if calls == 0 else text.calls(calls)
    if m.against_eager == "undecided":
        return "undecided" if number == MISSING else f"undecided; {number} if it is faster"
    return number
