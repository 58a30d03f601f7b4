"""Two cells of one case held against each other, and which cells may be compared at all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from suite.errors import RecordsError
from suite.records import Cell, Check, Launch, Run
from suite.statistics import (
    ERROR_RATE,
    Interval,
    Verdict,
    controlled,
    launch_ratios,
    log_interval,
    p_different,
    p_equivalent,
    round_ratios,
    verdict,
)
from suite.targets import given_name

MarginOf = Callable[[str, str], float]
"""The margin with which a cell is judged, by its case and its name: 0.05 is 5 %."""


@dataclass(frozen=True)
class Comparison:
    """The time of one cell as a multiple of another's."""

    ratio: Interval
    verdict: Verdict
    launches: int
    """Launches in which both were measured in a common round: the number of observations behind `ratio`."""
    margin: float
    """Smaller differences are of no interest: 0.05 is 5 %."""
    p_different: float = 1.0
    p_equivalent: float = 1.0
    """How likely such launches are where the times are equal, or no nearer than the margin; see `suite.statistics`."""
    ratios: tuple[float, ...] = ()
    """One for each of the launches."""

    @property
    def why_undecided(self) -> str:
        """Half a sentence; empty where the verdict is not `undecided`."""
        if self.verdict != "undecided":
            return ""
        if self.launches == 0:
            return "they have no round in common"
        if self.launches == 1:
            return "one launch gives no interval"
        if self.launches == 2:
            return "two launches can only show large differences"
        if self.p_different > ERROR_RATE and (self.ratio.low > 1 or self.ratio.high < 1):
            return "among so many comparisons it may be chance"
        if self.ratio.low > 1 or self.ratio.high < 1:
            return "the difference may be smaller than the margin"
        return "the interval is too wide to tell"


def margin(run: Run) -> float:
    """The margin of practical interest that the run asked for: 0.05 is 5 %. Raises RecordsError where it has none."""
    profile = run.record.selection.get("profile")
    value = profile.get("margin") if isinstance(profile, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise RecordsError(
            f"{run.folder}/run.json names no margin between 0 and 1 in selection.profile.margin: "
            "without one no verdict can be given"
        )
    return float(value)


def passed(check: Check) -> bool:
    """A result that was not finite never passes, whatever the record claims."""
    return check.passed and check.error is not None


def unranked_reason(cell: Cell) -> str:
    """Why no speed of this cell may be shown; empty where it may.

    A speed needs the status `ok`, checks that all passed, and samples.
    """
    if cell.status != "ok":
        return cell.reason or "no reason was recorded"
    if not cell.checks:
        return "no check of its results was recorded"
    failed = [check.name for check in cell.checks if not passed(check)]
    if failed:
        return f"these checks did not pass: {', '.join(failed)}"
    if not any(launch.samples for launch in cell.launches):
        return "no sample was recorded"
    return ""


def is_ranked(cell: Cell) -> bool:
    return not unranked_reason(cell)


def launch_median_s(launch: Launch) -> float:
    """The median of a launch's samples, in seconds."""
    return statistics.median(sample.ns for sample in launch.samples) / 1e9


def median(cell: Cell, only: dict[int, set[int]] | None = None) -> Interval:
    """The time of a call in seconds: the geometric mean over launches of their medians. The cell must have samples.

    `only` limits it to some rounds of each launch.
    """
    if only is None:
        return log_interval([launch_median_s(launch) for launch in cell.launches if launch.samples])
    rounds = _rounds(cell)
    return log_interval(
        [statistics.median(rounds[n][number] for number in numbers) / 1e9 for n, numbers in only.items() if numbers]
    )


def levels(cell: Cell, anchored: bool) -> list[float]:
    """One number for each launch: the median of its samples in ns, or in units of their rounds' anchor."""
    launches = [launch for launch in cell.launches if launch.samples]
    return [statistics.median(s.ns / s.anchor_ns if anchored else s.ns for s in launch.samples) for launch in launches]


def is_anchored(cell: Cell) -> bool:
    """Whether the anchor was timed in every round in which the cell was."""
    return all(sample.anchor_ns > 0 for launch in cell.launches for sample in launch.samples)


def shared_rounds(cells: Sequence[Cell]) -> dict[int, set[int]]:
    """By launch, the rounds in which every one of `cells` was sampled."""
    rounds = [_rounds(cell) for cell in cells]
    launches = set.intersection(*(set(one) for one in rounds))
    return {n: set.intersection(*(set(one[n]) for one in rounds)) for n in launches}


def compare(cell: Cell, other: Cell, margin: float) -> Comparison:
    """`cell`'s time over `other`'s, from ratios within a round, paired by launch. Both must be ranked.

    Where they share no round the ratio of their medians stands in, without bounds, and the verdict is `undecided`.
    """
    ours, theirs = _rounds(cell), _rounds(other)
    shared = sorted(n for n in ours.keys() & theirs.keys() if round_ratios(ours[n], theirs[n]))
    ratios = launch_ratios([ours[n] for n in shared], [theirs[n] for n in shared])
    if not ratios:
        without_bounds = Interval(median(cell).estimate / median(other).estimate, 0.0, float("inf"))
        return Comparison(without_bounds, "undecided", 0, margin)
    return of_ratios(ratios, margin)


def of_ratios(ratios: Sequence[float], margin: float) -> Comparison:
    """What the ratios of one cell's time to another's, one for each launch, say of the two."""
    ratio, different, equivalent = log_interval(ratios), p_different(ratios), p_equivalent(ratios, margin)
    said = verdict(ratio, margin, different, equivalent)
    return Comparison(ratio, said, len(ratios), margin, different, equivalent, tuple(ratios))


def pairs(cells: Sequence[Cell], baseline: str = "") -> list[tuple[Cell, Cell]]:
    """Each ranked cell with the one that it is held against: of its case the fastest, or the same of the target `baseline`.

    Targets are called by the name that they were given, without the framework that may follow it.
    """
    ranked = [cell for cell in cells if is_ranked(cell)]
    if baseline:
        against = {counterpart(cell): cell for cell in ranked if given_name(cell.target, cell.framework) == baseline}
        others = [cell for cell in ranked if given_name(cell.target, cell.framework) != baseline]
        return [(cell, against[counterpart(cell)]) for cell in others if counterpart(cell) in against]
    found = []
    for case in dict.fromkeys(cell.case for cell in ranked):
        of_case = [cell for cell in ranked if cell.case == case]
        first = fastest(of_case)
        found += [(cell, first) for cell in of_case if cell is not first]
    return found


def counterpart(cell: Cell) -> tuple[str, str, str, str]:
    """What a cell has in common with the same one of another target."""
    return cell.case, cell.framework, cell.mode, cell.variant


def fastest(cells: Sequence[Cell]) -> Cell:
    """The cell with the lowest time over the rounds that all contenders have; each launch counts once, by its median.

    Contenders are the cells but for those that the rounds which all have in common prove slower: these got no further
    launches. Where there is no common round, as after a fault, the medians of all their rounds decide. Pairwise ratios would
    not do: under heavy noise a beats b, b beats c, and c beats a.
    """
    first = _fastest(cells)
    contenders = [cell for cell in cells if cell is first or not _is_slower(cell, first)]
    return _fastest(contenders)


def _fastest(cells: Sequence[Cell]) -> Cell:
    shared = shared_rounds(cells)
    if not any(shared.values()):
        return min(cells, key=lambda cell: median(cell).estimate)
    return min(cells, key=lambda cell: median(cell, shared).estimate)


def _is_slower(cell: Cell, other: Cell) -> bool:
    found = compare(cell, other, margin=0.0)
    return found.launches > 1 and found.ratio.low > 1


def control(comparisons: list[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values and verdicts that hold for all of them together; see `statistics.controlled`."""
    different = controlled([one.p_different for one in comparisons])
    equivalent = controlled([one.p_equivalent for one in comparisons])
    return [
        replace(
            one,
            verdict=verdict(one.ratio, one.margin, p, q) if one.launches else one.verdict,
            p_different=p,
            p_equivalent=q,
        )
        for one, p, q in zip(comparisons, different, equivalent, strict=True)
    ]


def as_json(found: Comparison | None) -> dict[str, Any]:
    """The ratio, unrounded, with its bounds, the margin and the verdict; all None where nothing was compared."""
    if found is None:
        return {"ratio": None, "ratio_interval": None, "margin": None, "verdict": None}
    bounds = [found.ratio.low, found.ratio.high] if math.isfinite(found.ratio.high) else None
    return {
        "ratio": found.ratio.estimate,
        "ratio_interval": bounds,
        "margin": found.margin,
        "verdict": found.verdict,
    }


def _rounds(cell: Cell) -> dict[int, dict[int, float]]:
    """Samples in ns by launch and round."""
    return {launch.launch: {sample.round: sample.ns for sample in launch.samples} for launch in cell.launches}
