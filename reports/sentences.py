"""What the report says in words. No sentence is stronger than the verdict that it states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reports import devices, format
from reports.format import count, listing, percent, ratio_with_range, seconds
from reports.nested import processor
from reports.ranking import Ranking, Standing
from suite import calibration, comparison
from suite.records import Cell, Run

_MUCH = 0.2  # a share of disturbed samples from which on the machine must be called busy
_NAMED = 3  # so many cells are named in a sentence; the table names them all


def finding(ranking: Ranking, margin: float) -> str:
    """The result of one case: who is fastest and by how much over the runner-up, or that it cannot be said."""
    fastest, runner_up = ranking.fastest, ranking.runner_up
    if fastest is None:
        return "No cell ended ok: nothing can be ranked."
    if runner_up is None:
        time = seconds(fastest.measures.median_s)
        return f"Only {fastest.name} ended ok, with {time} a call: nothing to compare it with."
    if ranking.verdict == "faster":
        return _fastest_is(ranking, fastest, runner_up)
    if ranking.verdict == "equivalent":
        names = listing([fastest.name, *(standing.name for standing in ranking.tied)], _NAMED)
        return f"No difference that this machine can resolve between {names}: the margin is {format.margin(margin)}."
    return _undecided(ranking, fastest)


def _fastest_is(ranking: Ranking, fastest: Standing, runner_up: Standing) -> str:
    lead = f"{ratio_with_range(runner_up.ratio)} ahead of {runner_up.name}"
    if runner_up.target == fastest.target:
        return f"{fastest.name} is fastest: {lead}; no other target ended ok."
    siblings = [s for s in ranking.standings[1:] if s.target == fastest.target and s.verdict != "slower"]
    if not siblings:
        return f"{fastest.name} is fastest: {lead}."
    # Which of the target's own modes wins is a claim of its own.
    names = listing((standing.name for standing in siblings), _NAMED)
    if all(standing.verdict == "equivalent" for standing in siblings):
        tail = f"no difference that this machine can resolve between it and {names}"
    else:
        tail = f"between it and {names} it is undecided"
    return f"{fastest.target} is fastest: {fastest.name} {lead}; {tail}."


def _undecided(ranking: Ranking, fastest: Standing) -> str:
    nearest = next(standing for standing in ranking.tied if standing.verdict != "equivalent")
    best: dict[str, str] = {}
    for standing in ranking.tied:
        best.setdefault(standing.target, standing.name)  # one of each target will do
    names = listing([fastest.name, *best.values()], _NAMED + 1)
    why = nearest.against_fastest.why_undecided if nearest.against_fastest else ""
    return (
        f"Undecided between {names}: {nearest.name} took {ratio_with_range(nearest.ratio)} the time of {fastest.name}, "
        f"but {why or 'that does not tell them apart'}."
    )


def overview(rankings: list[Ranking]) -> str:
    """The finding of the whole run in one sentence: the title of the heat map."""
    # Where no second target was ranked, the modes of the one were compared, and its name alone would say nothing.
    won = Counter(
        r.fastest.name if r.rivals[0].target == r.fastest.target else r.fastest.target
        for r in rankings
        if r.verdict == "faster" and r.fastest
    )
    winners = [f"{target} is fastest in {number}" for target, number in won.most_common(1)]
    winners += [f"{target} in {number}" for target, number in won.most_common()[1:]]
    parts = [", ".join(winners)] if winners else []
    equivalent = sum(ranking.verdict == "equivalent" for ranking in rankings)
    undecided = sum(ranking.verdict == "undecided" for ranking in rankings)
    alone = sum(ranking.verdict is None for ranking in rankings)
    if equivalent:
        parts.append(f"no difference that this machine can resolve in {equivalent}")
    if undecided:
        parts.append(f"undecided in {undecided}")
    if alone:
        parts.append(f"nothing to compare in {alone}")
    return f"Of {count(len(rankings), 'case')}: {'; '.join(parts)}" if parts else "No cell was recorded"


def agreement(rankings: list[Ranking]) -> str:
    """Whether all that ran computes the same, and what did not run."""
    ranked = sum(len(ranking.standings) for ranking in rankings)
    ended = Counter(measures.status for ranking in rankings for measures in ranking.unranked)
    wrong = ended.pop("incorrect", 0)
    told = f"{count(ranked, 'cell')} passed every check of values and gradients"
    told += f"; {count(wrong, 'cell')} did not, and {'has' if wrong == 1 else 'have'} no speed" if wrong else ""
    words = {status: "not ranked" if status == "ok" else status.replace("_", " ") for status in ended}
    rest = listing(f"{number} {words[status]}" for status, number in ended.most_common())
    return f"{told}{f'; beside them {rest}' if rest else ''}."


def ending(run: Run) -> str:
    """What ended the run, in a sentence."""
    ended = run.record.ended
    return {
        "goal": "This run ended because every comparison is settled: its verdict stands, or its interval is as narrow as "
        "asked.",
        "launches": "This run ended because it had all the launches that it may have; what they do not settle is reported "
        "as it stands.",
        "": "This run is unfinished: it is still going on, or it was killed. What follows is what it left so far.",
        "budget": "The budget ended this run before every comparison was settled: what was not settled by then is "
        "reported as it stands.",
        "interrupted": "This run was interrupted; what follows is what it had measured until then.",
    }.get(ended, f"This run was ended by '{ended}'.")


def disturbance(rankings: list[Ranking]) -> str:
    """A sentence where many of the samples were disturbed; empty where few were."""
    measures = [standing.measures for ranking in rankings for standing in ranking.standings]
    samples = sum(m.samples for m in measures)
    disturbed = sum(m.samples * (m.disturbed_share or 0.0) for m in measures)
    if not samples or disturbed / samples < _MUCH:
        return ""
    return (
        f"{percent(disturbed / samples)} of the samples were disturbed: something else took the CPU while they were timed. "
        "Close other programs, or use fewer threads, and measure again before relying on these times."
    )


def notes(run: Run, rankings: list[Ranking]) -> list[str]:
    """What a reader must know before anything else: how the run ended, and whether the machine was busy."""
    warning = "" if simple_ending(run) else ending(run)
    return [note for note in (warning, disturbance(rankings), *devices.notes(rankings)) if note]


def simple_ending(run: Run) -> str:
    """What ended the run where that need not worry anybody; empty where a note tells it."""
    return ending(run) if run.record.ended in ("goal", "launches") else ""


def subject(run: Run) -> str:
    """What was compared on what machine, in one sentence."""
    cells = run.cells
    if not cells:
        return f"No cell was recorded{_machine(run)}."
    targets = _distinct(cell.target for cell in cells)
    cases = _distinct(cell.case for cell in cells)
    modes = {(cell.target, cell.mode) for cell in cells}
    threads = _distinct(count(cell.threads, "thread") for cell in cells)
    launches = _launches(cell for cell in cells if cell.launches)
    return (
        f"{listing(targets)} {'was' if len(targets) == 1 else 'were'} measured in {count(len(modes), 'mode')} on "
        f"{count(len(cases), 'case')} ({listing(_distinct(cell.workload for cell in cells), 6)}; "
        f"{listing(_distinct(cell.task for cell in cells))}) in "
        f"{listing(_distinct(cell.precision for cell in cells))} on "
        f"{listing(_distinct(cell.device for cell in cells))} with {listing(threads, last='or')} in "
        f"{format.launches(*launches)}{_machine(run)}."
    )


def power(run: Run) -> str:
    """What the number of launches allows to see."""
    least, most = _launches(cell for cell in run.cells if comparison.is_ranked(cell))
    if most == 0:
        return "No launch brought a time that may be shown."
    if most == 1:
        return "This run has one launch, and one launch gives no interval: every difference stays undecided."
    had = f"This run has {format.launches(least, most)}"
    if known := calibration.read(run.record.environment.get("calibration")):
        return (
            f"{had}; in {most} this machine tells differences of {percent(known.floor(most))} "
            f"and more, as holding {count(known.pairs, 'pair')} of equals against each other showed."
        )
    if most < 5:
        return f"{had}: enough to show large differences. A claim about a few percent needs five or more."
    return f"{had}: enough for a few percent, where the intervals are that narrow."


def _launches(cells: Iterable[Cell]) -> tuple[int, int]:
    """The fewest and the most that one of them has."""
    counts = [len(cell.launches) for cell in cells] or [0]
    return min(counts), max(counts)


def _machine(run: Run) -> str:
    environment = run.record.environment
    gpus = [calibration.gpu_name(environment, device) for device in _distinct(cell.device for cell in run.cells)]
    names = [name for name in (processor(environment), *gpus) if name]
    return f", machine: {listing(names)}" if names else ""


def _distinct(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
