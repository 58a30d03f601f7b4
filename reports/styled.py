"""Text of records for the terminal, and the colours of verdicts."""

from __future__ import annotations

from rich.text import Text

from reports.format import clean

VERDICTS = {"faster": "green", "slower": "red", "undecided": "yellow"}
"""Of a comparison with what was before; `equivalent` needs none."""


def line(text: str, style: str = "") -> Text:
    """`text` without rich's own markup and without anything that a terminal would obey."""
    return Text(clean(text), style)
