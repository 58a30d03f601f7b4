"""What a comparison must show to pass: how much slower a cell may become, and which outcomes are known.

A ratchet: what is known passes, what is new fails, and so does what is written down but no longer comes about. `docs/ci.md`
says how the file is written.
"""

from __future__ import annotations

import fnmatch
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from reports import format
from reports.changes import Change
from reports.format import count
from suite.comparison import MarginOf
from suite.errors import UsageError
from suite.plan import parse_percent

Key = tuple[str, str]
"""Case and cell."""
Outcome = Literal[
    "slower",
    "not ranked",
    "incorrect",
    "unsupported",
    "unavailable",
    "failed",
    "out_of_memory",
    "timeout",
    "crashed",
    "skipped",
]


class Share(float):
    """A threshold, written as `5%`; infinite where it is `off`."""


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """An outcome that is known."""

    case: str
    cell: str
    outcome: Outcome
    reason: Annotated[str, Meta(min_length=1)]
    at_most: Share | None = None
    """Of `slower`: a cell that is slower by more than this fails all the same."""


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of the file."""

    default: Share | None = None
    """A cell fails that is slower by more; None where the file does not say."""
    thresholds: dict[str, Share] = {}
    """By pattern, in the order of the file: the first that matches a cell counts, before the default."""
    expected: list[Expected] = []


@dataclass(frozen=True)
class Judgement:
    failing: dict[Key, str]
    """Why each of these cells fails."""
    known: dict[Key, str]
    """The reasons for the outcomes that were expected."""
    stale: list[str]
    """What the file says and the comparison does not bear out."""
    blind: str = ""
    """Why nothing could be judged; empty where it could."""

    @property
    def passed(self) -> bool:
        return not (self.failing or self.stale or self.blind)


def read(path: Path | None, fail_above: str | None) -> Gate | None:
    """The gate of the file with `fail_above` as its default, where either is given; None where neither is.

    Raises UsageError for a file that cannot be read or does not say what it must, and for what is no percentage.
    """
    if path is None and fail_above is None:
        return None
    gate = Gate() if path is None else _read(path)
    if fail_above is not None:
        gate = msgspec.structs.replace(gate, default=Share(parse_percent(fail_above)))
    if gate.default is None:
        raise UsageError(f'{path} has no default; write default = "5%" for example, or "off"')
    return gate


def gates_speed(gate: Gate) -> bool:
    """Whether any cell could fail for being slower."""
    thresholds = [gate.default, *gate.thresholds.values()]
    return any(share is not None and math.isfinite(share) for share in thresholds)


def default_margin(gate: Gate | None) -> float | None:
    """The margin that a run needs whose cells will be gated; None where the gate asks for none."""
    default = None if gate is None else gate.default
    return None if default is None or math.isinf(default) else float(default)


def threshold(gate: Gate, case: str, cell: str) -> float:
    """A cell that is slower by more fails: 0.05 is 5 %. Infinite where its speed is not gated."""
    pattern = _pattern(gate, case, cell)
    found = gate.default if pattern is None else gate.thresholds[pattern]
    return math.inf if found is None else float(found)


def margins(gate: Gate | None, own: float) -> MarginOf:
    """Each cell is judged with its threshold as the margin, so that no verdict contradicts the gate.

    What is not gated is judged with the margin `own`.
    """

    def margin_of(case: str, cell: str) -> float:
        found = math.inf if gate is None else threshold(gate, case, cell)
        return found if math.isfinite(found) else own

    return margin_of


def judge(gate: Gate, changes: Sequence[Change], differing: Sequence[str] = ()) -> Judgement:
    """What fails of `changes`, which were judged with `margins`.

    Blind where conditions are `differing`, or nothing could fail: that such a gate is always open would not be noticed.
    """
    if differing:
        return Judgement({}, {}, [], f"{', '.join(differing)} differ; compare runs of one machine")
    expected = {(entry.case, entry.cell): entry for entry in gate.expected}
    failing: dict[Key, str] = {}
    known: dict[Key, str] = {}
    for change in changes:
        key = change.case, change.cell
        entry = expected.get(key)
        if why := _why_failing(change, entry, threshold(gate, *key)):
            failing[key] = why
        elif entry and _outcome(change) == entry.outcome:
            known[key] = entry.reason
    blind = "" if failing or known else _blind(gate, changes)
    return Judgement(failing, known, [] if blind else _stale(gate, changes), blind)


def sentences(judgement: Judgement) -> list[str]:
    """What fails, then what is stale, then how it ends."""
    failing = [f"{case} {cell}: {why}" for (case, cell), why in judgement.failing.items()]
    return [*failing, *(f"stale: {text}" for text in judgement.stale), ending(judgement)]


def ending(judgement: Judgement) -> str:
    """Whether the gate holds, in one sentence."""
    if judgement.blind:
        return f"Nothing can be gated: {judgement.blind}."
    known = f"; {count(len(judgement.known), 'outcome')} as expected" if judgement.known else ""
    if judgement.passed:
        return f"The gate holds{known}."
    parts = [count(len(judgement.failing), "cell")] if judgement.failing else []
    parts += [count(len(judgement.stale), "stale entry", "stale entries")] if judgement.stale else []
    return f"The gate fails: {', '.join(parts)}{known}."


def as_json(judgement: Judgement | None) -> dict[str, Any] | None:
    if judgement is None:
        return None
    return {
        "passed": judgement.passed,
        "failing": [{"case": case, "cell": cell, "why": why} for (case, cell), why in judgement.failing.items()],
        "expected": [{"case": case, "cell": cell, "reason": why} for (case, cell), why in judgement.known.items()],
        "stale": judgement.stale,
        "blind": judgement.blind,
    }


def _read(path: Path) -> Gate:
    try:
        gate = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Gate, dec_hook=_share)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is broken: {error}") from None
    seen: set[Key] = set()
    for entry in gate.expected:
        if (entry.case, entry.cell) in seen:
            raise UsageError(f"{path} expects two outcomes of {entry.case} {entry.cell}; leave one")
        if (entry.outcome == "slower") != (entry.at_most is not None):
            raise UsageError(
                f"{path}: {entry.case} {entry.cell} needs at_most where its outcome is slower, and only there"
            )
        seen.add((entry.case, entry.cell))
    return gate


def _share(kind: type, value: object) -> Share:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is no share; write "5%" for example, or "off"')
    try:
        return Share(math.inf if value == "off" else parse_percent(value))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _pattern(gate: Gate, case: str, cell: str) -> str | None:
    """The first pattern that matches. Brackets stand for themselves: cases are full of them."""
    name = f"{case} {cell}"
    return next((p for p in gate.thresholds if fnmatch.fnmatchcase(name, p.replace("[", "[[]"))), None)


def _outcome(change: Change) -> str:
    """`ok`, `slower`, or why the new one has no speed."""
    is_slower = change.comparison is not None and change.comparison.verdict == "slower"
    return "slower" if is_slower else change.new


def _why_failing(change: Change, entry: Expected | None, threshold: float) -> str:
    """Half a sentence; empty where it does not fail."""
    outcome = _outcome(change)
    if outcome == "slower" and change.comparison:
        limit = threshold if entry is None or entry.at_most is None else entry.at_most
        beyond = change.comparison.ratio.estimate > 1 + limit
        return f"slower by more than {format.margin(limit)}" if beyond else ""
    if outcome == "ok":
        return ""
    if entry:
        return "" if outcome == entry.outcome else f"{outcome}, where {entry.outcome} was expected"
    return f"{outcome}, and was ok" if change.old == "ok" else ""


def _stale(gate: Gate, changes: Sequence[Change]) -> list[str]:
    """A doubt is not the end of a slowdown: `slower` is stale only where the opposite is shown."""
    found = {(change.case, change.cell): change for change in changes}
    stale = []
    for entry in gate.expected:
        change, name = found.get((entry.case, entry.cell)), f"{entry.case} {entry.cell}"
        verdict = change.comparison.verdict if change and change.comparison else None
        if change is None:
            stale.append(f"{name}: there is no such cell to compare")
        elif entry.outcome == "slower" and verdict in ("faster", "equivalent"):
            stale.append(f"{name} is {verdict}, and no longer slower")
        elif entry.outcome != "slower" and change.new == "ok":
            stale.append(f"{name} is ok, and no longer {entry.outcome}")
    deciding = {_pattern(gate, *key) for key in found}
    return stale + [
        f"the threshold of '{pattern}' applies to no cell" for pattern in gate.thresholds if pattern not in deciding
    ]


def _blind(gate: Gate, changes: Sequence[Change]) -> str:
    if not changes:
        return "the two have no cell in common"
    gated = [change for change in changes if math.isfinite(threshold(gate, change.case, change.cell))]
    if gated and not any(change.comparison and change.comparison.launches > 1 for change in gated):
        return "no cell has a time in two launches or more on both sides"
    return ""
