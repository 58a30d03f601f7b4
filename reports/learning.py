"""How models learned: whether the frameworks reach the same, and the learning curves of all in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import seaborn as sns  # type: ignore[import-untyped]
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from scipy.stats import ttest_ind

from reports import format, svg
from reports.format import count, listing
from reports.svg import FAINT, Figure
from reports.tables import Column, Table
from suite.records import Curve

ALPHA = 0.05
"""Two frameworks have reached different results where Welch's test over the seeds says so at this level, divided by the
number of their pairs (Bonferroni)."""
_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Lesson:
    """One model: what was found, and its curves by framework."""

    anchor: str
    label: str
    finding: str
    table: Table
    curves: dict[str, list[Curve]]
    failed: list[str]


def lessons(curves: Sequence[Curve]) -> list[Lesson]:
    """By model, in the order in which they were learned."""
    models: dict[str, list[Curve]] = {}
    for curve in curves:
        models.setdefault(curve.workload, []).append(curve)
    return [_lesson(number, model, own) for number, (model, own) in enumerate(models.items(), start=1)]


def figure(lesson: Lesson) -> Figure:
    """Loss over passes: training dashed, validation solid, a colour a framework, the mean of its seeds. The gap between
    the two at the end is named."""
    gap = overfitting_gap([curve for own in lesson.curves.values() for curve in own])
    title = f"{lesson.label}: {lesson.finding}"
    told = "; ".join(
        f"{name}: validation loss from {start:.3g} to {end:.3g}"
        for name, own in lesson.curves.items()
        for start, end in [_ends(own)]
    )
    with svg.style():
        canvas = Canvas(figsize=(6.4, 3.4))
        axes = canvas.subplots()
        palette = sns.color_palette("colorblind", 10)
        for number, (name, own) in enumerate(lesson.curves.items()):
            color, style = palette[number % 10], _STYLES[number % len(_STYLES)]
            train, validation = _mean(own, "train"), _mean(own, "validation")
            axes.plot(
                validation, color=color, linestyle=style, linewidth=2.2, label=format.clean(f"{name}, validation")
            )
            axes.plot(train, color=color, linestyle=style, linewidth=1, label=format.clean(f"{name}, training"))
        _mark_gap(axes, lesson, gap)
        axes.set(xlabel="passes over the training examples", ylabel="loss")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8, frameon=False, ncols=2)
        axes.grid(color=FAINT, alpha=0.35, linewidth=0.6)
        sns.despine(ax=axes)
        words = f"Loss after each pass. {told}. Over-fitting gap at the end: {gap:.3g}."
        return svg.inline(canvas, lesson.anchor, title, words)


def overfitting_gap(curves: Sequence[Curve]) -> float:
    """Validation loss less training loss at the end, the mean of all curves."""
    return float(np.mean([curve.validation[-1] - curve.train[-1] for curve in curves]))


def agreement(curves: dict[str, list[Curve]]) -> list[tuple[str, str]]:
    """The pairs of frameworks whose results differ by more than those of their seeds let expect."""
    results = {name: [_result(curve) for curve in own] for name, own in curves.items()}
    pairs = list(combinations(results, 2))
    return [(one, other) for one, other in pairs if _differ(results[one], results[other], ALPHA / len(pairs))]


def _lesson(number: int, model: str, curves: list[Curve]) -> Lesson:
    learned: dict[str, list[Curve]] = {}
    for curve in curves:
        if not curve.reason:
            learned.setdefault(curve.target, []).append(curve)
    failed = [f"{curve.target}, seed {curve.seed}: {curve.reason}" for curve in curves if curve.reason]
    label = f"{model}, {curves[0].summary}"
    return Lesson(f"learning-{number}", label, _finding(learned), _table(learned), learned, failed)


def _finding(learned: dict[str, list[Curve]]) -> str:
    if not learned:
        return "no framework learned it"
    accuracies = next(iter(learned.values()))[0].test_accuracy is not None
    what = "accuracy" if accuracies else "loss"
    reached = listing([f"{_shown(own)} in {name}" for name, own in learned.items()])
    words = f"test {what} {reached}"
    if len(learned) < 2:
        return words
    if apart := agreement(learned):
        pairs = listing([f"{one} and {other}" for one, other in apart])
        return f"{words}; {pairs} differ by more than their seeds do"
    if min(map(len, learned.values())) < 2:
        return f"{words}; with one seed nobody can say whether that differs"
    return f"{words}; no two differ by more than their seeds do"


def _table(learned: dict[str, list[Curve]]) -> Table:
    heads = (
        Column("framework", "name"),
        Column("seeds", "number"),
        Column("training loss", "number"),
        Column("validation loss", "number"),
        Column("over-fitting gap", "number"),
        Column("test loss", "number"),
        Column("test accuracy", "number"),
    )
    rows = []
    for name, own in learned.items():
        train, validation = _mean(own, "train")[-1], _mean(own, "validation")[-1]
        tested = float(np.mean([curve.test_loss for curve in own if curve.test_loss is not None]))
        accuracy = _shown(own) if own[0].test_accuracy is not None else ""
        numbers = (f"{train:.3g}", f"{validation:.3g}", f"{validation - train:.3g}", f"{tested:.3g}", accuracy)
        rows.append((f"{name} {own[0].mode}", count(len(own), "seed").split()[0], *numbers))
    return Table("Losses and accuracies after the last pass, means over the seeds", heads, rows)


def _shown(curves: list[Curve]) -> str:
    """The mean of the seeds, with their standard deviation."""
    results = [_result(curve) for curve in curves]
    mean, deviation = float(np.mean(results)), float(np.std(results, ddof=1)) if len(results) > 1 else None
    percents = curves[0].test_accuracy is not None
    shown = f"{100 * mean:.1f} %" if percents else f"{mean:.4g}"
    if deviation is None:
        return shown
    return f"{shown} ± {100 * deviation:.1f}" if percents else f"{shown} ± {deviation:.2g}"


def _result(curve: Curve) -> float:
    """What the test part says: the accuracy, or where there is none the loss."""
    found = curve.test_loss if curve.test_accuracy is None else curve.test_accuracy
    return np.nan if found is None else found


def _differ(one: list[float], other: list[float], alpha: float) -> bool:
    if min(len(one), len(other)) < 2:
        return False
    if np.ptp(one) == np.ptp(other) == 0:  # no spread: Student's t is not defined
        return one[0] != other[0]
    return bool(ttest_ind(one, other, equal_var=False).pvalue < alpha)


def _mean(curves: list[Curve], part: str) -> list[float]:
    return [float(value) for value in np.mean([getattr(curve, part) for curve in curves], axis=0)]


def _ends(curves: list[Curve]) -> tuple[float, float]:
    means = _mean(curves, "validation")
    return means[0], means[-1]


def _mark_gap(axes: Axes, lesson: Lesson, gap: float) -> None:
    """A line from the training to the validation loss, beside the last pass."""
    curves = [curve for own in lesson.curves.values() for curve in own]
    passes, train = len(curves[0].train) - 1, float(np.mean([curve.train[-1] for curve in curves]))
    place = passes * 1.02
    axes.plot([place, place], [train, train + gap], color=svg.INK, linewidth=1, marker="_")
    axes.annotate(
        f" over-fitting\n gap {gap:.2g}", (place, train + gap / 2), size=8, va="center", annotation_clip=False
    )
