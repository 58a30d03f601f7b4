"""pytest-benchmark's JSON files against each other: what `triptych compare` and `triptych pytest` show of them.

Nothing is known of what these benchmarks compute, and nothing was checked. So they never become cells of a run: each is only
held against the benchmark of the same name, of another time or interpreter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.changes import Change, Changes, counts, differences
from reports.format import clean, count, ratio_with_range, seconds
from reports.styled import VERDICTS, line
from suite import comparison
from suite.comparison import Comparison, MarginOf
from suite.errors import RecordsError, UsageError
from suite.statistics import Interval, log_interval, p_different, p_equivalent, unpaired

MARGIN = 0.05
"""Smaller differences are of no interest, unless somebody says otherwise; that of most profiles."""


class _Own(Struct, frozen=True):
    """What Triptych's plugin and its export leave in a benchmark's `extra_info`."""

    synchronized: bool | None = None
    launches: list[int] = []


class _Extra(Struct, frozen=True):
    triptych: _Own = _Own()


class _Stats(Struct, frozen=True):
    median: float
    data: list[float] = []


class _Benchmark(Struct, frozen=True):
    fullname: str
    stats: _Stats
    extra_info: _Extra = _Extra()


class _File(Struct, frozen=True):
    benchmarks: list[_Benchmark]
    machine_info: dict[str, Any] = {}


@dataclass(frozen=True)
class Benchmarks:
    """What one side of a comparison measured."""

    medians: dict[str, dict[str, float]]
    """In seconds, by benchmark and launch. A launch is called like its file: that of `new/003.json` pairs with that of
    `old/003.json`."""
    synchronized: dict[str, bool]
    """Whether a benchmark is known to have waited for its results."""
    machine: dict[str, Any]


def are_benchmarks(old: Path, new: Path) -> bool:
    """Whether both are JSON files, or folders of some that are no runs. Raises UsageError where only one is."""
    found = [path.is_file() or (not (path / "run.json").exists() and any(path.glob("*.json"))) for path in (old, new)]
    if found[0] != found[1]:
        one, other = (old, new) if found[0] else (new, old)
        raise UsageError(
            f"{one} holds benchmarks of pytest-benchmark's, and {other} does not: compare two of a kind; "
            "triptych export makes such a file of a run"
        )
    return found[0]


def read(path: Path) -> Benchmarks:
    """The benchmarks of a JSON file, or of all those of a folder, each of which is one launch; an exported run has several.

    Raises RecordsError where a file is broken, holds no benchmarks, or comes from another machine than the first.
    """
    medians: dict[str, dict[str, float]] = {}
    synchronized: dict[str, bool] = {}
    machine: dict[str, Any] = {}
    for path_of_one in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        file = _read(path_of_one)
        here = _machine(file.machine_info)
        for name, (was, now) in _differing(machine, here).items():
            raise RecordsError(f"{path_of_one} has another {name} than the files before it: {now}, not {was}")
        machine |= here
        for benchmark in file.benchmarks:
            launches = medians.setdefault(benchmark.fullname, {})
            of_one = _by_launch(benchmark, path_of_one)
            if launches.keys() & of_one.keys():
                raise RecordsError(f"{path_of_one} holds {benchmark.fullname} twice")
            launches |= of_one
            own = benchmark.extra_info.triptych
            synchronized[benchmark.fullname] = bool(own.synchronized) and synchronized.get(benchmark.fullname, True)
    if not medians:
        raise RecordsError(f"{path} holds no benchmarks of pytest-benchmark's")
    return Benchmarks(medians, synchronized, machine)


def changes(old: Benchmarks, new: Benchmarks, margin_of: MarginOf, *, paired: bool = False) -> Changes:
    """`new` against `old`; the verdicts hold for all benchmarks together.

    `paired` says that launches of the same name ran next to each other, on the same machine: then their ratios are taken.
    """
    both = [name for name in new.medians if name in old.medians]
    compare = _paired if paired else _unpaired
    alone = [compare(new.medians[name], old.medians[name], margin_of(*_split(name))) for name in both]
    differing = {} if paired else _differing(old.machine, new.machine)
    if waited := _differing_waits([old.synchronized[name] for name in both], [new.synchronized[name] for name in both]):
        differing["synchronisation"] = waited
    return Changes(
        changes=[
            Change(*_split(name), "ok", "ok", one, False, _time(old.medians[name]), _time(new.medians[name]))
            for name, one in zip(both, comparison.control(alone), strict=True)
        ],
        only_old=[name for name in old.medians if name not in new.medians],
        only_new=[name for name in new.medians if name not in old.medians],
        differing=differing,
        anchored=False,
    )


def table(found: Changes, names: tuple[str, str] = ("old", "new")) -> RenderableType:
    """A row for each benchmark that both have: both times, their ratio, and the verdict with what is in its way."""
    parts: list[RenderableType] = [line(sentence, "red") for sentence in differences(found)]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("file", "benchmark", *names, f"{names[1]} / {names[0]}", "verdict"):
        drawn.add_column(clean(heading), overflow="fold", justify="right" if heading in names else "left")
    for change in found.changes:
        assert change.comparison  # both sides have it
        verdict, doubt = change.comparison.verdict, change.comparison.why_undecided
        drawn.add_row(
            line(change.case),
            line(change.cell),
            line(seconds(change.old_s)),
            line(seconds(change.new_s)),
            line(ratio_with_range(change.comparison.ratio)),
            line(f"{verdict}: {doubt}" if doubt else verdict, VERDICTS.get(verdict, "")),
        )
    parts += [drawn, Text()]
    parts += [line(f"only in {names[0]}: {name}") for name in found.only_old]
    parts += [line(f"only in {names[1]}: {name}") for name in found.only_new]
    parts.append(line(summary(found), "bold"))
    return Group(*parts)


def summary(found: Changes) -> str:
    return f"{count(len(found.changes), 'benchmark')} in both: {counts(found.changes)}."


def _read(path: Path) -> _File:
    try:
        # Python's own parser, since pytest-benchmark's files may hold NaN.
        return msgspec.convert(json.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise RecordsError(f"{path} is no JSON file of pytest-benchmark's: {error}") from None


def _by_launch(benchmark: _Benchmark, path: Path) -> dict[str, float]:
    """The median of each of its launches; without data the one that pytest-benchmark stored."""
    data, launches = benchmark.stats.data, benchmark.extra_info.triptych.launches
    if not data:
        found = {path.stem: benchmark.stats.median}
    elif not launches:
        found = {path.stem: float(np.median(data))}
    elif len(launches) == len(data):
        times, numbers = np.array(data), np.array(launches)
        found = {f"{path.stem}/{n}": float(np.median(times[numbers == n])) for n in dict.fromkeys(launches)}
    else:
        raise RecordsError(f"{path}: {benchmark.fullname} has {len(data)} times of {len(launches)} launches")
    if not all(math.isfinite(median) and median > 0 for median in found.values()):
        raise RecordsError(f"{path}: a median of {benchmark.fullname} is no positive time")
    return found


def _paired(new: dict[str, float], old: dict[str, float], margin: float) -> Comparison:
    ratios = [new[launch] / old[launch] for launch in new if launch in old]
    if not ratios:
        return Comparison(Interval(_time(new) / _time(old), 0.0, math.inf), "undecided", 0, margin)
    different, equivalent = p_different(ratios), p_equivalent(ratios, margin)
    return Comparison(log_interval(ratios), "undecided", len(ratios), margin, different, equivalent, tuple(ratios))


def _unpaired(new: dict[str, float], old: dict[str, float], margin: float) -> Comparison:
    ratio, different, equivalent = unpaired(list(new.values()), list(old.values()), margin)
    return Comparison(ratio, "undecided", min(len(new), len(old)), margin, different, equivalent)


def _time(medians: dict[str, float]) -> float:
    """In seconds: the geometric mean over launches, as for a cell."""
    return log_interval(list(medians.values())).estimate


def _machine(info: dict[str, Any]) -> dict[str, Any]:
    """What a comparison needs to be the same, of what is known of it; clock frequencies change from moment to moment."""
    of_cpu = info.get("cpu")
    cpu: dict[str, Any] = of_cpu if isinstance(of_cpu, dict) else {}
    found = {
        "processor": cpu.get("brand_raw") or cpu.get("brand"),
        "number of CPUs": cpu.get("count"),
        "architecture": info.get("machine"),
        "system": info.get("system"),
        **{name: cpu.get(name) for name in ("allowed", "governor", "turbo", "idle_cores")},
    }
    return {name: value for name, value in found.items() if value is not None}


def _differing(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old[name], new[name]) for name in old if name in new and old[name] != new[name]}


def _differing_waits(old: Sequence[bool], new: Sequence[bool]) -> tuple[str, str] | None:
    """How many benchmarks of each side waited for their results, where these are not the same ones."""
    told = [f"{sum(side)} of {len(side)} known to wait for their results" for side in (old, new)]
    return (told[0], told[1]) if list(old) != list(new) else None


def _split(fullname: str) -> tuple[str, str]:
    """`tests/test_it.py::TestIt::test[a]` as file and the rest; an exported cell as case and cell."""
    file, _, rest = fullname.partition("::")
    return file, rest
