"""How other tools judge a pair, each of its sides a list of samples; by their own code where that is a library."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import pyperf
from pyperf._compare import CompareData, CompareResult
from pytest_benchmark.stats import Stats
from pytest_benchmark.utils import PercentageRegressionCheck
from scipy.stats import mannwhitneyu

Judgement = Literal["faster", "slower", "same"]
Samples = Sequence[float]
"""Seconds a call."""

ASV_LEVEL = 0.002
"""`p_threshold` of asv 0.6.6, with which `asv compare` and `asv continuous` test."""


def regression(old: Samples, new: Samples, field: str, percent: int) -> Judgement:
    """`pytest --benchmark-compare-fail=FIELD:PERCENT%`. It knows no faster: that is found with the sides swapped."""
    check = PercentageRegressionCheck(field, percent)
    before, after = _stats(old), _stats(new)
    if check.fails(after, before):
        return "slower"
    return "faster" if check.fails(before, after) else "same"


def _stats(samples: Samples) -> dict[str, float]:
    stats = Stats()
    for sample in samples:
        stats.update(sample)
    found: dict[str, float] = stats.as_dict()
    return found


def t_test(old: Samples, new: Samples, min_speed: float | None) -> Judgement:
    """`pyperf compare_to --min-speed=PERCENT`: Student's t over all values at 95 %, then the ratio of the means."""
    found = CompareResult(CompareData("old", _benchmark(old)), CompareData("new", _benchmark(new)), min_speed)
    if not found.significant:
        return "same"
    return "slower" if found.norm_mean > 1 else "faster"


def _benchmark(samples: Samples) -> pyperf.Benchmark:
    return pyperf.Benchmark([pyperf.Run(list(samples), metadata={"name": "pair"}, collect_metadata=False)])


def mann_whitney(old: Samples, new: Samples, factor: float) -> Judgement:
    """`asv compare --factor=FACTOR`: medians differ by more than the factor, and Mann-Whitney's test by p < 0.002.

    Written after `_is_result_better` (asv/commands/compare.py) and `is_different` (asv/_stats.py) of asv 0.6.6: the package
    manages environments and pulls in a dozen others. The test is exact up to 20 samples a side, else normal without
    correction for continuity. What asv does with fewer than 6 samples a side is not needed here.
    """
    method = "exact" if max(len(old), len(new)) <= 20 else "asymptotic"
    if mannwhitneyu(old, new, method=method, use_continuity=False).pvalue >= ASV_LEVEL:
        return "same"
    before, after = statistics.median(old), statistics.median(new)
    if before < after / factor:
        return "slower"
    return "faster" if after < before / factor else "same"


RULES: dict[str, tuple[str, Callable[[Samples, Samples], Judgement]]] = {
    "pytest-benchmark median:5%": ("pytest-benchmark", partial(regression, field="median", percent=5)),
    "pytest-benchmark mean:5%": ("pytest-benchmark", partial(regression, field="mean", percent=5)),
    "pytest-benchmark min:5%": ("pytest-benchmark", partial(regression, field="min", percent=5)),
    "pytest-benchmark median:2%": ("pytest-benchmark", partial(regression, field="median", percent=2)),
    "pyperf compare_to": ("pyperf", partial(t_test, min_speed=None)),
    "pyperf compare_to --min-speed=2": ("pyperf", partial(t_test, min_speed=2)),
    "asv compare": ("asv", partial(mann_whitney, factor=1.1)),
    "asv compare --factor=1.02": ("asv", partial(mann_whitney, factor=1.02)),
}
"""By what a user asks for: whose samples, and the judgement. The usual threshold, and one that a planted 3 % exceeds."""
