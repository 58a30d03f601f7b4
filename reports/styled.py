"""Text and tables of records for the terminal, and the colours of verdicts."""

from __future__ import annotations

from rich.table import Table as Grid
from rich.text import Text

from reports.format import clean
from reports.tables import Table

VERDICTS = {"faster": "green", "slower": "red", "undecided": "yellow"}
"""Of a comparison with what was before; `equivalent` needs none."""


def line(text: str, style: str = "") -> Text:
    """`text` without rich's own markup and without anything that a terminal would obey."""
    return Text(clean(text), style)


def grid(table: Table, without: int = 0) -> Grid:
    """A report's table for the terminal, without its first columns."""
    shown = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in table.columns[without:]:
        shown.add_column(line(column.heading), justify="right" if column.kind == "number" else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(line(cell) for cell in row[without:]))
    return shown
