"""All stored runs in their order: what `triptych history` shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports import content
from reports.format import MISSING, count, listing, ratio_with_range, seconds
from reports.styled import VERDICTS, line
from suite import comparison
from suite.changepoints import FEWEST, ChangePoint, change_points
from suite.errors import RecordsError
from suite.records import Cell, Run, identity, read_run
from suite.statistics import Interval, Verdict, verdict

NO_CHANGE = "no change"
TOO_FEW = "too few runs"
_NAMED = 3  # so many broken folders are named in the closing lines


@dataclass(frozen=True)
class Point:
    """One run of a series."""

    run: str
    created: datetime
    time: Interval
    """Of a call, in seconds, as measured."""
    launches: list[float]
    """One number for each launch, in ns."""
    anchored: list[float]
    """The same in units of the anchor; empty where the run has none."""
    margin: float
    versions: dict[str, str]
    """Of the cell's framework, and of what else may change its times."""


@dataclass(frozen=True)
class Change:
    """The level changed between two neighbouring runs: `old` is the last before, `new` the first after."""

    position: int
    old: Point
    new: Point
    ratio: Interval
    p: float
    verdict: Verdict
    versions: list[str]
    """What is not the same in these two runs: `pytorch 2.12 → 2.13`."""


@dataclass(frozen=True)
class Series:
    """The runs of one cell, in which the same work was done on the same machine."""

    machine: str
    cell: Cell
    """As in its last run, without launches."""
    name: str
    """Of the cell; with a number where its name stood for other work before."""
    points: list[Point]
    anchored: bool
    """Whether levels are taken in units of the anchor, since all its runs have one."""
    changes: list[Change] = field(default_factory=list)

    @property
    def levels(self) -> list[list[float]]:
        """The launches of each run, in a unit that is the same in all of them."""
        return [point.anchored if self.anchored else point.launches for point in self.points]

    @property
    def word(self) -> str:
        """The verdict on the last change, or why there is none."""
        if self.changes:
            return self.changes[-1].verdict
        return NO_CHANGE if len(self.points) >= FEWEST else TOO_FEW


@dataclass(frozen=True)
class History:
    runs: int
    series: list[Series]
    """Those with changes first, the newest change on top."""
    broken: list[str]
    """Why a folder was left out."""
    unranked: int
    """Cells that are in no series: not ok, or not proven right."""

    @property
    def changed(self) -> list[Series]:
        return [one for one in self.series if one.changes]


def read(folder: Path) -> History:
    """All runs in the sub-folders of `folder` that hold a `run.json`; a broken one is left out and told.

    Series and changes are those of all machines together. Raises RecordsError where there is no run that can be read.
    """
    broken: list[str] = []
    found = history(_runs(folder, broken), broken)
    if not found.runs:
        why = f": {broken[0]}" if broken else "; name the folder in which the folders of runs lie"
        raise RecordsError(f"{folder} holds no run that can be read{why}")
    return found


def history(runs: Iterable[Run], broken: list[str]) -> History:
    """The series of `runs`, which are read once; those that cannot be placed are added to `broken`.

    The machine is part of a series, and so is what the cell's name stands for (parameters, operations, bytes); versions are
    not, since they are what a history shows.
    """
    groups: dict[tuple[Any, ...], tuple[Cell, list[Point]]] = {}
    number = unranked = 0
    for run in runs:
        try:
            margin, created = comparison.margin(run), _created(run)
        except RecordsError as error:
            broken.append(str(error))
            continue
        number += 1
        place = machine(run.record.environment)
        for cell in run.cells:
            if not comparison.is_ranked(cell):
                unranked += 1
                continue
            work = (cell.framework, *sorted(cell.parameters.items()), cell.flops, cell.bytes)
            point = _point(run, cell, created, margin)
            groups.setdefault((place, identity(cell), work), (_bare(cell), []))[1].append(point)
    series = _named((place, cell, points) for (place, _, _), (cell, points) in groups.items())
    together = change_points([one.levels for one in series])
    judged = [
        replace(one, changes=[_change(one, point) for point in points])
        for one, points in zip(series, together, strict=True)
    ]
    return History(number, sorted(judged, key=_newest_change), broken, unranked)


def machine(environment: dict[str, Any]) -> str:
    """What has to be the same for two runs to be of one machine, in words: nothing in it changes from minute to minute."""
    cpu = environment.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    allowed, turbo = cpu.get("allowed"), cpu.get("turbo")
    parts = [str(cpu.get("model") or "unknown processor")]
    parts += [count(len(allowed), "CPU")] if isinstance(allowed, list) else []
    parts += [f"governor {cpu['governor']}"] if cpu.get("governor") else []
    parts += [f"turbo {'on' if turbo else 'off'}"] if isinstance(turbo, bool) else []
    parts += [f"idle cores {cpu['idle_cores']}"] if cpu.get("idle_cores") else []
    gpus = environment.get("gpus")
    parts += [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []
    return ", ".join(parts)


def table(found: History, everything: bool = False) -> RenderableType:
    """A row for each series with a change, or for each series; then what else there is, in a few lines."""
    parts: list[RenderableType] = []
    shown = [one for one in found.series if everything or one.changes]
    labels, shared = content.case_labels(one.cell for one in found.series)
    for place in dict.fromkeys(one.machine for one in shown):
        parts += [line(place, "bold"), _rows([one for one in shown if one.machine == place], labels), Text()]
    parts += [line(text) for text in summary(found, shared)]
    return Group(*parts)


def summary(found: History, shared: str = "") -> list[str]:
    """How many cells changed, how many did not or cannot be judged, and what was left out."""
    if found.runs == 1:
        return [f"One run is no history: changes can be found from {FEWEST} runs of a cell on.", *_left_out(found)]
    machines = len({one.machine for one in found.series})
    words = [one.word for one in found.series]
    counts = [f"{len(found.changed)} with a change", f"{words.count(NO_CHANGE)} without"]
    counts += [f"{few} with fewer than {FEWEST} runs, which is too few"] if (few := words.count(TOO_FEW)) else []
    anchored = sum(one.anchored for one in found.series)
    how = {len(found.series): "all", 0: "none"}.get(anchored, f"{anchored} of them")
    where = f" on {count(machines, 'machine')}" if machines > 1 else ""
    return [
        f"{count(found.runs, 'run')}{where}, {count(len(found.series), 'cell')}: {listing(counts)}"
        + (f"; all cases: {shared}." if shared else "."),
        f"Changes are those of the optimal partition that hold in Student's t whichever run is left out, 5 % expected to "
        f"be false; {how} relative to the anchor.",
        *_left_out(found),
    ]


def as_json(found: History) -> dict[str, Any]:
    """What `table` shows of everything, unrounded; times in seconds."""
    return {
        "runs": found.runs,
        "unranked": found.unranked,
        "broken": found.broken,
        "series": [
            {
                "machine": one.machine,
                "case": one.cell.case,
                "cell": one.name,
                "parameters": one.cell.parameters,
                "anchored": one.anchored,
                "verdict": one.word,
                "points": [
                    {
                        "run": point.run,
                        "created": point.created.isoformat(),
                        "time_s": point.time.estimate,
                        "time_interval_s": _bounds(point.time),
                        "levels": levels,
                        "versions": point.versions,
                    }
                    for point, levels in zip(one.points, one.levels, strict=True)
                ],
                "changes": [
                    {
                        "old": change.old.run,
                        "new": change.new.run,
                        "created": change.new.created.isoformat(),
                        "ratio": change.ratio.estimate,
                        "ratio_interval": _bounds(change.ratio),
                        "p": change.p,
                        "verdict": change.verdict,
                        "versions": change.versions,
                    }
                    for change in one.changes
                ],
            }
            for one in found.series
        ],
    }


def _runs(folder: Path, broken: list[str]) -> Iterator[Run]:
    """One after another: what is kept of a run is much less than the run."""
    try:
        folders = sorted(path.parent for path in folder.glob("*/run.json"))
    except OSError as error:
        raise RecordsError(f"{folder} cannot be read: {error.strerror}") from None
    for path in folders:
        try:
            yield read_run(path)
        except RecordsError as error:
            broken.append(str(error))


def _created(run: Run) -> datetime:
    try:
        created = datetime.fromisoformat(run.record.created)
    except ValueError:
        raise RecordsError(f"{run.folder}/run.json does not say when the run was made") from None
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _point(run: Run, cell: Cell, created: datetime, margin: float) -> Point:
    anchored = comparison.levels(cell, True) if comparison.is_anchored(cell) else []
    return Point(
        run=run.record.id,
        created=created,
        time=comparison.median(cell),
        launches=comparison.levels(cell, False),
        anchored=anchored if all(0 < level < math.inf for level in anchored) else [],
        margin=margin,
        versions=_versions(run, cell),
    )


def _bare(cell: Cell) -> Cell:
    return msgspec.structs.replace(cell, launches=[], checks=[])


def _named(groups: Iterable[tuple[str, Cell, list[Point]]]) -> list[Series]:
    """The series with their runs in order; names that stand for different work on one machine are numbered, oldest first."""
    sorted_groups = [(place, cell, sorted(points, key=lambda point: point.created)) for place, cell, points in groups]
    sorted_groups.sort(key=lambda group: group[2][0].created)
    seen: dict[tuple[str, str, str], int] = {}
    series = []
    for place, cell, points in sorted_groups:
        key = (place, cell.case, cell.name)
        seen[key] = seen.get(key, 0) + 1
        name = cell.name if seen[key] == 1 else f"{cell.name} (definition {seen[key]})"
        series.append(Series(place, cell, name, points, all(point.anchored for point in points)))
    return series


def _change(series: Series, found: ChangePoint) -> Change:
    """The verdict goes by the margin of the later run; `equivalent` is a change, but one of no practical interest."""
    position, ratio, p = found.position, found.ratio, found.p
    old, new = series.points[position - 1], series.points[position]
    inside = 1 / (1 + new.margin) < ratio.low and ratio.high < 1 + new.margin
    names = [name for name in {**old.versions, **new.versions} if old.versions.get(name) != new.versions.get(name)]
    changed = [f"{name} {old.versions.get(name, MISSING)} → {new.versions.get(name, MISSING)}" for name in names]
    return Change(position, old, new, ratio, p, verdict(ratio, new.margin, p, 0.0 if inside else 1.0), changed)


def _versions(run: Run, cell: Cell) -> dict[str, str]:
    """NumPy's as well, since the anchor is NumPy's work."""
    environment = run.record.environment
    facts = {"triptych": run.record.triptych, "python": _fact(environment, "python", "version")}
    facts["kernel"] = _fact(environment, "system", "kernel")
    for target in run.record.targets:
        if target.name in ("numpy", cell.target):
            facts |= target.versions
    return {name: version for name, version in facts.items() if version}


def _fact(environment: dict[str, Any], part: str, name: str) -> str:
    found = environment.get(part)
    return str(found.get(name) or "") if isinstance(found, dict) else ""


def _newest_change(series: Series) -> tuple[float, float]:
    if not series.changes:
        return (0.0, 0.0)
    last = series.changes[-1]
    return (-last.new.created.timestamp(), -abs(math.log(last.ratio.estimate)))


def _rows(series: list[Series], labels: dict[str, str]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("case", "cell", "runs", "first", "last", "last change", "after / before", "verdict"):
        numeric = heading in ("runs", "first", "last")
        whole = numeric or heading in ("after / before", "verdict")
        drawn.add_column(heading, overflow="fold", no_wrap=whole, justify="right" if numeric else "left")
    for one in series:
        last = one.changes[-1] if one.changes else None
        drawn.add_row(
            line(labels[one.cell.case]),
            line(one.name),
            str(len(one.points)),
            seconds(one.points[0].time.estimate),
            seconds(one.points[-1].time.estimate),
            line(_told(one, last) if last else ""),
            line(ratio_with_range(last.ratio) if last else ""),
            line(one.word, VERDICTS.get(one.word, "dim")),
        )
    return drawn


def _told(series: Series, last: Change) -> str:
    """Since which run, what else changed there, and how many changes came before."""
    lines = [f"since {last.new.run}", ", ".join(last.versions) or "the same versions"]
    before = len(series.changes) - 1
    return "\n".join([*lines, *([f"{count(before, 'change')} before"] if before else [])])


def _left_out(found: History) -> list[str]:
    lines = (
        [f"{count(found.unranked, 'cell')} of these runs without a speed that may be shown."] if found.unranked else []
    )
    named = [f"Left out: {why}." for why in found.broken[:_NAMED]]
    more = len(found.broken) - _NAMED
    return [*lines, *named, *([f"{count(more, 'more folder')} left out."] if more > 0 else [])]


def _bounds(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if math.isfinite(interval.high) else None
