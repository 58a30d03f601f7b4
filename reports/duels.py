"""One target against another, cell by cell: what `triptych ab` shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import content, sentences, tables
from reports.changes import Change, counts, state
from reports.format import MISSING, clean, ratio_with_range, seconds
from reports.measures import Measures, measure
from reports.styled import VERDICTS
from suite import comparison
from suite.comparison import Comparison, MarginOf
from suite.records import Cell, Run
from suite.targets import given_name


@dataclass(frozen=True)
class Duel:
    """A cell of the new target, and the same of the old one. `comparison` is new over old; None where one has no speed."""

    case: str
    framework: str
    mode: str
    variant: str
    old: Measures
    new: Measures
    comparison: Comparison | None

    @property
    def name(self) -> str:
        return _name(self.framework, self.mode, self.variant)


def duels(run: Run, old: str, new: str, margin_of: MarginOf | None = None) -> list[Duel]:
    """Every cell that both targets have, in the order of the run; the verdicts hold for all of them together.

    `old` and `new` are names as `targets.named_targets` was given them; without `margin_of` the margin is that of the run.
    Raises RecordsError where the run names none.
    """
    own = comparison.margin(run)
    margin = margin_of or (lambda case, cell: own)
    found = {
        (given_name(cell.target, cell.framework), comparison.counterpart(cell)): (cell, measures)
        for cell, measures in zip(run.cells, measure(run), strict=True)
    }
    fought = []
    for (name, key), ours in found.items():
        if name == new and (old, key) in found:
            theirs, (case, *of_cell) = found[old, key], key
            result = _compared(ours, theirs, margin(case, _name(*of_cell)))
            fought.append(Duel(*key, theirs[1], ours[1], result))
    together = iter(comparison.control([duel.comparison for duel in fought if duel.comparison]))
    return [replace(duel, comparison=next(together)) if duel.comparison else duel for duel in fought]


def table(fought: list[Duel], run: Run, old: str, new: str) -> RenderableType:
    """A row for each pair: both times, and the new one as a multiple of the old one with its interval and verdict."""
    labels, shared = content.case_labels(run.cells)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "cell", old, new, f"{new} / {old}", "verdict"):
        drawn.add_column(
            heading, overflow="fold", justify="left" if heading in ("case", "cell", "verdict") else "right"
        )
    for duel in fought:
        verdict = duel.comparison.verdict if duel.comparison else MISSING
        drawn.add_row(
            Text(clean(labels[duel.case])),
            Text(clean(duel.name)),
            _time(duel.old),
            _time(duel.new),
            Text(ratio_with_range(duel.comparison.ratio) if duel.comparison else MISSING),
            Text(verdict, VERDICTS.get(verdict, "")),
        )
    closing = f"{new} against {old}: {counts(as_changes(fought))}" + (f"; all cases: {shared}" if shared else "")
    how = f"{sentences.power(run)} {sentences.simple_ending(run)}".rstrip()
    notes = [Text(clean(note), "yellow") for note in sentences.notes(run, [])]
    return Group(drawn, Text(), Text(clean(closing), "bold"), Text(clean(how), "dim"), *notes)


def as_changes(fought: list[Duel]) -> list[Change]:
    """The same without what only one run can tell: what a gate judges."""
    return [
        Change(
            duel.case,
            duel.name,
            state(duel.old.ranked, duel.old.status),
            state(duel.new.ranked, duel.new.status),
            duel.comparison,
            old_s=duel.old.median_s,
            new_s=duel.new.median_s,
        )
        for duel in fought
    ]


def as_json(fought: list[Duel], old: str, new: str) -> list[dict[str, Any]]:
    """What `table` shows, unrounded; times in seconds."""
    return [
        {
            "case": duel.case,
            "framework": duel.framework,
            "mode": duel.mode,
            "variant": duel.variant,
            "old": {"target": old, "status": duel.old.status, "reason": duel.old.reason, "median_s": duel.old.median_s},
            "new": {"target": new, "status": duel.new.status, "reason": duel.new.reason, "median_s": duel.new.median_s},
            **comparison.as_json(duel.comparison),
        }
        for duel in fought
    ]


def _name(framework: str, mode: str, variant: str) -> str:
    return f"{framework} {mode}" + ("" if variant == "default" else f" ({variant})")


def _compared(new: tuple[Cell, Measures], old: tuple[Cell, Measures], margin: float) -> Comparison | None:
    both_ranked = new[1].ranked and old[1].ranked
    return comparison.compare(new[0], old[0], margin) if both_ranked else None


def _time(measures: Measures) -> Text:
    if measures.ranked:
        return Text(seconds(measures.median_s))
    return Text(tables.status_text(measures), "dim")
