"""The series of a sweep, read back from its cells: how each grows, and where one passes another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from suite import comparison
from suite.comparison import Comparison
from suite.errors import RecordsError, UsageError
from suite.records import Cell, Launch, Run
from suite.scaling import Crossing, Growth, crossings, exponent, growth, medians_cross
from suite.statistics import launch_ratios
from suite.sweeping import MEASURES, parse

PAGES_BYTES = 64 << 10
"""Memory is counted in pages, so that less than this says nothing."""


@dataclass(frozen=True)
class Series:
    """The ranked cells that differ in the swept parameter alone, by its value in rising order."""

    workload: str
    problem: str
    """That in which the parameter is changed: `small`."""
    task: str
    precision: str
    device: str
    threads: int
    column: str
    cells: dict[int, Cell]


@dataclass(frozen=True)
class Pair:
    """Two series held against each other at the sizes that both have."""

    one: Series
    other: Series
    sizes: list[int]
    comparisons: list[Comparison]
    """`one` as a multiple of `other` at each size; verdicts hold for all comparisons of the sweep together."""
    crossings: list[Crossing]
    near: float | None
    """Where the medians cross once although nothing proves it; None elsewhere."""


def asked(run: Run) -> tuple[str, str] | None:
    """The parameter that the run sweeps, and the measure that it asks about; None where it is no sweep.

    Raises RecordsError where the record of a sweep is broken.
    """
    sweep = run.record.selection.get("sweep")
    if not sweep:
        return None
    try:
        parameter, of = parse(sweep["over"])[0], sweep["of"]
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        raise RecordsError(f"{run.folder}/run.json does not say what was swept: {error}") from None
    if of not in MEASURES:
        raise RecordsError(f"{run.folder}/run.json sweeps by '{of}', which this version does not know")
    return parameter, of


def series(run: Run, parameter: str) -> list[Series]:
    """All series of two ranked cells or more, in the order of the run."""
    found: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in run.cells:
        if parameter in cell.parameters and comparison.is_ranked(cell):
            found.setdefault(_key(cell, parameter), []).append(cell)
    return [_series(cells, parameter) for cells in found.values() if len(cells) > 1]


def values(cell: Cell, of: str) -> dict[int, float]:
    """What each launch measured: seconds of a call or of the first call, or bytes at the peak."""
    measure: Callable[[Launch], float | None] = {
        "time": comparison.launch_median_s,
        "memory": lambda launch: launch.peak_memory_bytes,
        "first_call": lambda launch: launch.first_call_s,
    }[of]
    found = {launch.launch: measure(launch) for launch in cell.launches if launch.samples}
    least = PAGES_BYTES if of == "memory" else 0
    return {launch: float(value) for launch, value in found.items() if value is not None and value > least}


def grown(one: Series, of: str) -> Growth | None:
    """How the series grows over the sizes that have a value, by the launches that all of these have."""
    points = {size: found for size, cell in one.cells.items() if (found := values(cell, of))}
    return growth(list(points), _rows(list(points.values()))) if points else None


def expected(one: Series) -> tuple[float | None, float | None]:
    """The exponents of operations and of bytes that must move, by the definition, over the same sizes."""
    sizes = list(one.cells)
    flops = [cell.flops for cell in one.cells.values()]
    moved = [cell.bytes for cell in one.cells.values()]
    return exponent(sizes, flops) if all(flops) else None, exponent(sizes, moved) if all(moved) else None


def pairs(all_series: Sequence[Series], of: str, margin: float) -> list[Pair]:
    """The series that differ in one thing: in their column, in their workload, or in their threads."""
    chosen = [(one, other) for one, other in combinations(all_series, 2) if _differ_in_one_thing(one, other)]
    ratios = [_ratios(one, other, of) for one, other in chosen]
    # Judged together, so that of many pairs of equals none seems to cross by chance.
    judged = iter(
        comparison.control([comparison.of_ratios(list(at.values()), margin) for by in ratios for at in by.values()])
    )
    return [_pair(one, other, by, [next(judged) for _ in by]) for (one, other), by in zip(chosen, ratios, strict=True)]


def _pair(one: Series, other: Series, ratios: dict[int, dict[int, float]], found: list[Comparison]) -> Pair:
    sizes = list(ratios)
    rows = _rows(list(ratios.values())) or [[comparison.ratio.estimate for comparison in found]]
    sides = [{"faster": -1, "slower": 1}.get(each.verdict, 0) for each in found]
    proven = crossings(sizes, rows, sides)
    return Pair(one, other, sizes, found, proven, None if proven or not sizes else medians_cross(sizes, rows))


def _ratios(one: Series, other: Series, of: str) -> dict[int, dict[int, float]]:
    """By size and launch. Within rounds where the two are cells of one case; else the launch is what they share."""
    found = {}
    for size in sorted(one.cells.keys() & other.cells.keys()):
        a, b = one.cells[size], other.cells[size]
        if of == "time" and a.case == b.case:
            in_rounds = [{n.launch: {s.round: s.ns for s in n.samples} for n in cell.launches} for cell in (a, b)]
            shared = sorted(in_rounds[0].keys() & in_rounds[1].keys())
            ratios = {n: launch_ratios([in_rounds[0][n]], [in_rounds[1][n]]) for n in shared}
            by_launch = {n: each[0] for n, each in ratios.items() if each}
        else:
            ours, theirs = values(a, of), values(b, of)
            by_launch = {n: ours[n] / theirs[n] for n in sorted(ours.keys() & theirs.keys())}
        if by_launch:
            found[size] = by_launch
    return found


def _rows(points: Sequence[dict[int, float]]) -> list[list[float]]:
    """A row for each launch that all points have."""
    shared = set.intersection(*(set(point) for point in points)) if points else set()
    return [[point[launch] for point in points] for launch in sorted(shared)]


def _differ_in_one_thing(one: Series, other: Series) -> bool:
    if (one.task, one.precision, one.device) != (other.task, other.precision, other.device):
        return False
    different = [
        (one.workload, one.problem) != (other.workload, other.problem),
        one.threads != other.threads,
        one.column != other.column,
    ]
    return sum(different) == 1


def _series(cells: list[Cell], parameter: str) -> Series:
    first = cells[0]
    return Series(
        workload=first.workload,
        problem=_problem(first, parameter),
        task=first.task,
        precision=first.precision,
        device=first.device,
        threads=first.threads,
        column=first.name,
        cells={int(cell.parameters[parameter]): cell for cell in sorted(cells, key=lambda c: c.parameters[parameter])},
    )


def _key(cell: Cell, parameter: str) -> tuple[Any, ...]:
    problem = _problem(cell, parameter)
    return cell.workload, problem, cell.task, cell.precision, cell.device, cell.threads, cell.name


def _problem(cell: Cell, parameter: str) -> str:
    return ",".join(word for word in cell.problem.split(",") if not word.startswith(f"{parameter}="))
