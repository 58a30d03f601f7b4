"""Who wins where, at a glance: families of workloads against targets, each target by its best mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports import sentences
from reports.format import MISSING, count, ratio_with_range
from reports.ranking import Ranking, Standing
from reports.tables import Column, Table
from suite import comparison
from suite.comparison import Comparison
from suite.statistics import Interval, log_interval, p_different, p_equivalent, verdict
from suite.workloads import WORKLOADS


@dataclass(frozen=True)
class Mean:
    """A target in the cases of a family: its best cell's time as a multiple of the fastest cell's, in the mean."""

    against_fastest: Comparison | None
    """None where it was itself the fastest in each of these cases."""
    cases: int
    """In how many it has a speed."""


def family(workload: str) -> str:
    """That of the definition; a workload that this version does not know is a family of its own."""
    known = WORKLOADS.get(workload)
    return known.family if known else workload


def by_family(rankings: Sequence[Ranking]) -> dict[str, list[Ranking]]:
    """The cases of each family, in their order."""
    found: dict[str, list[Ranking]] = {}
    for ranking in rankings:
        first = (*(standing.measures for standing in ranking.standings), *ranking.unranked)[0]
        found.setdefault(family(first.workload), []).append(ranking)
    return found


def matrix(rankings: Sequence[Ranking], targets: Sequence[str], margin: float) -> dict[str, dict[str, Mean | None]]:
    """By family and target; None where the target has no speed in the family. Verdicts hold for the whole matrix."""
    found = {name: {t: _mean(cases, t, margin) for t in targets} for name, cases in by_family(rankings).items()}
    compared = [
        mean.against_fastest for row in found.values() for mean in row.values() if mean and mean.against_fastest
    ]
    together = iter(comparison.control(compared))
    return {
        name: {t: Mean(next(together), m.cases) if m and m.against_fastest else m for t, m in row.items()}
        for name, row in found.items()
    }


def table(rankings: Sequence[Ranking], targets: Sequence[str], margin: float) -> Table:
    """A row for each family: what the verdicts on its cases say, and each target's mean ratio with interval and verdict."""
    cases = by_family(rankings)
    rows = [
        (name, f"{sentences.overview(cases[name])}.", *(_told(mean, len(cases[name])) for mean in row.values()))
        for name, row in matrix(rankings, targets, margin).items()
    ]
    heads = (Column("family", "name"), Column("conclusion", "text"), *(Column(target) for target in targets))
    return Table("Mean time of each target's best mode as a multiple of the fastest, by family", heads, rows)


def _mean(cases: Sequence[Ranking], target: str, margin: float) -> Mean | None:
    best = [standing for ranking in cases if (standing := ranking.best_of(target))]
    if not best:
        return None
    if all(standing.against_fastest is None for standing in best):
        return Mean(None, len(best))
    # A launch goes through all cases, so the mean over them in one launch is one observation.
    launches = min(len(s.against_fastest.ratios) for s in best if s.against_fastest)
    values = [math.exp(sum(math.log(_ratio(s, n)) for s in best) / len(best)) for n in range(launches)]
    if not values:
        estimate = math.exp(sum(math.log(s.ratio.estimate) for s in best) / len(best))
        return Mean(Comparison(Interval(estimate, 0.0, math.inf), "undecided", 0, margin), len(best))
    ratio, different, equivalent = log_interval(values), p_different(values), p_equivalent(values, margin)
    said = verdict(ratio, margin, different, equivalent)
    return Mean(Comparison(ratio, said, launches, margin, different, equivalent, tuple(values)), len(best))


def _ratio(standing: Standing, launch: int) -> float:
    return standing.against_fastest.ratios[launch] if standing.against_fastest else 1.0


def _told(mean: Mean | None, cases: int) -> str:
    """`1.83× (1.71–1.95) slower`, with the number of cases where it is not all of them."""
    if mean is None:
        return MISSING
    of = "" if mean.cases == cases else f", in {mean.cases} of {count(cases, 'case')}"
    if mean.against_fastest is None:
        return f"1× the fastest measured{of}"
    return f"{ratio_with_range(mean.against_fastest.ratio)} {mean.against_fastest.verdict}{of}"
