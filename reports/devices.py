"""What a device can do, and what it did: its ceilings, and the part of a GPU in every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports import format as text
from reports.format import MISSING, count, listing, percent
from reports.measures import Measures
from reports.ranking import Ranking
from reports.tables import Column, Table
from suite.records import Run


def ceilings(run: Run) -> Table:
    """The most that each target reached, in each precision."""
    rows = [
        (
            one.target,
            one.precision,
            f"{one.device}, {count(one.threads, 'thread')}",
            text.rate(one.flops_per_s, "flop"),
            f"{one.size} × {one.size}",
            text.rate(one.bytes_per_s, "B"),
        )
        for one in run.record.ceilings
    ]
    columns = (
        Column("target", "name"),
        Column("precision"),
        Column("device"),
        Column("product of matrices", "number"),
        Column("of size", "number"),
        Column("sum of arrays", "number"),
    )
    return Table(
        "The most that was reached; the best of a column is the ceiling that cells are held against", columns, rows
    )


def on_gpu(rankings: Sequence[Ranking], labels: Mapping[str, str]) -> Table:
    """Each ranked cell that ran on a GPU: what the device did of its time, and in what state it was."""
    measures = [
        standing.measures for r in rankings for standing in sorted(r.standings, key=lambda standing: standing.name)
    ]
    rows = [(labels[m.case], m.cell, *_figures(m)) for m in measures if m.dispatch_s is not None]
    columns = (
        Column("case", "name"),
        Column("cell", "name"),
        *(Column(name, "number") for name in ("time a call", "kernels", "dispatch", "latency", "cold latency")),
        Column("bound by"),
        Column("memory held", "number"),
        Column("clock", "number"),
        Column("remarks"),
    )
    return Table("What the GPU did", columns, rows)


def notes(rankings: Sequence[Ranking]) -> list[str]:
    """What a reader must know of the GPU before relying on its times; nothing where nothing was wrong."""
    measures = [standing.measures for ranking in rankings for standing in ranking.standings]
    found = []
    throttled = sum(m.samples * (m.throttled_share or 0.0) for m in measures)
    if throttled:
        reasons = listing(dict.fromkeys(m.held_down_by for m in measures if m.held_down_by))
        found.append(
            f"The GPU's clock was held down ({reasons}) during {percent(throttled / sum(m.samples for m in measures))} of "
            "the samples, which are marked: ratios within a round bear that, absolute times do not."
        )
    if any(m.shared_share for m in measures):
        found.append("Processes that are not of this run were on the GPU while it was measured.")
    if apart := list(dict.fromkeys(f"{m.workload}[{m.problem}] {m.task}" for m in measures if m.apart)):
        found.append(
            f"Not all workers fit on the GPU together for {listing(apart, 4)}: there each target was measured with the "
            "others gone, so that drift between them does not cancel."
        )
    return found


def _figures(m: Measures) -> tuple[str, ...]:
    remarks = [
        f"clock held down in {percent(m.throttled_share)} ({m.held_down_by})" if m.throttled_share else "",
        f"shared in {percent(m.shared_share)}" if m.shared_share else "",
        "measured apart" if m.apart else "",
    ]
    times = (m.median_s, m.kernel_s, m.dispatch_s, m.latency_s, m.cold_latency_s)
    return (
        *map(text.seconds, times),
        "launches" if m.launch_bound else m.ceiling or MISSING,
        text.size(m.device_memory_bytes),
        f"{m.clock_mhz:.0f} MHz" if m.clock_mhz else MISSING,
        "; ".join(filter(None, remarks)) or MISSING,
    )
