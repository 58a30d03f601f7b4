"""A comparison as Markdown for a pull request: what matters first, and short enough for one comment on GitHub."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports import content, duels, gate, imported, markdown, sentences, tables
from reports.changes import Change, Changes, counts, differences, summary, told
from reports.duels import Duel
from reports.format import MISSING, count, listing, seconds
from reports.gate import Judgement
from reports.nested import pairs, processor
from reports.tables import Column
from suite.records import Run

TEMPLATE = "comment.md.jinja"
LIMIT = 65_000
"""Characters. GitHub takes 65,536; the rest is for what a workflow adds."""
_LONGEST = 300  # of a text that somebody else wrote; escaped, it may be five times as long
_LONGEST_COMMAND = 4000
_MOST_NAMED = 10
_ORDER = ("slower", "broken", "faster", "undecided", "equivalent")


def of_runs(found: Changes, old: Run, new: Run, judgement: Judgement | None) -> str:
    """Two stored runs against each other."""
    labels, shared = content.case_labels([*new.cells, *old.cells])
    launches = [count(_launches(run), "launch", "launches") for run in (old, new)]
    alone = [
        f"only in the {age} run: {listing(names, _MOST_NAMED)}"
        for age, names in (("old", found.only_old), ("new", found.only_new))
        if names
    ]
    return _render(
        found.changes,
        judgement,
        labels,
        None,
        title=f"{new.record.id} against {old.record.id}",
        summary=_with_shared(summary(found), shared),
        notes=[*differences(found), *alone],
        context=f"{_machine(new)}: {launches[0]} then, {launches[1]} now. The newer run was:",
        command=new.record.command,
    )


def of_duels(fought: Sequence[Duel], run: Run, old: str, new: str, judgement: Judgement | None) -> str:
    """One target against another, measured in turns."""
    labels, shared = content.case_labels(run.cells)
    changes = duels.as_changes(list(fought))
    versions = [f"{target.name}: {pairs(dict(target.versions))}" for target in run.record.targets if target.versions]
    return _render(
        changes,
        judgement,
        labels,
        (old, new),
        title=f"{new} against {old}",
        summary=_with_shared(f"{count(len(changes), 'cell')}, measured in turns: {counts(changes)}.", shared),
        notes=sentences.notes(run, []),
        context=f"{_machine(run)}; {'; '.join(versions)}. {sentences.power(run)} The run was:",
        command=run.record.command,
    )


def of_benchmarks(found: Changes, names: tuple[str, str], judgement: Judgement | None) -> str:
    """Benchmarks of pytest-benchmark's against each other."""
    labels = {change.case: change.case for change in found.changes}
    alone = [
        f"only in {name}: {listing(missing, _MOST_NAMED)}"
        for name, missing in zip(names, (found.only_old, found.only_new), strict=True)
        if missing
    ]
    return _render(
        found.changes,
        judgement,
        labels,
        names,
        title=f"{names[1]} against {names[0]}",
        summary=imported.summary(found),
        notes=[*differences(found), *alone],
        context="",
        command="",
    )


def _render(
    changes: Sequence[Change],
    judgement: Judgement | None,
    labels: Mapping[str, str],
    names: tuple[str, str] | None,
    **parts: Any,
) -> str:
    """The comment with as many rows as fit into it, and a sentence on those that do not."""
    stale = judgement.stale if judgement else []
    texts = {
        "title": _short(parts["title"]),
        "ending": gate.ending(judgement) if judgement else "",
        "summary": _short(parts["summary"]),
        "notes": [_short(note) for note in parts["notes"]],
        "stale": [_short(text) for text in stale[:_MOST_NAMED]],
        "context": _short(parts["context"], 2 * _LONGEST),
        "command": _short(parts["command"], _LONGEST_COMMAND),
    }
    lines = markdown.table(_table(changes, judgement, labels, names)).splitlines()
    room = LIMIT - len(markdown.fill(TEMPLATE, table="", left_out=_left_out(len(changes)), **texts))
    fitting = 0
    while fitting < len(lines) and (room := room - len(lines[fitting]) - 1) >= 0:
        fitting += 1
    table = markdown.Verbatim("\n".join(lines[:fitting]))
    return markdown.fill(TEMPLATE, table=table, left_out=_left_out(len(lines) - fitting), **texts)


def _table(
    changes: Sequence[Change],
    judgement: Judgement | None,
    labels: Mapping[str, str],
    names: tuple[str, str] | None,
) -> tables.Table:
    """With the times of the two that `names` calls so; without names there are none to show."""
    failing = judgement.failing if judgement else {}
    rows = sorted(changes, key=lambda change: ((change.case, change.cell) not in failing, *_urgency(change)))
    columns = [
        (Column("case", "name"), [labels[change.case] for change in rows]),
        (Column("cell", "name"), [change.cell for change in rows]),
    ]
    if names:
        columns.append((Column(names[0], "number"), [seconds(change.old_s) for change in rows]))
        columns.append((Column(names[1], "number"), [seconds(change.new_s) for change in rows]))
    columns.append((Column(f"{names[1]} / {names[0]}" if names else "new / old", "number"), [told(c)[0] for c in rows]))
    columns.append((Column("verdict", "verdict"), [told(change)[1] for change in rows]))
    if judgement:
        columns.append((Column("gate"), [_gated(change, judgement) for change in rows]))
    cells = [[_short(text) for text in texts] for _, texts in columns]
    return tables.Table("", tuple(column for column, _ in columns), list(zip(*cells, strict=True)))


def _gated(change: Change, judgement: Judgement) -> str:
    key = change.case, change.cell
    if key in judgement.failing:
        return f"fails: {judgement.failing[key]}"
    return f"expected: {judgement.known[key]}" if key in judgement.known else ""


def _urgency(change: Change) -> tuple[int, float]:
    """Where the row stands: what became worse, what became better, what is open, the rest; the largest first."""
    if change.comparison:
        return _ORDER.index(change.comparison.verdict), -abs(math.log(change.comparison.ratio.estimate))
    return (_ORDER.index("broken") if change.old != change.new or change.redefined else len(_ORDER)), 0.0


def _left_out(rows: int) -> str:
    """What did not fit is of the least interest: the rows that matter stand first."""
    return f"{count(rows, 'row')} more did not fit into a comment; --json has them all." if rows else ""


def _machine(run: Run) -> str:
    threads = listing(dict.fromkeys(count(cell.threads, "thread") for cell in run.cells), last="or")
    return f"Machine: {processor(run.record.environment) or MISSING}, {threads or MISSING}"


def _launches(run: Run) -> int:
    return max((len(cell.launches) for cell in run.cells), default=0)


def _with_shared(text: str, shared: str) -> str:
    return f"{text} All cases: {shared}." if shared else text


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
