"""What was traced anew in a stream of calls, what that cost, and where graphs break."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from reports import format as text
from reports.format import MISSING, count
from reports.tables import Column, Table
from suite.diagnoses import GraphBreak, Retraces, StreamCall

FEW = 2
"""Traces for any number of batch sizes: one for the first, one in which the size is left open."""
KINDS = {"batch": "batch size", "number": "Python number", "type": "type"}
ADVICE = {"batch": "keep to one size, or leave it open", "number": "hand it over as a tensor"}
"""Of what could be otherwise; for another type every framework needs another program."""


def sentence(told: Retraces) -> str:
    """Every finding that is beyond its threshold."""
    every = _every_call(told)
    parts = [every] if every else [_varied(told, kind) for kind in ADVICE]
    parts += [f"It gave up compiling and runs eagerly: {told.gave_up}." if told.gave_up else "", _broken(told)]
    return " ".join(part for part in parts if part)


def summary(named: Sequence[tuple[tuple[str, str], Retraces]]) -> Table:
    """For each cell the traces among the calls of each kind, the first call among them."""
    rows = [
        (
            *name,
            *(_share(told, kind) for kind in KINDS),
            f"{len([c for c in told.calls if c.traced_again])} of {len([c for c in told.calls if not c.refused])}",
            text.seconds(statistics.median(costs)) if (costs := _costs(told)) else MISSING,
            MISSING if told.breaks is None else str(len(told.breaks)),
        )
        for name, told in named
        if told.calls
    ]
    heads = ("batch sizes", "Python numbers", "types", "the same call again", "a retrace costs", "graph breaks")
    columns = (*_HEADS, *(Column(head, "number") for head in heads))
    return Table("Traces among calls that vary, compiled with the framework's defaults", columns, rows)


def reasons(named: Sequence[tuple[tuple[str, str], Retraces]]) -> Table:
    """Each call that was traced anew, or refused, and why; and each graph break."""
    rows = []
    for name, told in named:
        for call in told.calls:
            cost = cost_s(call, told)
            if call.refused or (cost is not None and call.kind != "first"):
                rows.append((*name, call.change or "the first call", _first(call.reason), text.seconds(cost)))
            if call.traced_again:
                rows.append((*name, "the same call again", _first(call.reason_again), text.seconds(call.again_s)))
        for broken in told.breaks or []:
            rows.append((*name, "graph break", _at(broken), MISSING))
    columns = (*_HEADS, Column("call"), Column("why"), Column("cost", "number"))
    return Table("What was traced anew, and why", columns, rows)


def cost_s(call: StreamCall, told: Retraces) -> float | None:
    """Seconds that the call took beyond a cached one; None where it was not traced. Where the same call is traced again,
    and there is no cached one, all of its time."""
    if not call.traced:
        return None
    cached = [other.again_s for other in told.calls if not other.traced_again and not other.refused]
    beside = call.again_s if not call.traced_again else min(cached, default=0.0)
    return max(0.0, call.seconds - beside)


_HEADS = (Column("case", "name"), Column("cell", "name"))


def _first(reasons: str) -> str:
    """The first of several, and how many more there are: most often every tensor differs alike."""
    first, *more = reasons.split("; ")
    return f"{first}; and {len(more)} more" if more else first or MISSING


def _costs(told: Retraces) -> list[float]:
    return [cost for call in told.calls if call.kind != "first" and (cost := cost_s(call, told)) is not None]


def _of(told: Retraces, kind: str) -> list[StreamCall]:
    return [call for call in told.calls if call.kind in ("first", kind) and not call.refused]


def _share(told: Retraces, kind: str) -> str:
    calls = _of(told, kind)
    return f"{_traces(calls)} of {len(calls)}" if len(calls) > 1 else MISSING


def _traces(calls: Iterable[StreamCall]) -> int:
    return sum(call.traced for call in calls)


def _every_call(told: Retraces) -> str:
    again = [call for call in told.calls if not call.refused]
    if not any(call.traced_again for call in again):
        return ""
    traced = [call for call in again if call.traced_again]
    why = next((call.reason_again for call in traced if call.reason_again), "")
    return (
        f"Retraces where nothing changed, in {len(traced)} of {len(again)} repeated calls{f': {why}' if why else ''}."
    )


def _varied(told: Retraces, kind: str) -> str:
    """`4 traces for 4 batch sizes: one for each, 5.2 s; keep to one size, or leave it open.`"""
    calls = _of(told, kind)
    traces, number = _traces(calls), len(calls)
    if number < 2 or traces <= (FEW if kind == "batch" else 1):
        return ""
    costs = [cost for call in calls if call.kind == kind and (cost := cost_s(call, told)) is not None]
    each = ": one for each" if traces == number else ""
    words = (
        f"{traces} traces for {count(number, KINDS[kind])}{each}, {text.seconds(statistics.median(costs))} each time"
    )
    return f"{words}; {ADVICE[kind]}."


def _broken(told: Retraces) -> str:
    if not told.breaks:
        return ""
    return f"{count(len(told.breaks), 'graph break')}: {'; '.join(_at(one) for one in told.breaks)}."


def _at(one: GraphBreak) -> str:
    return f"{one.reason} ({one.where})" if one.where else one.reason
