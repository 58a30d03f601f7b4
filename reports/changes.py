"""Two stored runs against each other: what `triptych compare` shows. A `Change` is also what a gate judges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import content
from reports.format import MISSING, count, ratio_with_range
from reports.styled import VERDICTS, line
from suite import calibration, comparison
from suite.comparison import Comparison, MarginOf
from suite.records import Cell, Run
from suite.statistics import unpaired


@dataclass(frozen=True)
class Change:
    """A cell, old and new. `comparison` is new over old; None where one has no speed, or they mean different work."""

    case: str
    cell: str
    old: str
    new: str
    """What became of it: `ok`, or why it has no speed."""
    comparison: Comparison | None
    redefined: bool = False
    """Whether the two mean different work by the same name."""
    old_s: float | None = None
    new_s: float | None = None
    """The times of a call, where both were measured in turns: those of different days say little."""


@dataclass(frozen=True)
class Changes:
    changes: list[Change]
    only_old: list[str]
    only_new: list[str]
    differing: dict[str, tuple[Any, Any]]
    """Conditions that are not the same, old and new: then a ratio says nothing of the software."""
    anchored: bool
    """Whether times are taken relative to the anchor, fixed work that both runs timed in every round."""


def changes(old: Run, new: Run, margin_of: MarginOf) -> Changes:
    """`new` against `old`; the verdicts hold for all cells together, each with a margin of its own."""
    before, after = ({(cell.case, cell.name): cell for cell in run.cells} for run in (old, new))
    then, now = _conditions(old), _conditions(new)
    differing = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    both = [key for key in after if key in before]
    anchored = all(comparison.is_anchored(cell) for run in (old, new) for cell in run.cells)
    found = [_change(key, before[key], after[key], margin_of(*key), anchored) for key in both]
    only_old, only_new = ([" ".join(key) for key in a if key not in b] for a, b in ((before, after), (after, before)))
    together = iter(comparison.control([c.comparison for c in found if c.comparison]))
    judged = [replace(change, comparison=next(together)) if change.comparison else change for change in found]
    return Changes(judged, only_old, only_new, differing, anchored)


def table(found: Changes, old: Run, new: Run) -> RenderableType:
    """What changed, first the conditions, then each cell whose status or speed did, then how many did not."""
    labels, _ = content.case_labels([*new.cells, *old.cells])
    parts: list[RenderableType] = [line(sentence, "red") for sentence in differences(found)]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "cell", "new / old", "verdict"):
        drawn.add_column(heading, overflow="fold")
    for change in found.changes:
        text, verdict = told(change)
        drawn.add_row(
            line(labels[change.case]), line(change.cell), line(text), line(verdict, VERDICTS.get(verdict, ""))
        )
    parts += [drawn, Text()]
    parts += [line(f"only in the old run: {name}") for name in found.only_old]
    parts += [line(f"only in the new run: {name}") for name in found.only_new]
    parts.append(line(summary(found), "bold"))
    return Group(*parts)


def summary(found: Changes) -> str:
    """How many cells became faster, slower and so on, and what their times are relative to."""
    how = "relative to the anchor" if found.anchored else "not corrected by an anchor"
    return f"{count(len(found.changes), 'cell')} in both runs: {counts(found.changes)}; {how}."


def as_json(found: Changes) -> dict[str, Any]:
    """What `table` shows, unrounded."""
    return {
        "differing": {name: {"old": was, "new": now} for name, (was, now) in found.differing.items()},
        "anchored": found.anchored,
        "only_old": found.only_old,
        "only_new": found.only_new,
        "cells": [
            {
                "case": change.case,
                "cell": change.cell,
                "old": change.old,
                "new": change.new,
                "redefined": change.redefined,
                **comparison.as_json(change.comparison),
            }
            for change in found.changes
        ],
    }


def state(ranked: bool, status: str) -> str:
    """What became of a cell: `ok`, or why it has no speed."""
    return "ok" if ranked else status if status != "ok" else "not ranked"


def differences(found: Changes) -> list[str]:
    """A sentence for each condition that is not the same."""
    return [
        f"{name} is not the same: {was} then, {now} now. The ratios say nothing of the software."
        for name, (was, now) in found.differing.items()
    ]


def counts(found: Iterable[Change]) -> str:
    """`0 faster, 1 slower, 0 equivalent, 2 undecided`."""
    verdicts = [change.comparison.verdict for change in found if change.comparison]
    return ", ".join(f"{verdicts.count(v)} {v}" for v in ("faster", "slower", "equivalent", "undecided"))


def told(change: Change) -> tuple[str, str]:
    """The ratio and the verdict, or what stands in their place."""
    if change.redefined:
        return MISSING, "the definition changed"
    if change.old != change.new:
        return MISSING, f"{change.old} → {change.new}"
    if change.comparison is None:
        return MISSING, change.new
    return ratio_with_range(change.comparison.ratio), change.comparison.verdict


def _change(key: tuple[str, str], old: Cell, new: Cell, margin: float, anchored: bool) -> Change:
    redefined = (old.parameters, old.flops, old.bytes) != (new.parameters, new.flops, new.bytes)
    found = None
    if not redefined and comparison.is_ranked(old) and comparison.is_ranked(new):
        ours, theirs = (comparison.levels(cell, anchored) for cell in (new, old))
        ratio, different, equivalent = unpaired(ours, theirs, margin)
        found = Comparison(ratio, "undecided", min(len(ours), len(theirs)), margin, different, equivalent)
    then, now = (state(comparison.is_ranked(cell), cell.status) for cell in (old, new))
    return Change(*key, then, now, found, redefined)


def _conditions(run: Run) -> dict[str, Any]:
    threads = sorted({cell.threads for cell in run.cells})
    device = next((cell.device for cell in run.cells), "cpu")
    return calibration.conditions(run.record.environment, threads[0] if len(threads) == 1 else 0, device)
