"""What probes found in a person's own model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.format import clean, listing
from suite.probing import Examination, Outcome

STYLES = {"passed": "green", "fault": "bold red", "unfit": "dim", "failed": "yellow"}


def table(found: Examination) -> RenderableType:
    """Each probe with what came of it, then the faults one by one, with what to do about them."""
    told = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("probe", "", ""):
        told.add_column(column)
    for outcome in found.outcomes:
        words = Text(outcome.status, style=STYLES[outcome.status])
        told.add_row(
            outcome.probe, words, Text(clean(_reason(outcome)), style="dim" if outcome.status == "unfit" else "")
        )
    size = f"{found.parameters:,} parameters" if found.parameters else "no parameters"
    head = f"{found.reference}: {found.framework}, {size}, {listing(found.inputs)} → {listing(found.outputs)}"
    parts: list[RenderableType] = [Text(clean(head)), Text(), told, Text()]
    for outcome in found.outcomes:
        for fault in outcome.faults:
            parts.append(Text(clean(f"{outcome.probe}: {fault.where}"), style="bold red"))
            parts.append(Text(clean(f"  {fault.sentence} (threshold {fault.threshold:.2g})")))
            parts.append(Text(clean(f"  to mend it: {fault.remedy}"), style="dim"))
    return Group(*parts, Text(ending(found)))


def ending(found: Examination) -> str:
    """How many probes found something, and how many could not be made."""
    count = {status: sum(outcome.status == status for outcome in found.outcomes) for status in STYLES}
    words = [f"{count['fault']} of {len(found.outcomes)} probes found a fault"]
    if count["failed"]:
        words.append(f"{count['failed']} failed")
    if count["unfit"]:
        words.append(f"{count['unfit']} do not fit this model" if count["unfit"] > 1 else "1 does not fit this model")
    return "; ".join(words)


def as_json(found: Examination) -> dict[str, Any]:
    return asdict(found)


def _reason(outcome: Outcome) -> str:
    return listing(dict.fromkeys(fault.where for fault in outcome.faults)) if outcome.faults else outcome.reason
