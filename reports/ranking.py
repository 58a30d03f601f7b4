"""The cells of each case in order of speed, each with its verdict against the fastest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reports.measures import Measures, measure
from suite import comparison
from suite.comparison import Comparison
from suite.records import Cell, Run
from suite.statistics import Interval, Verdict


@dataclass(frozen=True)
class Standing:
    """A ranked cell, and how its time compares with that of the fastest in its case."""

    measures: Measures
    against_fastest: Comparison | None
    """None for the fastest itself."""

    @property
    def name(self) -> str:
        return self.measures.cell

    @property
    def target(self) -> str:
        return self.measures.target

    @property
    def ratio(self) -> Interval:
        return self.against_fastest.ratio if self.against_fastest else Interval(1.0, 1.0, 1.0)

    @property
    def verdict(self) -> Verdict | None:
        return self.against_fastest.verdict if self.against_fastest else None


@dataclass(frozen=True)
class Ranking:
    """One case: its ranked cells, the one that measured fastest first, and those that are not ranked."""

    case: str
    standings: list[Standing]
    unranked: list[Measures]

    @property
    def fastest(self) -> Standing | None:
        return self.standings[0] if self.standings else None

    @property
    def rivals(self) -> list[Standing]:
        """Whom the fastest is held against: the cells of other targets, or of its own where no other is ranked."""
        others = [standing for standing in self.standings[1:] if standing.target != self.standings[0].target]
        return others or self.standings[1:]

    @property
    def runner_up(self) -> Standing | None:
        return min(self.rivals, key=lambda standing: standing.ratio.estimate, default=None)

    @property
    def tied(self) -> list[Standing]:
        """The rivals that are not proven slower than the fastest."""
        return [standing for standing in self.rivals if standing.verdict != "slower"]

    @property
    def verdict(self) -> Verdict | None:
        """On the fastest against all its rivals: `faster` only where it is proven against each. None without rivals."""
        if not self.rivals:
            return None
        if not self.tied:
            return "faster"
        return "equivalent" if all(standing.verdict == "equivalent" for standing in self.tied) else "undecided"

    def best_of(self, target: str) -> Standing | None:
        """The target's fastest cell."""
        return next((standing for standing in self.standings if standing.target == target), None)


def rank(run: Run) -> list[Ranking]:
    """Every case of the run, in its order. Raises RecordsError where the run names no margin."""
    margin = comparison.margin(run)
    cases: dict[str, list[tuple[Cell, Measures]]] = {}
    for cell, measures in zip(run.cells, measure(run), strict=True):
        cases.setdefault(cell.case, []).append((cell, measures))
    rankings = [_rank_case(case, entries, margin) for case, entries in cases.items()]
    return _controlled(rankings)


def _controlled(rankings: list[Ranking]) -> list[Ranking]:
    """Verdicts that hold for all comparisons of the report together."""
    alone = [s.against_fastest for ranking in rankings for s in ranking.standings if s.against_fastest]
    together = iter(comparison.control(alone))

    def judged(standing: Standing) -> Standing:
        return replace(standing, against_fastest=next(together)) if standing.against_fastest else standing

    return [replace(ranking, standings=[judged(s) for s in ranking.standings]) for ranking in rankings]


def _rank_case(case: str, entries: list[tuple[Cell, Measures]], margin: float) -> Ranking:
    ranked = [(cell, measures) for cell, measures in entries if measures.ranked]
    unranked = [measures for _, measures in entries if not measures.ranked]
    if not ranked:
        return Ranking(case, [], unranked)
    fastest = comparison.fastest([cell for cell, _ in ranked])
    first = [Standing(measures, None) for cell, measures in ranked if cell is fastest]
    rest = [
        Standing(measures, comparison.compare(cell, fastest, margin))
        for cell, measures in ranked
        if cell is not fastest
    ]
    return Ranking(case, first + sorted(rest, key=lambda standing: standing.ratio.estimate), unranked)
