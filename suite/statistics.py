"""What the samples allow to say. Pure functions of arrays; nothing here knows files, cells or frameworks.

The launch is the replicate: two identical processes differ for their whole life (memory layout, caches), so rounds of one
launch are no independent observations of a difference. Each launch gives one number, the median over its rounds; the
interval is Student's t over the launches' numbers, on the log scale, where ratios are symmetric (Kalibera and Jones 2013,
Rigorous benchmarking in reasonable time, sections 6 and 7; Georges, Buytaert and Eeckhout 2007, Statistically rigorous
Java performance evaluation, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

import numpy as np
from scipy import special, stats

Verdict = Literal["faster", "slower", "equivalent", "undecided"]
CONFIDENCE = 0.95
ERROR_RATE = 0.05
"""Of all that a report claims to be different, this share may be false; likewise of all that it claims to be equivalent."""


@dataclass(frozen=True)
class Interval:
    """An estimate between two bounds, in the unit of what was estimated; infinite bounds where one launch gives none."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Relative half width: 0.02 is ± 2 %."""
        return math.sqrt(self.high / self.low) - 1 if self.low > 0 and math.isfinite(self.high) else math.inf


def log_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval of the geometric mean of positive `values`, one from each launch.

    Raises ValueError where there is no value or one that is not positive.
    """
    if not values or not all(value > 0 for value in values):
        raise ValueError("an interval needs positive values, one or more")
    mean, error = _of_logs(values)
    if len(values) == 1:
        return Interval(math.exp(mean), 0.0, math.inf)
    reach = float(special.stdtrit(len(values) - 1, (1 + confidence) / 2)) * error
    return Interval(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))


def _of_logs(values: Sequence[float]) -> tuple[float, float]:
    """The mean of the logarithms and its standard error, which is infinite where there is one value.

    Not by NumPy, whose calls take ten times as long for so few numbers; a report makes a hundred thousand.
    """
    logs = [math.log(value) for value in values]
    mean = math.fsum(logs) / len(logs)
    if len(logs) == 1:
        return mean, math.inf
    if min(logs) == max(logs):  # launches that agree to the last bit leave no doubt
        return logs[0], 0.0
    return mean, math.sqrt(math.fsum((each - mean) ** 2 for each in logs) / ((len(logs) - 1) * len(logs)))


def round_ratios(a: dict[int, float], b: dict[int, float]) -> list[float]:
    """a / b within each round that both have: drift, which hits both alike, cancels."""
    return [a[number] / b[number] for number in sorted(a.keys() & b.keys())]


def launch_ratios(a: Sequence[dict[int, float]], b: Sequence[dict[int, float]]) -> list[float]:
    """The ratio of time a to time b in each of their paired launches, which are mappings of round to sample.

    Each launch contributes the median of its within-round ratios; one without a common round nothing.
    """
    return [median(ratios) for x, y in zip(a, b, strict=True) if (ratios := round_ratios(x, y))]


def ratio_interval(
    a: Sequence[dict[int, float]], b: Sequence[dict[int, float]], confidence: float = CONFIDENCE
) -> Interval | None:
    """The interval of time a / time b over paired launches; None where no launch has a common round."""
    ratios = launch_ratios(a, b)
    return log_interval(ratios, confidence) if ratios else None


def verdict(ratio: Interval | None, margin: float, different: float, equivalent: float) -> Verdict:
    """What to say of a cell whose time is `ratio` times another's, with a margin of practical interest (0.05 is 5 %).

    `different` and `equivalent` are the p-values of the two claims, controlled over all comparisons of the report.
    `faster` or `slower` where the two differ and the estimate lies beyond the margin; `equivalent` where the difference
    lies inside the margin; `undecided` otherwise. The margin is symmetric on the log scale.
    """
    if ratio is None:
        return "undecided"
    limit = 1 + margin
    if different <= ERROR_RATE and ratio.estimate < 1 / limit:
        return "faster"
    if different <= ERROR_RATE and ratio.estimate > limit:
        return "slower"
    return "equivalent" if equivalent <= ERROR_RATE else "undecided"


def p_different(values: Sequence[float]) -> float:
    """How likely launches as far from 1 as these ratios are where the true ratio is 1: Student's t on the log scale.

    At most 0.05 exactly where the 95 % interval of `log_interval` excludes 1; 1 where fewer than two launches tell nothing.
    """
    return _p_beyond(values, 0.0, "two-sided") if len(values) > 1 else 1.0


def p_equivalent(values: Sequence[float], margin: float) -> float:
    """How likely such launches are where the true ratio lies at the margin, or beyond it, on either side.

    Two one-sided tests (Schuirmann 1987, A comparison of the two one-sided tests procedure and the power approach), the
    larger of their p-values doubled: at most 0.05 exactly where the 95 % interval lies inside the margin.
    """
    if len(values) < 2:
        return 1.0
    limit = math.log1p(margin)
    return min(1.0, 2 * max(_p_beyond(values, limit, "less"), _p_beyond(values, -limit, "greater")))


def _p_beyond(values: Sequence[float], null: float, alternative: Literal["two-sided", "less", "greater"]) -> float:
    mean, error = _of_logs(values)
    if error == 0:
        side = mean - null
        holds = {"two-sided": side != 0, "less": side < 0, "greater": side > 0}[alternative]
        return 0.0 if holds else 1.0
    t, degrees = (mean - null) / error, len(values) - 1
    if alternative == "two-sided":
        return 2 * float(special.stdtr(degrees, -abs(t)))
    return float(special.stdtr(degrees, t if alternative == "less" else -t))


def unpaired(new: Sequence[float], old: Sequence[float], margin: float) -> tuple[Interval, float, float]:
    """new / old of launches that do not belong to each other, as in two runs: the interval of the ratio, and the p-values of
    `p_different` and `p_equivalent`.

    Welch's t on the logarithms, which lets either side have a noise of its own (Welch 1947). One launch on either side
    gives an estimate without bounds.
    """
    ours, theirs = np.log(new), np.log(old)
    estimate = float(np.exp(ours.mean() - theirs.mean()))
    if min(len(ours), len(theirs)) < 2:
        return Interval(estimate, 0.0, math.inf), 1.0, 1.0
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:  # launches that agree to the last bit leave no doubt
        inside = abs(math.log(estimate)) < math.log1p(margin)
        return Interval(estimate, estimate, estimate), float(estimate == 1), float(not inside)
    limit = math.log1p(margin)
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = test.confidence_interval(CONFIDENCE)
    below = stats.ttest_ind(ours - limit, theirs, equal_var=False, alternative="less").pvalue
    above = stats.ttest_ind(ours + limit, theirs, equal_var=False, alternative="greater").pvalue
    interval = Interval(estimate, float(np.exp(low)), float(np.exp(high)))
    return interval, float(test.pvalue), min(1.0, 2 * float(max(below, above)))


def controlled(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that of all that are at most q, a share of q is expected to be false.

    Of 200 comparisons of equals at 95 % confidence, 10 would differ by chance (Benjamini and Hochberg 1995, Controlling the
    false discovery rate). Comparisons of one case share its fastest cell, which makes them positively dependent; the bound
    holds then too (Benjamini and Yekutieli 2001).
    """
    return [float(p) for p in stats.false_discovery_control(p_values)] if len(p_values) else []


def common_mean(ratios: Sequence[Sequence[float | None]]) -> list[float]:
    """The geometric mean of each column over those rows that have a ratio in every column; NaN where there is no such row.

    A column that was spared the hard cases would otherwise look better than it is (Fleming and Wallace 1986, How not to lie
    with statistics, for the geometric mean).
    """
    columns = len(ratios[0]) if ratios else 0
    whole = [[value for value in row if value is not None] for row in ratios]
    whole = [row for row in whole if len(row) == columns]
    return [float(stats.gmean(column)) for column in zip(*whole, strict=True)] if whole else [math.nan] * columns


def break_even_calls(extra_cost_s: float, eager_s: float, compiled_s: float) -> float:
    """Calls after which a one-off cost has paid for itself; infinite where the compiled call is not faster."""
    gain = eager_s - compiled_s
    return max(0.0, extra_cost_s / gain) if gain > 0 else math.inf


def break_even_interval(extra_costs_s: Sequence[float], gains_s: Sequence[float]) -> Interval | None:
    """Calls after which a one-off cost has paid for itself, from what each launch says: its cost, and what a call saved.

    Student's t over the launches' numbers on the log scale, like every interval here. None where in any launch nothing was
    saved, or nothing was spent: no number of calls says that.
    """
    if not extra_costs_s or min(*extra_costs_s, *gains_s) <= 0:
        return None
    return log_interval([cost / gain for cost, gain in zip(extra_costs_s, gains_s, strict=True)])


def outliers(samples: Sequence[float]) -> list[bool]:
    """Tukey's far-out values, beyond three interquartile ranges: to be marked, never dropped (Tukey 1977, section 2C)."""
    if len(samples) < 4:
        return [False] * len(samples)
    low, _, high = quantiles(samples, method="inclusive")
    reach = 3 * (high - low)
    return [value < low - reach or value > high + reach for value in samples]


def disturbed(switches: Sequence[int], stolen_ms: Sequence[float]) -> list[bool]:
    """Samples of one launch during which something else took the CPU: to be marked, never dropped.

    That is stolen time, or more involuntary context switches than this program has anyway: over twice the median of the
    launch, and three more. A framework whose threads outnumber the CPUs preempts itself.
    """
    usual = median(switches) if switches else 0.0
    return [taken > 0 or count >= 2 * usual + 3 for count, taken in zip(switches, stolen_ms, strict=True)]
