"""Every cell of a run as data for the table that a reader sorts, filters and searches in the HTML report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports import format as text
from reports.anchors import Anchors
from reports.format import MISSING, clean
from reports.measures import Measures
from reports.ranking import Ranking, Standing
from reports.tables import REFERENCE, ratio_text, status_text

LONGEST = 300
"""Characters of a text that are shown; a record's reason may be of any length."""


@dataclass(frozen=True)
class Head:
    """A column. `numbers` are sorted by their value, the others by their text; filters offer every text that occurs."""

    heading: str
    numbers: bool = False
    filter: bool = False


Entry = str | tuple[str, float | None]
"""What is shown, and for a number what it is sorted by."""

_HEADS: tuple[tuple[Head, Callable[[Measures, Standing | None], Entry]], ...] = (
    (Head("workload", filter=True), lambda m, s: m.workload),
    (Head("problem"), lambda m, s: m.problem),
    (Head("task", filter=True), lambda m, s: m.task),
    (Head("precision", filter=True), lambda m, s: m.precision),
    (Head("device", filter=True), lambda m, s: m.device),
    (Head("threads", numbers=True, filter=True), lambda m, s: (str(m.threads), m.threads)),
    (Head("target", filter=True), lambda m, s: m.target),
    (Head("mode", filter=True), lambda m, s: m.mode),
    (Head("variant", filter=True), lambda m, s: m.variant),
    (Head("status", filter=True), lambda m, s: status_text(m) if not m.ranked else "ok"),
    (Head("time a call", numbers=True), lambda m, s: (text.seconds(m.median_s), m.median_s)),
    (
        Head("ratio to the fastest", numbers=True),
        lambda m, s: (ratio_text(s), s.ratio.estimate) if s else (MISSING, None),
    ),
    (Head("verdict", filter=True), lambda m, s: (s.verdict or REFERENCE) if s else MISSING),
    (Head("first call", numbers=True), lambda m, s: (text.seconds(m.first_call_s), m.first_call_s)),
    (Head("peak memory", numbers=True), lambda m, s: (text.size(m.peak_memory_bytes), m.peak_memory_bytes)),
    (Head("of the ceiling", numbers=True), lambda m, s: (text.percent(m.ceiling_share), m.ceiling_share)),
    (Head("value error", numbers=True), lambda m, s: _error(m.value_error, m.value_tolerance)),
    (Head("gradient error", numbers=True), lambda m, s: _error(m.gradient_error, m.gradient_tolerance)),
    (Head("why it has no speed"), lambda m, s: m.reason),
)


def data(rankings: Sequence[Ranking], anchors: Anchors) -> str:
    """JSON: the columns, the texts that occur, and a row for each cell, which refers to texts by their number.

    A row ends with the address of its case and its own. It holds no `<`, so that nothing in it ends the element it is in.
    """
    known: dict[str, int] = {}

    def number(said: str) -> int:
        said = clean(said)
        return known.setdefault(said if len(said) <= LONGEST else said[: LONGEST - 1] + "…", len(known))

    rows = []
    for case, measures, standing in _cells(rankings):
        row: list[Any] = []
        for head, of in _HEADS:
            entry = of(measures, standing)
            row += [number(entry[0]), entry[1]] if isinstance(entry, tuple) else [number(entry)]
            assert head.numbers == isinstance(entry, tuple)
        rows.append([*row, number(anchors.of(f"case {case}")), number(anchors.of(f"cell {case} {measures.cell}"))])
    heads = [[head.heading, head.numbers, head.filter] for head, _ in _HEADS]
    found = json.dumps({"heads": heads, "texts": list(known), "rows": rows}, ensure_ascii=False, separators=(",", ":"))
    return found.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cells(rankings: Sequence[Ranking]) -> Iterator[tuple[str, Measures, Standing | None]]:
    for ranking in rankings:
        for standing in ranking.standings:
            yield ranking.case, standing.measures, standing
        for measures in ranking.unranked:
            yield ranking.case, measures, None


def _error(found: float | None, tolerance: float | None) -> Entry:
    return (MISSING, None) if tolerance is None else (text.error(found), found)
