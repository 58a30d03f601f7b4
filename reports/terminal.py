"""The summary that `triptych run` prints at its end, and the same as plain data for `--json`."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import content, explained, scaling, sentences, tables
from reports.format import ratio, seconds
from reports.measures import Measures
from reports.ranking import Ranking, Standing, rank
from reports.styled import grid, line
from suite import comparison
from suite.records import Run

_VERDICT_STYLES = {"faster": "green", "equivalent": "default", "undecided": "yellow"}


def summary(run: Run) -> RenderableType:
    """For each case the fastest, each target's best mode and the verdict; then what has no speed, and why.

    Reads well from 80 columns. Raises RecordsError where the run names no margin.
    """
    rankings = rank(run)
    labels, shared = content.case_labels(run.cells)
    parts: list[RenderableType] = []
    if rankings:
        parts += [line(f"{sentences.overview(rankings)}.", "bold"), _ratios(run, rankings, labels), _key(run, shared)]
    else:
        parts.append(line("No cell was recorded."))
    unranked = tables.unranked(rankings, labels)
    if unranked.rows:
        parts += [Text(), _unranked(unranked)]
    if grown := scaling.build(run):
        parts += [Text(), scaling.summary(grown)]
    for note in sentences.notes(run, rankings):
        parts += [Text(), line(note, "yellow")]
    return Group(*parts)


def why(run: Run) -> RenderableType:
    """What explains each cell, in sentences, then the tables; the case is left out of these where there is but one.

    Raises RecordsError where the run names no margin.
    """
    rankings = rank(run)
    found = explained.why(run, rankings, content.case_labels(run.cells)[0])
    parts: list[RenderableType] = []
    for name, finding in found.findings:
        parts += [line(name, "bold"), line(finding), Text()]
    for table in found.tables:
        parts += [line(table.caption, "bold"), grid(table, without=int(len(rankings) == 1)), Text()]
    return Group(*parts, *(line(note, "yellow") for note in found.notes))


def why_as_json(run: Run) -> dict[str, Any]:
    """The same, unrounded: plain dicts, lists, numbers, text and None. Times are in seconds."""
    return {"id": run.record.id, "cells": explained.as_json(run, rank(run))}


def as_json(run: Run) -> dict[str, Any]:
    """What `summary` shows, unrounded: plain dicts, lists, numbers, text and None. Times are in seconds.

    Raises RecordsError where the run names no margin.
    """
    margin = comparison.margin(run)
    rankings = rank(run)
    grown = scaling.build(run)
    return {
        "id": run.record.id,
        "ended": run.record.ended,
        "margin": margin,
        "overview": sentences.overview(rankings),
        "notes": sentences.notes(run, rankings),
        "cases": [_case_json(ranking, margin) for ranking in rankings],
        **({"scaling": scaling.as_json(grown)} if grown else {}),
    }


def _ratios(run: Run, rankings: list[Ranking], labels: dict[str, str]) -> Table:
    targets = list(dict.fromkeys([*(target.name for target in run.record.targets), *(c.target for c in run.cells)]))
    targets = [target for target in targets if any(cell.target == target for cell in run.cells)]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("case", overflow="fold", ratio=1, min_width=16)
    for target in targets:
        table.add_column(line(target), justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for ranking in rankings:
        verdict = ranking.verdict or "–"
        table.add_row(
            line(labels[ranking.case].replace(" ", "\n", 1)),
            *(_best(ranking, target) for target in targets),
            Text(verdict, _VERDICT_STYLES.get(verdict, "dim")),
        )
    return table


def _best(ranking: Ranking, target: str) -> Text:
    """Two lines: the ratio of the target's best cell, or the time of the fastest; and its mode. Else a status."""
    best = ranking.best_of(target)
    if best is None:
        statuses = dict.fromkeys(tables.status_text(m) for m in ranking.unranked if m.target == target)
        return line("\n".join(next(iter(statuses), "").split(" ", 1)), "dim")
    mode = best.name.removeprefix(f"{best.target} ")
    if best is ranking.fastest:
        style = "bold green" if ranking.verdict == "faster" else "bold"
        return line(f"{seconds(best.measures.median_s)}\n{mode}", style)
    return line(f"{ratio(best.ratio.estimate)}{tables.MARKS.get(best.verdict or '', '')}\n{mode}")


def _key(run: Run, shared: str) -> Text:
    text = (
        "Time of the fastest; the others' best mode as a multiple of it. "
        f"= no difference that this machine can resolve; ? undecided. {sentences.power(run)}"
    )
    parts = [text, f"All cases: {shared}." if shared else "", sentences.simple_ending(run)]
    return line(" ".join(filter(None, parts)), "dim")


def _unranked(content_table: tables.Table) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("no speed", no_wrap=True)
    table.add_column("cells", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=3)
    table.add_column("which", overflow="fold", ratio=2)
    for status, reason, number, which, _ in content_table.rows:
        table.add_row(line(status, "yellow"), number, line(reason), line(which))
    return table


def _case_json(ranking: Ranking, margin: float) -> dict[str, Any]:
    return {
        "case": ranking.case,
        "finding": sentences.finding(ranking, margin),
        "verdict": ranking.verdict,
        "fastest": ranking.fastest.name if ranking.fastest else None,
        "ranking": [_standing_json(standing) for standing in ranking.standings],
        "unranked": [_unranked_json(measures) for measures in ranking.unranked],
    }


def _standing_json(standing: Standing) -> dict[str, Any]:
    m = standing.measures
    return {
        **_name_json(m),
        "median_s": m.median_s,
        "interval_s": None if m.median_low_s is None else [m.median_low_s, m.median_high_s],
        "ratio": standing.ratio.estimate,
        "ratio_interval": [standing.ratio.low, standing.ratio.high] if math.isfinite(standing.ratio.high) else None,
        "verdict": standing.verdict,
        "launches": m.launches,
        "latency_s": m.latency_s,
        "peak_memory_bytes": m.peak_memory_bytes,
        "value_error": m.value_error,
        "value_tolerance": m.value_tolerance,
        "gradient_error": m.gradient_error,
        "gradient_tolerance": m.gradient_tolerance,
    }


def _unranked_json(measures: Measures) -> dict[str, Any]:
    return {**_name_json(measures), "status": measures.status, "reason": measures.reason}


def _name_json(m: Measures) -> dict[str, str]:
    return {"cell": m.cell, "target": m.target, "framework": m.framework, "mode": m.mode, "variant": m.variant}
