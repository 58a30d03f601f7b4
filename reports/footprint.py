"""What a call takes of memory beside what it takes at least, what checkpointing saves and costs, and what is left behind."""

from __future__ import annotations

from collections.abc import Sequence

from reports import format as text
from reports.format import MISSING
from reports.tables import Column, Table
from suite.diagnoses import Memory, Peak
from suite.memory import TAKEN, parts
from suite.workloads import WORKLOADS, Problem

LEAK_BYTES, LEAK_IN_ALL_BYTES = 4096.0, 2.0**20
"""A page with every call, and so much after all of them: by less a process grows for itself."""
LARGE_BYTES = 32e6
"""Below this much, what Python and the framework touch for themselves is no small part of what a call takes."""
PARTS = ("data", "parameters", "results", "gradients", "activations", "optimizer")
BEFORE = ("data", "parameters", "optimizer")
"""What is there before a call, and so no part of what it takes on a GPU."""
Named = tuple[tuple[str, str], Problem, Memory]


def sentence(problem: Problem, told: Memory) -> str:
    """What the cell's own call takes of the least, what checkpointing saves, and what leaks."""
    own = next((peak for peak in told.peaks if (peak.task, peak.variant) == (told.task, told.variant)), None)
    return " ".join(
        part for part in (_taken(problem, told, own), _checkpointed(problem, told, own), _leak(told)) if part
    )


def peaks(named: Sequence[Named]) -> Table:
    """For each task what a call takes, what it takes at least, and what that is for."""
    rows = []
    for name, problem, told in named:
        for peak in told.peaks:
            if peak.bytes is not None:
                split = least_parts(problem, told, peak.task)
                least = sum(split.values())
                sizes = (text.size(split.get(part)) if part in split else MISSING for part in PARTS)
                rows.append(
                    (
                        *name,
                        peak.task,
                        peak.variant,
                        text.size(peak.bytes),
                        text.size(least),
                        f"{peak.bytes / least:.3g}" if least >= LARGE_BYTES else MISSING,
                        *sizes,
                    )
                )
    heads = ("a call takes", "at least", "times the least", *PARTS)
    columns = (*_HEADS, Column("task"), Column("variant"), *(Column(head, "number") for head in heads))
    return Table("Memory of one call, and by definition", columns, rows)


def checkpointing(named: Sequence[Named]) -> Table:
    """Both variants of each task side by side, and the ratios of what they take."""
    rows = []
    for name, _, told in named:
        for default, other in _pairs(told):
            saved, slower = _ratios(default, other)
            rows.append(
                (
                    *name,
                    default.task,
                    text.size(default.bytes),
                    text.size(other.bytes),
                    f"{saved:.3g}",
                    text.seconds(default.call_s),
                    text.seconds(other.call_s),
                    f"{slower:.3g}",
                )
            )
    heads = ("memory", "checkpointed", "ratio", "time", "checkpointed", "ratio")
    columns = (*_HEADS, Column("task"), *(Column(head, "number") for head in heads))
    return Table("What checkpointing saves and costs", columns, rows)


def least_parts(problem: Problem, told: Memory, task: str) -> dict[str, float]:
    """Bytes by definition, by what they are for; on a GPU without what is there before the call."""
    found = parts(WORKLOADS[told.workload], problem, task, told.precision)
    return found if told.device == "cpu" else {part: size for part, size in found.items() if part not in BEFORE}


_HEADS = (Column("case", "name"), Column("cell", "name"))


def _taken(problem: Problem, told: Memory, own: Peak | None) -> str:
    if own is None or own.bytes is None:
        return ""
    least = sum(least_parts(problem, told, own.task).values())
    if least < LARGE_BYTES:
        return ""
    words = f"A call takes {text.size(own.bytes)} of memory, {own.bytes / least:.2g} times the least"
    many = ""
    if own.bytes > TAKEN * least:
        many = (
            f": more than the {TAKEN:g} times that is common, so look for copies, or for operations that could be fused"
        )
    return f"{words}{many}."


def _checkpointed(problem: Problem, told: Memory, own: Peak | None) -> str:
    pair = next(((one, other) for one, other in _pairs(told) if own is one), None)
    if pair is None or sum(least_parts(problem, told, pair[0].task).values()) < LARGE_BYTES:
        return ""
    saved, slower = _ratios(*pair)
    return f"Checkpointed it takes {saved:.2g} times the memory and {slower:.2g} times the time."


def _leak(told: Memory) -> str:
    if told.leaked_bytes is None or told.leaked_bytes < LEAK_BYTES:
        return ""
    if told.leaked_bytes * told.leak_calls < LEAK_IN_ALL_BYTES:
        return ""
    grown = text.size(told.leaked_bytes)
    return f"The process grows by {grown} with every call, seen over {told.leak_calls}: something is kept of each."


def _pairs(told: Memory) -> list[tuple[Peak, Peak]]:
    """Default and checkpointed of each task of which both are known."""
    known = [peak for peak in told.peaks if peak.bytes and peak.call_s]
    others = {peak.task: peak for peak in known if peak.variant == "checkpointed"}
    return [(p, others[p.task]) for p in known if p.variant == told.variant == "default" and p.task in others]


def _ratios(default: Peak, other: Peak) -> tuple[float, float]:
    assert default.bytes and other.bytes and default.call_s and other.call_s
    return other.bytes / default.bytes, other.call_s / default.call_s
