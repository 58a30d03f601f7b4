"""The figures: a heat map of ratios, and the interval plot of each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns  # type: ignore[import-untyped]
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from reports import content, format, frames, sentences, svg
from reports.ranking import Ranking, Standing, rank
from reports.svg import FAINT, INK, PAPER, RAISED, Figure
from reports.tables import ratio_text
from suite.comparison import margin
from suite.records import Run

_CAP = 32.0  # ratios beyond share the last colour: what matters is who is near the front
_STEPS = 10  # half octaves: colours far enough apart to be told from each other
_WASH = 0.6  # how far the colour of an undecided cell fades into white

Color = tuple[float, float, float]


def heat_map(run: Run, rankings: Sequence[Ranking] | None = None) -> Figure:
    """The ratio of every cell to the fastest of its case: rows are cases, columns targets and modes.

    Colours go by the logarithm of the ratio. An undecided cell is faded, italic and carries a question mark; a cell
    without a speed is hatched and says its status. Who has ranked the run already may pass the `rankings`.
    """
    rankings = rank(run) if rankings is None else list(rankings)
    every, shared = content.case_labels(run.cells)
    labels = {ranking.case: every[ranking.case] for ranking in rankings}
    columns = content.column_names(run)
    verdicts = frames.verdicts(run, rankings)
    title = sentences.overview(rankings)
    told = "; ".join(f"{labels[ranking.case]}: {_ratios_told(ranking)}" for ranking in rankings)
    alternative = f"Times as multiples of the fastest, by case{f' ({shared})' if shared else ''}. {told}."
    with svg.style():
        # The axes fill the figure, whose size is that of the grid; labels hang outside and are fitted in when saved.
        canvas = Canvas(figsize=(0.86 * max(1, len(columns)), 0.36 * max(1, len(labels))))
        axes = canvas.add_axes((0, 0, 1, 1))
        if labels:
            _draw_grid(axes, verdicts, rankings, list(labels), columns)
            names = [format.clean(label).replace(" ", "\n", 1) for label in labels.values()]
            axes.set_yticks([y + 0.5 for y in range(len(names))], names, size=8.5, linespacing=0.95)
            _color_key(canvas)
        else:
            axes.set_axis_off()
        return svg.inline(canvas, "heat-map", title, alternative)


def interval_plots(run: Run, rankings: Sequence[Ranking] | None = None) -> dict[str, Figure]:
    """For each case with a ranked cell, the time of each with its interval, on a log axis.

    A hollow dot is a cell that is not proven slower than the fastest; a dot without a line has no interval.
    """
    rankings = rank(run) if rankings is None else rankings
    limit, colors = margin(run), _colors(run)
    return {
        ranking.case: _interval_plot(ranking, colors, f"plot-{number}", sentences.finding(ranking, limit))
        for number, ranking in enumerate(rankings, start=1)
        if ranking.standings
    }


def _draw_grid(
    axes: Axes, verdicts: pd.DataFrame, rankings: Sequence[Ranking], cases: list[str], columns: list[str]
) -> None:
    norm, palette = _scale()
    grid = verdicts.pivot(index="case", columns="cell", values="ratio").reindex(index=cases, columns=columns)
    if not grid.isna().all(axis=None):
        sns.heatmap(grid.clip(1, _CAP), ax=axes, cmap=palette, norm=norm, cbar=False)
    axes.set(xlabel="", ylabel="", xlim=(0, len(columns)), ylim=(len(cases), 0))
    for spine in axes.spines.values():
        spine.set_visible(False)
    for y, ranking in enumerate(rankings):
        for standing in ranking.standings:
            place = (columns.index(standing.name), y)
            _ratio_cell(axes, place, standing, ranking, palette, norm)
        for measures in ranking.unranked:
            status = "not ranked" if measures.status == "ok" else measures.status
            _status_cell(axes, (columns.index(measures.cell), y), status)
    heads = [format.clean(column).replace(" ", "\n", 1) for column in columns]
    axes.set_xticks([x + 0.5 for x in range(len(columns))], heads, rotation=0)
    axes.tick_params(axis="x", length=0, labeltop=True, labelbottom=False, pad=4)
    axes.tick_params(axis="y", length=0, rotation=0, pad=6)


def _ratios_told(ranking: Ranking) -> str:
    return ", ".join(f"{standing.name} {ratio_text(standing)}" for standing in ranking.standings) or "none ranked"


def _ratio_cell(
    axes: Axes, place: tuple[int, int], standing: Standing, ranking: Ranking, palette: ListedColormap, norm: LogNorm
) -> None:
    x, y = place
    # The fastest looks as sure as the verdict on its case: bold where it is proven, faded where nothing is.
    verdict = standing.verdict or ranking.verdict
    color: Color = to_rgb(palette(norm(min(max(standing.ratio.estimate, 1.0), _CAP))))
    if verdict == "undecided":
        color = _washed(color)
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=color, edgecolor="none"))
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=PAPER, linewidth=2))
    ink = "black" if _luminance(color) > 0.18 else "white"
    text = axes.text(x + 0.5, y + 0.5, ratio_text(standing), ha="center", va="center", color=ink)
    text.set_fontstyle("italic" if verdict == "undecided" else "normal")
    text.set_fontweight("bold" if verdict == "faster" else "normal")


def _status_cell(axes: Axes, place: tuple[int, int], status: str) -> None:
    x, y = place
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=RAISED, edgecolor=FAINT, hatch="///", linewidth=0))
    axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=PAPER, linewidth=2))
    words = status.replace("_", "\n", 1)
    box = {"facecolor": RAISED, "edgecolor": "none", "pad": 1}
    axes.text(x + 0.5, y + 0.5, words, ha="center", va="center", color=INK, size=8, linespacing=0.95, bbox=box)


def _scale() -> tuple[LogNorm, ListedColormap]:
    """From 1 to the cap in equal steps of the logarithm. Cividis looks the same to readers with and without colour
    blindness; its lightness alone tells the order."""
    steps = colormaps["cividis_r"].resampled(_STEPS)
    return LogNorm(1, _CAP), ListedColormap([steps(index) for index in range(_STEPS)])


def _color_key(canvas: Canvas) -> None:
    norm, palette = _scale()
    inch = 1 / canvas.get_figheight()
    width = min(1.0, 3.2 / canvas.get_figwidth())
    bar = canvas.colorbar(
        ScalarMappable(norm, palette),
        cax=canvas.add_axes((0, -0.3 * inch, width, 0.12 * inch)),
        orientation="horizontal",
        ticks=FixedLocator([1, 2, 4, 8, 16, 32]),
        format=FuncFormatter(lambda value, _: f"{'≥' if value == _CAP else ''}{value:.0f}×"),
    )
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)


def _interval_plot(ranking: Ranking, colors: Mapping[str, Color], name: str, title: str) -> Figure:
    standings = sorted(ranking.standings, key=lambda standing: standing.measures.median_s or 0.0)
    times = [_times(standing) for standing in standings]
    with svg.style():
        canvas = Canvas(figsize=(6.4, 0.5 + 0.3 * len(standings)))
        axes = canvas.subplots()
        for y, (standing, (low, median, high)) in enumerate(zip(standings, times, strict=True)):
            color = colors[standing.target]
            if low < high:
                axes.plot([low, high], [y, y], color=color, linewidth=2, solid_capstyle="butt")
            hollow = standing.verdict in ("undecided", "equivalent")
            axes.plot(median, y, "o", markersize=6, color=color, markerfacecolor=PAPER if hollow else color)
        axes.set_yticks(range(len(standings)), [format.clean(standing.name) for standing in standings])
        axes.set(xscale="log", ylim=(len(standings) - 0.5, -0.5))
        _time_axis(axes, min(low for low, _, _ in times), max(high for _, _, high in times))
        sns.despine(ax=axes, left=True)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, alpha=0.35, linewidth=0.6)
        told = "; ".join(_told(standing) for standing in standings)
        return svg.inline(canvas, name, title, f"Time of a call, log axis. {told}.")


def _times(standing: Standing) -> tuple[float, float, float]:
    """Low, median and high in seconds; three times the median where one launch gives no interval."""
    m = standing.measures
    if m.median_s is None:
        raise ValueError(f"{m.cell} is ranked without a time")
    return m.median_low_s or m.median_s, m.median_s, m.median_high_s or m.median_s


def _told(standing: Standing) -> str:
    low, median, high = map(format.seconds, _times(standing))
    return f"{standing.name}: {median}" + ("" if low == high else f" ({low} to {high})")


def _time_axis(axes: Axes, low: float, high: float) -> None:
    """Ticks with units, at 1, 2 and 5 of each decade where the axis spans few of them."""
    room = max(1.15, (high / low) ** 0.06)
    axes.set_xlim(low / room, high * room)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 50 else (1,), numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format.seconds(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("time a call, log axis", color=INK)


def _colors(run: Run) -> dict[str, Color]:
    """One colour a target, told apart by colour-blind readers too; the labels say the same in words."""
    targets = list(dict.fromkeys([*(t.name for t in run.record.targets), *(cell.target for cell in run.cells)]))
    # The darker ones of the palette stand out on white and on black alike.
    palette = [to_rgb(color) for color in sns.color_palette("colorblind", 10)]
    return {target: palette[position % len(palette)] for position, target in enumerate(targets)}


def _washed(color: Color) -> Color:
    red, green, blue = (channel + (1 - channel) * _WASH for channel in color)
    return red, green, blue


def _luminance(color: Color) -> float:
    """Relative luminance, for text that can be read on the colour (WCAG 2.2, relative luminance)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
