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
from typing import Literal

import numpy as np
from scipy import stats

Verdict = Literal["faster", "slower", "equivalent", "undecided"]
CONFIDENCE = 0.95


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
    logs = np.log(np.asarray(values, dtype=float))
    mean = float(logs.mean())
    if len(logs) == 1:
        return Interval(math.exp(mean), 0.0, math.inf)
    error = float(logs.std(ddof=1)) / math.sqrt(len(logs))
    reach = float(stats.t.ppf((1 + confidence) / 2, df=len(logs) - 1)) * error
    return Interval(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))


def round_ratios(a: dict[int, float], b: dict[int, float]) -> list[float]:
    """a / b within each round that both have: drift, which hits both alike, cancels."""
    return [a[number] / b[number] for number in sorted(a.keys() & b.keys())]


def ratio_interval(
    a: Sequence[dict[int, float]], b: Sequence[dict[int, float]], confidence: float = CONFIDENCE
) -> Interval | None:
    """The interval of time a / time b over paired launches, each a mapping of round to sample.

    Each launch contributes the median of its within-round ratios. None where no launch has a common round.
    """
    medians = [float(np.median(ratios)) for x, y in zip(a, b, strict=True) if (ratios := round_ratios(x, y))]
    return log_interval(medians, confidence) if medians else None


def verdict(ratio: Interval | None, margin: float) -> Verdict:
    """What to say of a cell whose time is `ratio` times another's, with a margin of practical interest (0.05 is 5 %).

    `faster` or `slower` where the interval excludes 1 and the estimate lies beyond the margin; `equivalent` where the
    whole interval lies inside the margin; `undecided` otherwise. The margin is symmetric on the log scale.
    """
    if ratio is None:
        return "undecided"
    limit = 1 + margin
    if ratio.high < 1 and ratio.estimate < 1 / limit:
        return "faster"
    if ratio.low > 1 and ratio.estimate > limit:
        return "slower"
    if 1 / limit < ratio.low and ratio.high < limit:
        return "equivalent"
    return "undecided"


def break_even_calls(extra_cost_s: float, eager_s: float, compiled_s: float) -> float:
    """Calls after which a one-off cost has paid for itself; infinite where the compiled call is not faster."""
    gain = eager_s - compiled_s
    return max(0.0, extra_cost_s / gain) if gain > 0 else math.inf


def outliers(samples: Sequence[float]) -> list[bool]:
    """Tukey's far-out values, beyond three interquartile ranges: to be marked, never dropped (Tukey 1977, section 2C)."""
    if len(samples) < 4:
        return [False] * len(samples)
    low, high = np.percentile(samples, [25, 75])
    reach = 3 * (high - low)
    return [bool(value < low - reach or value > high + reach) for value in samples]


def disturbed(switches: Sequence[int], stolen_ms: Sequence[float]) -> list[bool]:
    """Samples of one launch during which something else took the CPU: to be marked, never dropped.

    That is stolen time, or more involuntary context switches than this program has anyway: over twice the median of the
    launch, and three more. A framework whose threads outnumber the CPUs preempts itself.
    """
    usual = float(np.median(switches)) if switches else 0.0
    return [taken > 0 or count >= 2 * usual + 3 for count, taken in zip(switches, stolen_ms, strict=True)]
