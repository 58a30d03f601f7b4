"""Two stored runs against each other: what `triptych compare` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import content
from reports.format import MISSING, clean, count, percent, ratio_with_range
from suite import calibration, comparison
from suite.comparison import Comparison
from suite.records import Cell, Run
from suite.statistics import unpaired

_STYLES = {"faster": "green", "slower": "red", "undecided": "yellow"}


@dataclass(frozen=True)
class Change:
    """A cell of both runs. `comparison` is new over old; None where one has no speed, or they mean different work."""

    case: str
    cell: str
    old: str
    new: str
    """What became of it: `ok`, or why it has no speed."""
    comparison: Comparison | None
    redefined: bool
    """Whether the two runs mean different work by the same name."""


@dataclass(frozen=True)
class Changes:
    changes: list[Change]
    only_old: list[str]
    only_new: list[str]
    differing: dict[str, tuple[Any, Any]]
    """Conditions that are not the same, old and new: then a ratio says nothing of the software."""
    anchored: bool
    """Whether times are taken relative to the anchor, fixed work that both runs timed in every round."""


def changes(old: Run, new: Run, margin: float) -> Changes:
    """`new` against `old`; the verdicts hold for all cells together."""
    before, after = ({(cell.case, cell.name): cell for cell in run.cells} for run in (old, new))
    then, now = _conditions(old), _conditions(new)
    differing = {name: (then[name], now[name]) for name in then if then[name] != now[name]}
    both = [key for key in after if key in before]
    anchored = all(comparison.is_anchored(cell) for run in (old, new) for cell in run.cells)
    found = [_change(key, before[key], after[key], margin, anchored) for key in both]
    together = iter(comparison.control([c.comparison for c in found if c.comparison], margin))
    judged = [
        Change(c.case, c.cell, c.old, c.new, next(together) if c.comparison else None, c.redefined) for c in found
    ]
    only_old, only_new = ([" ".join(key) for key in a if key not in b] for a, b in ((before, after), (after, before)))
    return Changes(judged, only_old, only_new, differing, anchored)


def regressions(found: Changes, above: float) -> list[Change]:
    """The cells that are slower by more than `above`: interval, margin and the control of false discoveries agree.

    None where the conditions differ.
    """
    slower = [c for c in found.changes if c.comparison and c.comparison.verdict == "slower"]
    return [] if found.differing else [c for c in slower if c.comparison and c.comparison.ratio.estimate > 1 + above]


def broken(found: Changes) -> list[Change]:
    """The cells that were `ok` and no longer are."""
    return [change for change in found.changes if change.old == "ok" and change.new != "ok"]


def table(found: Changes, old: Run, new: Run) -> RenderableType:
    """What changed, first the conditions, then each cell whose status or speed did, then how many did not."""
    labels, _ = content.case_labels([*new.cells, *old.cells])
    parts: list[RenderableType] = []
    for name, (was, now) in found.differing.items():
        parts.append(
            _line(f"{name} is not the same: {was} then, {now} now. The ratios say nothing of the software.", "red")
        )
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "cell", "new / old", "verdict"):
        drawn.add_column(heading, overflow="fold")
    for change in found.changes:
        text, verdict = _told(change)
        drawn.add_row(
            _line(labels[change.case]), _line(change.cell), _line(text), _line(verdict, _STYLES.get(verdict, ""))
        )
    parts += [drawn, Text()]
    parts += [_line(f"only in the old run: {name}") for name in found.only_old]
    parts += [_line(f"only in the new run: {name}") for name in found.only_new]
    verdicts = [c.comparison.verdict for c in found.changes if c.comparison]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in ("faster", "slower", "equivalent", "undecided"))
    how = "relative to the anchor" if found.anchored else "not corrected by an anchor"
    parts.append(_line(f"{count(len(found.changes), 'cell')} in both runs: {counts}; {how}.", "bold"))
    return Group(*parts)


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


def closing(regressed: list[Change], gone: list[Change], above: float) -> str:
    """The sentence with which a gate fails."""
    slower = [f"{c.case} {c.cell}" for c in regressed]
    failed = [f"{c.case} {c.cell} is {c.new}" for c in gone]
    parts = [f"slower by more than {percent(above)}: {'; '.join(slower)}"] if slower else []
    return ". ".join([*parts, *([f"no longer ok: {'; '.join(failed)}"] if failed else [])])


def _change(key: tuple[str, str], old: Cell, new: Cell, margin: float, anchored: bool) -> Change:
    redefined = (old.parameters, old.flops, old.bytes) != (new.parameters, new.flops, new.bytes)
    found = None
    if not redefined and comparison.is_ranked(old) and comparison.is_ranked(new):
        ours, theirs = (comparison.levels(cell, anchored) for cell in (new, old))
        ratio, different, equivalent = unpaired(ours, theirs, margin)
        found = Comparison(ratio, "undecided", min(len(ours), len(theirs)), different, equivalent)
    return Change(*key, _state(old), _state(new), found, redefined)


def _state(cell: Cell) -> str:
    return "ok" if comparison.is_ranked(cell) else cell.status if cell.status != "ok" else "not ranked"


def _conditions(run: Run) -> dict[str, Any]:
    threads = sorted({cell.threads for cell in run.cells})
    return calibration.conditions(run.record.environment, threads[0] if len(threads) == 1 else 0)


def _told(change: Change) -> tuple[str, str]:
    if change.redefined:
        return MISSING, "the definition changed"
    if change.old != change.new:
        return MISSING, f"{change.old} → {change.new}"
    if change.comparison is None:
        return MISSING, change.new
    return ratio_with_range(change.comparison.ratio), change.comparison.verdict


def _line(text: str, style: str = "") -> Text:
    return Text(clean(text), style)
