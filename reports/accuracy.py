"""How far each framework is from float64: the errors that the checks found, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.content import case_labels
from reports.format import MISSING, error
from suite.correctness import main_check
from suite.records import Cell, Line, merge
from suite.workloads import UNIT_ROUNDOFF


def errors(lines: Sequence[Line]) -> dict[str, dict[str, float | None]]:
    """By case and cell, the relative error against float64; None where it was not finite. Cells without one are left out."""
    found: dict[str, dict[str, float | None]] = {}
    for cell in merge(lines):
        for check in cell.checks:
            if check.name == main_check(cell.task):
                found.setdefault(cell.case, {})[cell.name] = check.error
    return found


def table(lines: Sequence[Line]) -> RenderableType:
    """A row for each case, a column for each target; modes of one error share a line. The least error of a row is bold, one
    beyond its tolerance red."""
    cells = merge(lines)
    found = errors(lines)
    labels, _ = case_labels(cells)
    precisions = dict.fromkeys(cell.precision for cell in cells)
    units = ", ".join(f"{precision} {UNIT_ROUNDOFF[precision]:.1e}" for precision in precisions)
    title = Text(f"\nrelative error against float64, the least of a row in bold; unit round-off: {units}")
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    targets = list(dict.fromkeys(cell.target for cell in cells))
    drawn.add_column("case", no_wrap=True)
    for target in targets:
        drawn.add_column(target, overflow="fold")
    for case in dict.fromkeys(cell.case for cell in cells):
        of_case = [cell for cell in cells if cell.case == case]
        least = min((e for e in found.get(case, {}).values() if e is not None), default=None)
        shown = [_entry([c for c in of_case if c.target == target], found.get(case, {}), least) for target in targets]
        drawn.add_row(Text(labels[case].replace(" ", "\n", 1)), *shown)
    return Group(title, drawn)


def _entry(cells: list[Cell], found: dict[str, float | None], least: float | None) -> Text:
    """The errors of one target's cells, or what became of them, each followed by its modes where there are several."""
    modes: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        name = cell.mode if cell.variant == "default" else f"{cell.mode} ({cell.variant})"
        modes.setdefault(_shown(cell, found, least), []).append(name)
    entries = []
    for (text, style), names in modes.items():
        several = f" {', '.join(names)}" if len(modes) > 1 else ""
        entries.append(Text(text, style=style).append(several, style="not bold"))
    return Text("\n").join(entries) if entries else Text(MISSING)


def _shown(cell: Cell, found: dict[str, float | None], least: float | None) -> tuple[str, str]:
    if cell.name not in found:
        return cell.status, "yellow"
    value = found[cell.name]
    if cell.status != "ok":
        return error(value), "bold red"
    return error(value), "bold" if value is not None and error(value) == error(least) else ""
