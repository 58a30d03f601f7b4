"""How far each framework is from float64: the errors that the checks found, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.content import case_labels
from reports.format import MISSING, error
from suite.records import Cell, Line, merge
from suite.workloads import UNIT_ROUNDOFF

CHECKS = {"forward": "value", "gradient": "gradient", "train_step": "parameters"}
"""By task, the check that compares the results in the timed precision with float64."""


def errors(lines: Sequence[Line]) -> dict[str, dict[str, float | None]]:
    """By case and cell, the relative error against float64; None where it was not finite. Cells without one are left out."""
    found: dict[str, dict[str, float | None]] = {}
    for cell in merge(lines):
        for check in cell.checks:
            if check.name == CHECKS[cell.task]:
                found.setdefault(cell.case, {})[cell.name] = check.error
    return found


def table(lines: Sequence[Line]) -> RenderableType:
    """A row for each case, a column for each cell; the least error is bold, an error beyond its tolerance red."""
    cells = merge(lines)
    found = errors(lines)
    labels, _ = case_labels(cells)
    columns = list(dict.fromkeys(cell.name for cell in cells))
    drawn = Table(box=None, pad_edge=False, header_style="bold", title=Text(_TITLE), title_justify="left")
    for heading in ("case", *columns, "unit round-off"):
        drawn.add_column(heading, overflow="fold")
    for case in dict.fromkeys(cell.case for cell in cells):
        of_case = {cell.name: cell for cell in cells if cell.case == case}
        least = min((e for e in found.get(case, {}).values() if e is not None), default=None)
        shown = [_cell(of_case.get(name), found.get(case, {}), least) for name in columns]
        unit = UNIT_ROUNDOFF[next(iter(of_case.values())).precision]
        drawn.add_row(Text(labels[case]), *shown, Text(f"{unit:.1e}"))
    return Group(Text(), drawn)


_TITLE = "relative error against float64, the least of a row in bold"


def _cell(cell: Cell | None, found: dict[str, float | None], least: float | None) -> Text:
    if cell is None:
        return Text(MISSING)
    if cell.name not in found:
        return Text(cell.status, style="yellow")
    value = found[cell.name]
    if cell.status != "ok":
        return Text(error(value), style="bold red")
    return Text(error(value), style="bold" if value == least else "")
