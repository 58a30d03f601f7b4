"""The figure of a history: a panel for each cell, its runs in order, their times relative to the first."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import seaborn as sns  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from reports import content, format, svg
from reports.format import count, listing, ratio_with_range
from reports.history import Change, History, Series
from reports.svg import FAINT, INK, Figure
from suite.changepoints import run_levels
from suite.statistics import log_interval

PANELS = 24
"""At most: what changed comes first."""
_COLUMNS = 3
_WIDTH, _HEIGHT, _HEAD = 3.5, 2.3, 0.9  # inches: a panel, and what stands above and below them all
_NARROWEST = 1.1  # an axis shows at least ± 10 %, so that noise looks like noise
_LONGEST = 58  # characters of a line above a panel
_BLUE, _ORANGE = (sns.color_palette("colorblind").as_hex()[position] for position in (0, 3))
_COLORS = {"faster": _BLUE, "slower": _ORANGE}
"""Told apart by colour-blind readers too; the panel's title says the same in words."""


def draw(found: History) -> Figure | None:
    """Changes first, then the longest series, `PANELS` at most; None where no cell has two runs.

    Bars are intervals of a run over its launches, lines the levels between changes, dotted lines the changes.
    """
    several = [one for one in found.series if len(one.points) > 1]
    if not several:
        return None
    order = sorted(several, key=lambda one: (not one.changes, 0 if one.changes else -len(one.points)))
    drawn, left = order[:PANELS], order[PANELS:]
    labels, shared = content.case_labels(one.cell for one in found.series)
    machines = len({one.machine for one in drawn}) > 1
    title = finding(found)
    rows = math.ceil(len(drawn) / _COLUMNS)
    height = rows * _HEIGHT + _HEAD
    with svg.style():
        canvas = Canvas(figsize=(_COLUMNS * _WIDTH, height))
        axes = canvas.subplots(rows, _COLUMNS, squeeze=False).flatten()
        for one, panel in zip(drawn, axes, strict=False):
            _draw_panel(panel, one, [_name(one, labels), *([one.machine] if machines else []), *_last(one)])
        for panel in axes[len(drawn) :]:
            panel.set_axis_off()
        inch = 1 / height
        canvas.subplots_adjust(0.05, 0.45 * inch, 0.99, 1 - 1.05 * inch, wspace=0.25, hspace=0.75)
        canvas.text(0.01, 1 - 0.1 * inch, format.clean(title), size=12, weight="bold", va="top")
        canvas.text(0.01, 0.02 * inch, format.clean(_foot(left, shared)), size=8, va="bottom", color=FAINT)
        told = "; ".join(f"{_name(one, labels)}: {', '.join(_last(one))}" for one in drawn)
        return svg.inline(canvas, "history", title, f"Times relative to the first run, log axis. {told}.")


def finding(found: History) -> str:
    """What the figure shows, in a sentence."""
    changed, number = found.changed, len(found.series)
    if not changed:
        return f"No change of speed was found in {count(number, 'cell')} over {count(found.runs, 'run')}"
    counts = [
        f"{many} {word}" for word in ("slower", "faster", "equivalent", "undecided") if (many := _many(changed, word))
    ]
    last = changed[0].changes[-1]
    return (
        f"{len(changed)} of {count(number, 'cell')} changed over {count(found.runs, 'run')}: {listing(counts)} at "
        f"the last change, the newest on {last.new.created:%Y-%m-%d}"
    )


def _many(changed: list[Series], word: str) -> int:
    return sum(one.word == word for one in changed)


def _name(series: Series, labels: dict[str, str]) -> str:
    return f"{series.name}, {labels[series.cell.case]}"


def _last(series: Series) -> list[str]:
    """The last change, and which versions came with it."""
    if not series.changes:
        return [series.word]
    last = series.changes[-1]
    told = f"{series.word} since {last.new.created:%Y-%m-%d}: {ratio_with_range(last.ratio)}"
    return [told, listing(last.versions)] if last.versions else [told]


def _foot(left: list[Series], shared: str) -> str:
    legend = "Runs in their order; dot and bar: a run and its interval; line: the level; dotted: a change."
    with_change = sum(bool(one.changes) for one in left)
    hidden = f" {count(len(left), 'cell')} not drawn, {with_change} with a change." if left else ""
    return legend + hidden + (f" All cases: {shared}." if shared else "")


def _draw_panel(axes: Axes, series: Series, title: list[str]) -> None:
    values = run_levels(series.levels)
    relative = np.exp(values - values[0])
    intervals = {x: log_interval(launches) for x, launches in enumerate(series.levels) if len(launches) > 1}
    unit = math.exp(values[0])
    lows, highs = ([getattr(one, end) / unit for one in intervals.values()] for end in ("low", "high"))
    axes.vlines(list(intervals), lows, highs, color=FAINT, linewidth=0.8)
    size = 3.5 if len(relative) < 60 else 2
    axes.plot(range(len(relative)), relative, "o", markersize=size, color=INK, markeredgewidth=0)
    _draw_levels(axes, series.changes, relative)
    room = max(_NARROWEST, (relative.max() / relative.min()) ** 0.3)
    axes.set(yscale="log", ylim=(relative.min() / room, relative.max() * room), xlim=(-0.7, len(relative) - 0.3))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}×"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    first, last = axes.set_xticks([0, len(relative) - 1], [f"{series.points[end].created:%Y-%m-%d}" for end in (0, -1)])
    first.label1.set_horizontalalignment("left")
    last.label1.set_horizontalalignment("right")
    axes.tick_params(labelsize=7.5)
    lines = [line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in title]
    axes.set_title(format.clean("\n".join(lines)), size=7.5, loc="left", linespacing=1.3)
    axes.grid(axis="y", color=FAINT, alpha=0.35, linewidth=0.6)
    sns.despine(ax=axes)


def _draw_levels(axes: Axes, changes: list[Change], relative: np.ndarray) -> None:
    edges = [0, *(change.position for change in changes), len(relative)]
    colors = [FAINT, *(_COLORS.get(change.verdict, FAINT) for change in changes)]
    for (start, end), color in zip(pairwise(edges), colors, strict=True):
        level = float(np.exp(np.log(relative[start:end]).mean()))
        axes.plot([start - 0.4, end - 0.6], [level, level], color=color, linewidth=2.5, alpha=0.8, zorder=1)
        if start:
            axes.axvline(start - 0.5, color=color, linewidth=1, linestyle=":")
