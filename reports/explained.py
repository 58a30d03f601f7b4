"""Why cells take their time: what bounds each, what compiling costs, what is counted, and which operators take longest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from reports import footprint, retraced
from reports import format as text
from reports.format import MISSING, count, percent
from reports.measures import Measures
from reports.ranking import Ranking
from reports.tables import MARKS, Column, Table
from suite import comparison, roofline
from suite.diagnoses import AnyDiagnosis, Compiling, Counts, Diagnosis, Energy, Memory, Overhead, Profile, Retraces
from suite.records import Cell, Run, identity
from suite.roofline import BOUND, Limits
from suite.statistics import Interval, break_even_interval
from suite.workloads import Problem

OUTSIDE = 0.5
"""A cell spends its time in Python where during this share of a call, or more, no operator runs."""
DIFFERENCE = 0.01
"""A framework's count of operations that differs from the definition's by more is worth a reason."""
FEW = 2
"""Where so few operations are handed over in a call, no compiler makes them fewer."""
WIDEST = 60
"""Characters of an operator's name; compilers write long ones."""
TOP = 5
"""Operators of each cell that a report shows; the record has more."""
D = TypeVar("D", bound=Diagnosis)


@dataclass(frozen=True)
class Explained:
    """What is known of one ranked cell; a diagnosis that was not made, or found nothing, is None."""

    cell: Cell
    measures: Measures
    compiling: Compiling | None
    cached: Compiling | None
    profile: Profile | None
    overhead: Overhead | None
    counts: Counts | None
    energy: Energy | None
    memory: Memory | None
    retraces: Retraces | None
    limits: Limits
    pays_after: Interval | None
    """Calls until compiling has paid; None where that is no number."""

    @property
    def overhead_per_operation_s(self) -> float | None:
        """What overhead there is for each operation that is handed over: the smallest problem's share of the cell's time."""
        told, share = self.profile, self.limits.overhead
        if told is None or not told.dispatched or share is None or self.measures.median_s is None:
            return None
        return share * self.measures.median_s / told.dispatched

    @property
    def call_s(self) -> float | None:
        """A call in the process of the profile. Of calls with and without the profiler the shorter ones count: it takes time
        of its own, which is none of theirs, and what else the machine did meanwhile is not either."""
        told = self.profile
        return min(told.call_s, told.profiled_s) if told and told.call_s and told.profiled_s else None

    @property
    def outside(self) -> float | None:
        """The share of a call during which no operator ran."""
        work_s = self.profile.work_s if self.profile else None
        return None if work_s is None or self.call_s is None else max(0.0, 1 - work_s / self.call_s)


@dataclass(frozen=True)
class Why:
    """The section of a report; empty where nothing was explained."""

    findings: list[tuple[str, str]]
    """Of each cell, its name and what was found, in sentences."""
    notes: list[str]
    tables: list[Table]


def why(run: Run, rankings: Sequence[Ranking], labels: Mapping[str, str]) -> Why:
    """What the run's diagnoses say, cell by cell, those of a case from the fastest on."""
    cells = explained(run, rankings)
    names = {id(one): f"{labels[one.measures.case]}, {one.measures.cell}" for one in cells}
    tables = [
        where_time_goes(cells, labels),
        compile_steps(cells, labels),
        counted(cells, labels),
        joules(cells, labels),
    ]
    tables += [*_of_memory(cells, labels), *_of_retraces(run, cells, labels), operators(cells, labels)]
    failed = dict.fromkeys(diagnosis.reason for diagnosis in run.diagnoses if diagnosis.reason)
    return Why(
        findings=[
            *((names[id(one)], sentence(one)) for one in cells),
            *((", ".join(name), retraced.sentence(told)) for name, told in _of_failed(run, labels)),
        ],
        notes=list(failed),
        tables=[table for table in tables if table.rows],
    )


def explained(run: Run, rankings: Sequence[Ranking]) -> list[Explained]:
    """The ranked cells of which there is any diagnosis."""
    known = {identity(cell): cell for cell in run.cells}
    told: dict[tuple[Any, ...], list[AnyDiagnosis]] = {}
    for diagnosis in run.diagnoses:
        told.setdefault(identity(diagnosis), []).append(diagnosis)
    eager = {(c.case, c.target, c.variant): c for c in run.cells if c.mode == "eager" and comparison.is_ranked(c)}
    found = []
    for ranking in rankings:
        for standing in ranking.standings:
            m = standing.measures
            key = next(k for k, cell in known.items() if cell.case == m.case and cell.name == m.cell)
            if key in told:
                cell = known[key]
                found.append(_explained(run, cell, m, told[key], eager.get((cell.case, cell.target, cell.variant))))
    return found


def sentence(one: Explained) -> str:
    """What bounds the cell, what it spends outside operators, when compiling has paid, and what is beyond a threshold of
    memory and of traces."""
    parts = [_bound(one), _outside(one), _compiled(one), _cached(one)]
    parts.append(footprint.sentence(Problem(one.cell.parameters), one.memory) if one.memory else "")
    parts.append(retraced.sentence(one.retraces) if one.retraces else "")
    return " ".join(part for part in parts if part)


def as_json(run: Run, rankings: Sequence[Ranking]) -> list[dict[str, Any]]:
    """For each cell what was found, unrounded. Times are in seconds."""
    return [
        {
            "case": one.measures.case,
            "cell": one.measures.cell,
            "finding": sentence(one),
            "call_s": one.measures.median_s,
            "limits": {name: getattr(one.limits, name) for name in ("memory", "arithmetic", "overhead")},
            "outside_operators": one.outside,
            "pays_after_calls": one.pays_after and [one.pays_after.estimate, one.pays_after.low, one.pays_after.high],
            "diagnoses": [
                msgspec.to_builtins(each)
                for each in (
                    one.compiling,
                    one.cached,
                    one.profile,
                    one.overhead,
                    one.counts,
                    one.energy,
                    one.memory,
                    one.retraces,
                )
                if each
            ],
        }
        for one in explained(run, rankings)
    ]


def where_time_goes(cells: Iterable[Explained], labels: Mapping[str, str]) -> Table:
    rows = [
        (
            *_name(one, labels),
            text.seconds(one.measures.median_s),
            _nearest(one.limits),
            *(percent(share) for share in (one.limits.memory, one.limits.arithmetic, one.limits.overhead, one.outside)),
            _number(one.profile.dispatched if one.profile else None),
            text.seconds(one.overhead_per_operation_s),
            _number(one.profile.kernels if one.profile else None),
            text.seconds(one.overhead.call_s if one.overhead else None),
        )
        for one in cells
    ]
    heads = ("memory", "arithmetic", "overhead", "outside operators", "dispatched", "each in tiny", "kernels", "tiny")
    columns = (*_HEADS, Column("time a call", "number"), Column("bound by"), *(Column(h, "number") for h in heads))
    return Table("Where the time goes", columns, rows)


def compile_steps(cells: Iterable[Explained], labels: Mapping[str, str]) -> Table:
    """The parts of compiling, in a process that found nothing on disk, and what a second one saved."""
    rows = []
    for one in cells:
        if told := one.compiling:
            steps = (told.compiler_start_s, told.build_s, told.trace_s, told.lower_s, told.compile_s, _rest_s(told))
            again = one.cached.first_call_s if one.cached else None
            hits = MISSING if one.cached is None or one.cached.cache_hits is None else str(one.cached.cache_hits)
            rows.append(
                (*_name(one, labels), *map(text.seconds, (*steps, told.first_call_s, again)), hits, _pays_short(one))
            )
    heads = ("compiler start", "build", "trace", "lower", "compile", "rest and first run", "first call")
    more = ("in a second process", "found on disk")
    columns = (*_HEADS, *(Column(head, "number") for head in (*heads, *more)), Column("calls until it pays", "number"))
    return Table("What compiling consists of", columns, rows)


def counted(cells: Iterable[Explained], labels: Mapping[str, str]) -> Table:
    """Operations and bytes as the framework counts them, beside the definition's; where they differ, what is known of the
    counter."""
    rows = []
    for one in cells:
        told = one.counts
        if told and (told.flops is not None or told.bytes is not None):
            flops, bytes = _off(told.flops, one.cell.flops), _off(told.bytes, one.cell.bytes)
            differs = any(value is not None and abs(value) > DIFFERENCE for value in (flops, bytes))
            rows.append(
                (
                    *_name(one, labels),
                    _large(one.cell.flops),
                    _large(told.flops),
                    _signed(flops),
                    text.size(one.cell.bytes),
                    text.size(told.bytes),
                    _signed(bytes),
                    (told.note or "not known") if differs else "",
                )
            )
    heads = ("operations", "as counted", "difference", "bytes, at least", "bytes, as counted", "difference of bytes")
    columns = (*_HEADS, *(Column(head, "number") for head in heads), Column("what is counted otherwise"))
    return Table("Operations and bytes, by definition and as the frameworks count them", columns, rows)


def joules(cells: Iterable[Explained], labels: Mapping[str, str]) -> Table:
    rows = [
        (
            *_name(one, labels),
            f"{text.significant(1000 * one.energy.joules)} mJ",
            f"{text.significant(one.energy.joules * one.energy.calls / one.energy.seconds)} W",
            one.energy.meter,
        )
        for one in cells
        if one.energy and one.energy.joules is not None and one.energy.seconds
    ]
    columns = (*_HEADS, Column("energy a call", "number"), Column("power", "number"), Column("meter"))
    return Table("What a call takes of energy, with what the machine takes anyway", columns, rows)


def operators(cells: Iterable[Explained], labels: Mapping[str, str]) -> Table:
    rows = [
        (
            *_name(one, labels),
            operator.name if len(operator.name) <= WIDEST else f"{operator.name[: WIDEST - 1]}…",
            text.significant(operator.calls),
            text.seconds(operator.self_s),
            percent(operator.self_s / one.call_s),
        )
        for one in cells
        if one.profile and one.call_s
        for operator in one.profile.operators[:TOP]
    ]
    columns = (
        *_HEADS,
        Column("operator", "name"),
        *(Column(head, "number") for head in ("in a call", "self time", "of a call")),
    )
    return Table("The operators that took longest", columns, rows)


_HEADS = (Column("case", "name"), Column("cell", "name"))


def _of_memory(cells: Iterable[Explained], labels: Mapping[str, str]) -> list[Table]:
    named = [(_name(one, labels), Problem(one.cell.parameters), one.memory) for one in cells if one.memory]
    return [footprint.peaks(named), footprint.checkpointing(named)]


def _of_retraces(run: Run, cells: Iterable[Explained], labels: Mapping[str, str]) -> list[Table]:
    named = [(_name(one, labels), one.retraces) for one in cells if one.retraces]
    named += _of_failed(run, labels)
    return [retraced.summary(named), retraced.reasons(named)]


def _of_failed(run: Run, labels: Mapping[str, str]) -> list[tuple[tuple[str, str], Retraces]]:
    """Of cells that failed, which are not ranked: held to one graph, they may not compile for what breaks it."""
    failed = {identity(cell): (labels[cell.case], cell.name) for cell in run.cells if cell.status == "failed"}
    told = [each for each in run.diagnoses if isinstance(each, Retraces) and not each.reason]
    return [(failed[identity(each)], each) for each in told if identity(each) in failed]


def _explained(run: Run, cell: Cell, m: Measures, told: Sequence[AnyDiagnosis], eager: Cell | None) -> Explained:
    good = [diagnosis for diagnosis in told if not diagnosis.reason]

    def last(kind: type[D]) -> D | None:
        return next((each for each in reversed(good) if isinstance(each, kind)), None)

    compiled = [diagnosis for diagnosis in good if isinstance(diagnosis, Compiling)]
    one = Explained(
        cell=cell,
        measures=m,
        compiling=next((each for each in reversed(compiled) if not each.cached), None),
        cached=next((each for each in reversed(compiled) if each.cached), None),
        profile=last(Profile),
        overhead=last(Overhead),
        counts=last(Counts),
        energy=last(Energy),
        memory=last(Memory),
        retraces=last(Retraces),
        limits=Limits(None, None, None),
        pays_after=_pays(cell, eager) if eager and cell.mode != "eager" else None,
    )
    assert m.median_s is not None  # it is ranked
    roof = roofline.roof(run.record.ceilings, cell)
    return replace(one, limits=roofline.limits(roof, cell.flops, cell.bytes, m.median_s, _overhead(one)))


def _overhead(one: Explained) -> float | None:
    """The share of its time that as many operations as the cell hands over would take at the smallest problem's pace; where
    they were not counted, that of the smallest problem."""
    if one.overhead is None or one.overhead.share is None:
        return None
    if one.overhead.dispatched and one.profile and one.profile.dispatched:
        return one.overhead.share * one.profile.dispatched / one.overhead.dispatched
    return one.overhead.share


def _pays(cell: Cell, eager: Cell) -> Interval | None:
    """From the launches of both: what each spent beyond eager before its second call, and saved with each further one."""
    theirs = {launch.launch: launch for launch in eager.launches if launch.samples}
    pairs = [(ours, theirs[ours.launch]) for ours in cell.launches if ours.samples and ours.launch in theirs]
    extra = [ours.build_s + ours.first_call_s - other.build_s - other.first_call_s for ours, other in pairs]
    gains = [comparison.launch_median_s(other) - comparison.launch_median_s(ours) for ours, other in pairs]
    return break_even_interval(extra, gains)


def _bound(one: Explained) -> str:
    nearest = one.limits.nearest
    if nearest is None:
        return ""
    limit, share = nearest
    told = f"{percent(share)} of its time" if share <= 1 else "all of its time, and more"
    if limit == "overhead":
        told += _paces(one)
    if share >= BOUND:
        return f"Bound by {limit}, which accounts for {told}."
    return f"Bound by none of memory, arithmetic and overhead: {limit} comes nearest, with {told}."


def _paces(one: Explained) -> str:
    """`(17 operations handed over, 1.20 µs each, as in tiny)`"""
    if one.overhead_per_operation_s is None or one.profile is None or one.profile.dispatched is None:
        return ""
    number = count(round(one.profile.dispatched), "operation")
    return f" ({number} handed over, {text.seconds(one.overhead_per_operation_s)} each, as in tiny)"


def _outside(one: Explained) -> str:
    if one.outside is None:
        return ""
    told = f"{percent(one.outside)} of a call is spent outside operators, in Python and dispatch"
    if one.outside < OUTSIDE or one.profile is None or not one.profile.dispatched:
        return f"{told}."
    if one.profile.dispatched > FEW:
        return f"{told}: fewer and larger operations would help{', or compiling' if one.cell.mode == 'eager' else ''}."
    return f"{told}: only more work in a call would use it better."


def _compiled(one: Explained) -> str:
    if one.compiling is None or one.compiling.first_call_s is None:
        return ""
    told = f"Its first call takes {text.seconds(one.compiling.first_call_s)}"
    verdict = one.measures.against_eager
    if verdict == "undecided" and not text.known(one.measures.break_even_calls):
        return f"{told}; whether compiling pays is undecided."
    return f"{told}; {_PAYS.get(verdict or '', 'compiling pays {}').format(_calls(one))}."


_PAYS = {
    "": "there is no eager cell to compare with",
    "slower": "compiling never pays, since it is slower than eager",
    "equivalent": "compiling never pays, since it is as fast as eager",
    "undecided": "compiling pays {} if it is faster at all, which is undecided",
}
"""By the verdict on a compiled mode against eager."""


def _cached(one: Explained) -> str:
    if not one.compiling or not one.cached or not one.compiling.first_call_s or not one.cached.first_call_s:
        return ""
    if not one.cached.cache_hits:
        return f"A second process finds nothing on disk: {one.cached.cache}."
    saved = one.compiling.first_call_s - one.cached.first_call_s
    programs = count(one.cached.cache_hits, "program")
    return f"A second process finds {programs} on disk, which saves {text.seconds(max(0.0, saved))}."


def _calls(one: Explained) -> str:
    """`after 312 calls (280 to 350)`"""
    number = one.measures.break_even_calls if one.pays_after is None else one.pays_after.estimate
    if number == 0:
        return "at once"
    bounds = ""
    if one.pays_after and text.known(one.pays_after.high) and one.pays_after.low > 0:
        bounds = f" ({text.calls(one.pays_after.low)} to {text.calls(one.pays_after.high)})"
    return (
        f"after {text.calls(number)} calls{bounds}"
        if text.known(number)
        else "after a number of calls that nobody knows"
    )


def _pays_short(one: Explained) -> str:
    """The same for a table, with the mark of what is undecided."""
    verdict = one.measures.against_eager
    if verdict in ("slower", "equivalent"):
        return "never"
    if verdict is None or not text.known(one.measures.break_even_calls):
        return MISSING
    return _calls(one).removeprefix("after ").replace(" calls", "") + MARKS.get(verdict, "")


def _rest_s(told: Compiling) -> float | None:
    if told.first_call_s is None:
        return None
    return max(0.0, told.first_call_s - sum(step or 0.0 for step in (told.trace_s, told.lower_s, told.compile_s)))


def _nearest(limits: Limits) -> str:
    nearest = limits.nearest
    if nearest is None:
        return MISSING
    return (
        f"{nearest[0]}, {percent(nearest[1])}" if nearest[1] >= BOUND else f"none ({nearest[0]}, {percent(nearest[1])})"
    )


def _name(one: Explained, labels: Mapping[str, str]) -> tuple[str, str]:
    return labels[one.measures.case], one.measures.cell


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.4g}"


def _large(value: float | None) -> str:
    return text.rate(value, "").removesuffix("/s").strip() if value else _number(value)


def _off(found: float | None, expected: float) -> float | None:
    return None if found is None or not expected else found / expected - 1


def _signed(share: float | None) -> str:
    if share is None:
        return MISSING
    if abs(share) < DIFFERENCE / 100:
        return "none"
    if share <= -1:
        return "nothing counted"
    return f"{100 * share:+.2g} %" if share < 1 else f"{1 + share:.3g} times"
