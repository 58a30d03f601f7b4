"""What a sweep shows: how each series grows, where one passes another, and both in one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import seaborn as sns  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from reports import format, svg
from reports.format import MISSING, count, known, listing, significant
from reports.styled import line
from reports.svg import FAINT, INK, PAPER, Figure
from reports.tables import Column, Table
from suite import comparison, series
from suite.records import Run
from suite.scaling import Growth
from suite.series import Pair, Series
from suite.statistics import Interval, log_interval
from suite.sweeping import MEASURES

_NAMES = {"time": "time a call", "memory": "peak memory", "first_call": "first call"}
_LESS = {"time": "is faster", "memory": "takes less memory", "first_call": "is ready sooner"}
_UNITS: dict[str, Callable[[float | None], str]] = {
    "time": format.seconds,
    "memory": format.size,
    "first_call": format.seconds,
}
_LEFT_OUT = ("first point", "last point", "fixed cost")
_SURE = 0.5
"""Exponents that are known no better are left out of the finding."""
_KNOWN = 1.5
"""Intervals that are wider to either side tell nothing."""
_TOLD = 8
"""So many pairs are told one by one on the terminal; the report tells all."""
_MARKED = 8
"""So many crossings are marked in the figure."""
_STYLES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "v", "D")


@dataclass(frozen=True)
class Scaling:
    """The part of a report that is about a sweep."""

    parameter: str
    of: str
    finding: str
    crossings: list[str]
    """A sentence for each pair that is proven to cross."""
    others: list[str]
    """A sentence for each pair that is not."""
    tables: list[Table]
    """How each series grows: in what was asked about, then in the other measures."""
    labels: dict[int, str]
    series: list[Series]
    pairs: list[Pair]


def build(run: Run) -> Scaling | None:
    """What the sweep shows; None where the run is none. Raises RecordsError where its record is broken."""
    if (asked := series.asked(run)) is None:
        return None
    parameter, of = asked
    found = series.series(run, parameter)
    held = series.pairs(found, of, comparison.margin(run))
    telling = _telling(found)
    labels = {id(one): _label(one, telling) or one.column for one in found}
    order = [of, *(measure for measure in MEASURES if measure != of)]
    tables = [_table(found, labels, parameter, measure) for measure in order]
    return Scaling(
        parameter=parameter,
        of=of,
        finding=_capital(_finding(found, held, telling, labels, parameter, of)),
        crossings=[_capital(_sentence(pair, telling, parameter, of)) for pair in held if pair.crossings],
        others=[
            _capital(_sentence(pair, telling, parameter, of)) for pair in sorted(held, key=_open) if not pair.crossings
        ],
        tables=[table for table in tables if table.rows],
        labels=labels,
        series=found,
        pairs=held,
    )


def figure(found: Scaling) -> Figure | None:
    """What was asked about over the parameter, both axes logarithmic, with the intervals of all points; a diamond where two
    series are proven to cross. None where there is nothing to draw."""
    drawn = {id(one): points for one in found.series if len(points := _points(one, found.of)) > 1}
    shown = [one for one in found.series if id(one) in drawn]
    if not shown:
        return None
    # The legend has the lines in the order in which they end.
    shown.sort(key=lambda one: list(drawn[id(one)].values())[-1].estimate, reverse=True)
    looks = _looks(found.series)
    unit = _UNITS[found.of]
    told = "; ".join(
        f"{found.labels[id(one)]}: "
        + ", ".join(f"{unit(value.estimate)} at {size}" for size, value in drawn[id(one)].items())
        for one in shown
    )
    with svg.style():
        canvas = Canvas(figsize=(6.4, max(3.6, 0.21 * len(shown))))
        axes = canvas.subplots()
        for one in shown:
            _draw(axes, drawn[id(one)], found.labels[id(one)], looks[id(one)])
        _mark_crossings(axes, found, drawn)
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel(f"{format.clean(found.parameter)}, log axis", color=INK)
        axes.set_ylabel(f"{_NAMES[found.of]}, log axis", color=INK)
        _ticks(axes, found, drawn)
        axes.grid(color=FAINT, alpha=0.35, linewidth=0.6)
        axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
        sns.despine(ax=axes)
        words = f"{_NAMES[found.of].capitalize()} over {found.parameter}, both axes logarithmic. {told}."
        return svg.inline(canvas, "scaling", found.finding, words)


def summary(found: Scaling) -> RenderableType:
    """For the terminal: the exponents, and who passes whom."""
    shown = found.tables[: 2 if found.of == "time" else 1]
    parts: list[RenderableType] = [line(f"{found.finding}.", "bold")]
    for table in shown:
        parts += [Text(), line(table.caption, "dim"), _grid(table)]
    sentences = [*found.crossings, *found.others]
    if sentences:
        parts.append(Text())
        told = sentences[: max(_TOLD, len(found.crossings))]
        parts += [line(f"{sentence}.") for sentence in told]
        if len(told) < len(sentences):
            parts.append(
                line(f"{count(len(sentences) - len(told), 'more pair')} without a crossing: see the report.", "dim")
            )
    return Group(*parts)


def as_json(found: Scaling) -> dict[str, Any]:
    """The same, unrounded: plain dicts. Times in seconds, memory in bytes; None where there is no bound."""
    return {
        "parameter": found.parameter,
        "of": found.of,
        "finding": found.finding,
        "series": [
            {
                "label": found.labels[id(one)],
                "workload": one.workload,
                "problem": one.problem,
                "task": one.task,
                "precision": one.precision,
                "threads": one.threads,
                "cell": one.column,
                "sizes": list(one.cells),
                "expected": dict(zip(("flops", "bytes"), series.expected(one), strict=True)),
                **{measure: _growth_json(series.grown(one, measure)) for measure in MEASURES},
            }
            for one in found.series
        ],
        "pairs": [
            {
                "one": found.labels[id(pair.one)],
                "other": found.labels[id(pair.other)],
                "sizes": pair.sizes,
                "ratios": [each.ratio.estimate for each in pair.comparisons],
                "verdicts": [each.verdict for each in pair.comparisons],
                "crossings": [
                    {"size": c.size.estimate, "interval": _bounds(c.size), "one_is_lower_before": c.first_below}
                    for c in pair.crossings
                ],
            }
            for pair in found.pairs
        ],
    }


# Words


def exponent(value: Interval) -> str:
    """`1.98 (1.95 to 2.01)`; `not known` where the interval is wider than ± 1.5, which would tell nothing."""
    if value.high - value.low > 2 * _KNOWN:
        return "not known"
    return f"{_power(value.estimate)} ({_power(value.low)} to {_power(value.high)})"


def _power(value: float) -> str:
    """Two decimals, and no negative zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def _telling(found: Sequence[Series]) -> list[str]:
    """The fields in which the series differ, in the order in which a label has them."""
    fields = ("workload", "problem", "task", "precision", "device", "column", "threads")
    return [field for field in fields if len({getattr(one, field) for one in found}) > 1]


def _label(one: Series, fields: Sequence[str]) -> str:
    words = []
    for field in fields:
        if field == "workload":
            words.append(f"{one.workload}[{one.problem}]" if "problem" in fields else one.workload)
        elif field == "problem":
            words += [] if "workload" in fields else [one.problem]
        elif field != "threads":
            words.append(str(getattr(one, field)))
    told = " ".join(words)
    if "threads" in fields:
        threads = count(one.threads, "thread")
        return f"{told}, {threads}" if told else threads
    return told


def _sentence(pair: Pair, telling: Sequence[str], parameter: str, of: str) -> str:
    """`pytorch eager: attention is faster than lstm up to seq 310 (280 to 350), slower from there`."""
    apart = [field for field in telling if getattr(pair.one, field) != getattr(pair.other, field)]
    common = _label(pair.one, [field for field in telling if field not in apart])
    one, other = _label(pair.one, apart), _label(pair.other, apart)
    head = f"{common}: " if common else ""
    if pair.crossings:
        first = pair.crossings[0]
        below, above = (one, other) if first.first_below else (other, one)
        places = listing([f"{parameter} {_place(crossing.size)}" for crossing in pair.crossings])
        again = ", and they change places again" if len(pair.crossings) > 1 else ""
        return f"{head}{below} {_LESS[of]} than {above} below {places}, {above} above{again}"
    return f"{head}{_without_crossing(pair, one, other, of)}"


def _open(pair: Pair) -> bool:
    """Whether it is undecided throughout: such pairs are told last."""
    return all(each.verdict == "undecided" for each in pair.comparisons)


def _without_crossing(pair: Pair, one: str, other: str, of: str) -> str:
    if not pair.sizes:
        return f"{one} and {other} have no size in common"
    within = f"{pair.sizes[0]}..{pair.sizes[-1]}"
    verdicts = [each.verdict for each in pair.comparisons]
    if set(verdicts) <= {"faster"} or set(verdicts) <= {"slower"}:
        lower, higher = (one, other) if verdicts[0] == "faster" else (other, one)
        return f"no crossover within {within}: {lower} {_LESS[of]} than {higher} throughout"
    if set(verdicts) == {"equivalent"}:
        return f"no difference between {one} and {other} within {within}"
    names = {"faster": f"{one} {_LESS[of]}", "slower": f"{other} {_LESS[of]}", "equivalent": "no difference"}
    groups = {
        word: [str(size) for size, verdict in zip(pair.sizes, verdicts, strict=True) if verdict == word]
        for word in ("faster", "slower", "equivalent", "undecided")
    }
    parts = [f"{names.get(word, word)} at {listing(sizes)}" for word, sizes in groups.items() if sizes]
    near = f"; the medians cross near {significant(pair.near)}" if pair.near else ""
    if set(verdicts) == {"undecided"}:
        return f"undecided between {one} and {other} within {within}{near}"
    return f"no crossover proven between {one} and {other}: {', '.join(parts)}{near}"


def _capital(sentence: str) -> str:
    """With a capital, where it does not begin with a name."""
    return sentence[0].upper() + sentence[1:] if sentence.startswith(("the ", "too ", "no ")) else sentence


def _place(size: Interval) -> str:
    if not math.isfinite(size.high):
        return f"{significant(size.estimate)} (no interval)"
    return f"{significant(size.estimate)} ({significant(size.low)} to {significant(size.high)})"


def _finding(
    found: Sequence[Series],
    held: Sequence[Pair],
    telling: Sequence[str],
    labels: dict[int, str],
    parameter: str,
    of: str,
) -> str:
    """What the figure shows, in a sentence."""
    crossing = [pair for pair in held if pair.crossings]
    if len(crossing) == 1:
        return _sentence(crossing[0], telling, parameter, of)
    grown = [(labels[id(one)], each.exponent) for one in found if (each := series.grown(one, of))]
    sure = [(label, value) for label, value in grown if value.high - value.low <= 2 * _SURE]
    if not grown:
        return f"too few points ended ok to say how the {_NAMES[of]} grows with {parameter}"
    if not sure:
        told = f"the {_NAMES[of]} grows with {parameter} to powers that are not known to ± {_SURE}: more launches would tell"
    elif len(sure) == 1:
        ((label, value),) = sure
        whose = f" of {label}" if len(grown) > 1 else ""
        told = f"the {_NAMES[of]}{whose} grows with {parameter} to the power {exponent(value)}"
    else:
        least, most = (end(sure, key=lambda each: each[1].estimate) for end in (min, max))
        told = f"the {_NAMES[of]} grows with {parameter} to powers from {exponent(least[1])} for {least[0]}"
        told += f" to {exponent(most[1])} for {most[0]}"
    return told + (
        f"; {len(crossing)} of {len(held)} pairs cross" if crossing else "; no two are proven to cross" if held else ""
    )


# Tables


def _table(found: Sequence[Series], labels: dict[int, str], parameter: str, of: str) -> Table:
    unit = _UNITS[of]
    rows = []
    for one in found:
        grown = series.grown(one, of)
        if grown is None:
            continue
        points = _points(one, of)
        (first, least), *_, (last, most) = points.items()
        flops, bytes_ = series.expected(one)
        by_definition = {"time": flops, "memory": bytes_, "first_call": None}[of]
        rows.append(
            (
                labels[id(one)],
                exponent(grown.exponent),
                MISSING if by_definition is None else _power(by_definition),
                _power(grown.local),
                format.ratio(grown.times),
                f"{unit(least.estimate)} at {first}",
                f"{unit(most.estimate)} at {last}",
                unit(grown.fixed) if grown.fixed > 0 else MISSING,
            )
        )
    columns = [
        Column("series", "name"),
        Column("exponent", "number"),
        Column("by definition", "number"),
        Column("at the end", "number"),
        Column("grows by", "number"),
        Column("first point", "number"),
        Column("last point", "number"),
        Column("fixed cost", "number"),
    ]
    # A column in which nobody has anything is left out.
    kept = [place for place in range(len(columns)) if any(row[place] != MISSING for row in rows)]
    return Table(
        f"How the {_NAMES[of]} grows with {parameter}",
        tuple(columns[place] for place in kept),
        [tuple(row[place] for place in kept) for row in rows],
    )


def _grid(table: Table) -> Grid:
    """Without what there is no room for on 80 columns."""
    shown = [place for place, column in enumerate(table.columns) if column.heading not in _LEFT_OUT]
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in (table.columns[place] for place in shown):
        grid.add_column(line(column.heading), justify="right" if column.kind == "number" else "left", overflow="fold")
    for row in table.rows:
        grid.add_row(*(line(row[place]) for place in shown))
    return grid


def _growth_json(grown: Growth | None) -> dict[str, Any] | None:
    if grown is None:
        return None
    return {
        "exponent": grown.exponent.estimate,
        "interval": _bounds(grown.exponent),
        "local_exponent": grown.local,
        "fixed": grown.fixed,
        "times": grown.times,
        "launches": grown.launches,
    }


def _bounds(value: Interval) -> list[float] | None:
    return [value.low, value.high] if math.isfinite(value.high) else None


# The figure


def _points(one: Series, of: str) -> dict[int, Interval]:
    """The measure at each size that has it, with its interval over the launches."""
    found = {size: list(series.values(cell, of).values()) for size, cell in one.cells.items()}
    return {size: log_interval(values) for size, values in found.items() if values}


def _looks(found: Sequence[Series]) -> dict[int, dict[str, Any]]:
    """A colour for each column, a line for each workload, a marker for each number of threads."""
    columns = list(dict.fromkeys(one.column for one in found))
    works = list(dict.fromkeys((one.workload, one.problem, one.task, one.precision) for one in found))
    threads = list(dict.fromkeys(one.threads for one in found))
    palette = sns.color_palette("colorblind", 10)
    return {
        id(one): {
            "color": palette[columns.index(one.column) % 10],
            "linestyle": _STYLES[works.index((one.workload, one.problem, one.task, one.precision)) % len(_STYLES)],
            "marker": _MARKERS[threads.index(one.threads) % len(_MARKERS)],
        }
        for one in found
    }


def _draw(axes: Axes, points: dict[int, Interval], label: str, look: dict[str, Any]) -> None:
    sizes, middles = list(points), [point.estimate for point in points.values()]
    axes.plot(sizes, middles, label=format.clean(label), linewidth=1.6, markersize=4.5, **look)
    for size, point in points.items():
        if known(point.high) and point.low > 0:
            axes.plot([size, size], [point.low, point.high], color=look["color"], linewidth=1, solid_capstyle="butt")


def _mark_crossings(axes: Axes, found: Scaling, drawn: dict[int, dict[int, Interval]]) -> None:
    places = [(pair, crossing.size) for pair in found.pairs for crossing in pair.crossings]
    for pair, size in places if len(places) <= _MARKED else []:
        points = drawn.get(id(pair.one), {})
        if points:
            logs = np.log([point.estimate for point in points.values()])
            height = math.exp(np.interp(math.log(size.estimate), np.log(list(points)), logs))
            if known(size.high):
                axes.plot([size.low, size.high], [height, height], color=INK, linewidth=1)
            axes.plot(size.estimate, height, "D", markersize=7, color=INK, markerfacecolor=PAPER, zorder=3)


def _ticks(axes: Axes, found: Scaling, drawn: dict[int, dict[int, Interval]]) -> None:
    sizes = sorted({size for points in drawn.values() for size in points})
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    values = [point.estimate for points in drawn.values() for point in points.values()]
    steps = (1, 2, 5) if max(values) / min(values) < 50 else (1,)
    if found.of == "memory":
        axes.yaxis.set_major_locator(LogLocator(base=2, subs=(1,), numticks=12))
    else:
        axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _UNITS[found.of](value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
