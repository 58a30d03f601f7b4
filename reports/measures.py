"""What can be said of one cell on its own: the derived figures, one flat record a cell."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from suite import comparison, roofline
from suite.records import Ceiling, Cell, Check, Launch, Run, Sample
from suite.statistics import Verdict, break_even_calls, disturbed, outliers
from suite.workloads import TRANSFORMS

KERNELS_ALONE = 0.8
"""A share of a call's time. Where kernels follow each other without a gap they take all of it, but for a few percent."""


@dataclass(frozen=True)
class Measures:
    """The figures of one cell. Times are in seconds for one call; None where there is nothing to show.

    A cell that is not ranked has no speed: every time, rate and call count is None.
    """

    case: str
    cell: str
    workload: str
    problem: str
    parameters: str
    """`batch=8 seq=128`"""
    task: str
    precision: str
    device: str
    threads: int
    target: str
    framework: str
    mode: str
    variant: str
    status: str
    reason: str
    """Why it is not ranked; empty where it is."""
    ranked: bool
    """Status `ok`, all checks passed, and samples."""
    launches: int
    """Launches that brought samples."""
    samples: int
    median_s: float | None
    """The geometric mean over launches of their medians."""
    median_low_s: float | None
    median_high_s: float | None
    """The bounds of its interval; None where one launch gives none."""
    latency_s: float | None
    """A single call, synchronised."""
    import_s: float | None
    compiler_start_s: float | None
    build_s: float | None
    first_call_s: float | None
    warmup_s: float | None
    """The phases: medians over launches."""
    unsteady_launches: int
    """Launches whose warm-up reached its limit before the times were steady."""
    peak_memory_bytes: float | None
    reference: str
    value_error: float | None
    value_tolerance: float | None
    gradient_error: float | None
    gradient_tolerance: float | None
    training_error: float | None
    training_tolerance: float | None
    """The check of each kind that came nearest to its tolerance, or went furthest beyond it."""
    flops_per_s: float | None
    bytes_per_s: float | None
    ceiling_share: float | None
    """Of what this machine's ceilings allow; None where they were not measured."""
    ceiling: str
    """Which of them is the limit: `memory` or `arithmetic`."""
    against_eager: Verdict | None
    """The verdict on a compiled mode's time against its target's eager mode."""
    break_even_calls: float | None
    """Calls until compiling pays: (build + first call, beyond eager's) over the time saved a call. Infinite: never."""
    break_even_calls_with_start: float | None
    """The same with the compiler's start, as in a fresh process."""
    disturbed_share: float | None
    """Samples during which the worker was switched out or the hypervisor gave time to others."""
    outliers: int
    kernel_s: float | None
    """What the GPU itself takes for a call, by its events."""
    dispatch_s: float | None
    """Until the host goes on."""
    cold_latency_s: float | None
    """A single call, synchronised, with something else in the GPU's cache."""
    device_memory_bytes: float | None
    """What the worker held of the GPU's memory."""
    clock_mhz: float | None
    throttled_share: float | None
    """Samples during which the GPU's clock was held down, by what `held_down_by` says."""
    held_down_by: str
    shared_share: float | None
    """Samples during which there were processes of others on the GPU."""
    apart: bool
    """Whether it was measured with all other workers gone, since together they did not fit."""

    @property
    def launch_bound(self) -> bool:
        """Whether a GPU waits for the host: its own work is less than `KERNELS_ALONE` of the time, or where nobody knows
        that, the host's work more than this."""
        if self.median_s is None or self.dispatch_s is None:
            return False
        if self.kernel_s is not None:
            return self.kernel_s < KERNELS_ALONE * self.median_s
        return self.dispatch_s > KERNELS_ALONE * self.median_s


def measure(run: Run) -> list[Measures]:
    """The figures of every cell, in the order of the run. Raises RecordsError where the run names no margin."""
    margin = comparison.margin(run)
    eager = {_without_mode(cell): cell for cell in run.cells if cell.mode == "eager" and comparison.is_ranked(cell)}
    ceilings = run.record.ceilings
    return [_measure(cell, eager.get(_without_mode(cell)), margin, ceilings) for cell in run.cells]


def _disturbed(launch: Launch) -> list[bool]:
    return disturbed([s.switches for s in launch.samples], [s.stolen_ms for s in launch.samples])


def _measure(cell: Cell, eager: Cell | None, margin: float, ceilings: Sequence[Ceiling]) -> Measures:
    reason = comparison.unranked_reason(cell)
    ranked = not reason
    sampled = [launch for launch in cell.launches if launch.samples]
    samples = [sample for launch in sampled for sample in launch.samples]
    disturbed_samples = sum(sum(_disturbed(launch)) for launch in sampled)
    kinds = ("value", cell.task if cell.task in TRANSFORMS else "gradient", "training")
    value, gradient, training = (worst_check(cell.checks, kind) for kind in kinds)

    def phase(of: Callable[[Launch], float | None]) -> float | None:
        return _median(map(of, sampled)) if ranked else None

    interval = comparison.median(cell) if ranked else None
    roof = roofline.roof(ceilings, cell)
    place = roofline.place(roof, cell.flops, cell.bytes, interval.estimate) if roof and interval else None
    bounded = interval is not None and len(sampled) > 1
    against_eager, calls, calls_with_start = _break_even(cell, eager, margin) if ranked else (None, None, None)
    return Measures(
        case=cell.case,
        cell=cell.name,
        workload=cell.workload,
        problem=cell.problem,
        parameters=" ".join(f"{name}={_text(value)}" for name, value in cell.parameters.items()),
        task=cell.task,
        precision=cell.precision,
        device=cell.device,
        threads=cell.threads,
        target=cell.target,
        framework=cell.framework,
        mode=cell.mode,
        variant=cell.variant,
        status=cell.status,
        reason=reason,
        ranked=ranked,
        launches=len(sampled),
        samples=len(samples),
        median_s=interval.estimate if interval else None,
        median_low_s=interval.low if interval and bounded else None,
        median_high_s=interval.high if interval and bounded else None,
        latency_s=phase(_latency_s),
        import_s=phase(lambda launch: launch.import_s),
        compiler_start_s=phase(lambda launch: launch.compiler_start_s),
        build_s=phase(lambda launch: launch.build_s),
        first_call_s=phase(lambda launch: launch.first_call_s),
        warmup_s=phase(lambda launch: launch.warmup_s),
        unsteady_launches=sum(not launch.steady for launch in sampled),
        peak_memory_bytes=phase(lambda launch: launch.peak_memory_bytes),
        reference=cell.reference,
        value_error=value.error if value else None,
        value_tolerance=value.tolerance if value else None,
        gradient_error=gradient.error if gradient else None,
        gradient_tolerance=gradient.tolerance if gradient else None,
        training_error=training.error if training else None,
        training_tolerance=training.tolerance if training else None,
        flops_per_s=cell.flops / interval.estimate if interval and cell.flops else None,
        bytes_per_s=cell.bytes / interval.estimate if interval and cell.bytes else None,
        ceiling_share=place.share if place else None,
        ceiling=place.limit if place else "",
        against_eager=against_eager,
        break_even_calls=calls,
        break_even_calls_with_start=calls_with_start,
        disturbed_share=disturbed_samples / len(samples) if samples else None,
        outliers=sum(sum(outliers([sample.ns for sample in launch.samples])) for launch in sampled),
        **_on_gpu(sampled if ranked else []),
    )


def _on_gpu(launches: list[Launch]) -> dict[str, Any]:
    """The figures of a GPU's part, as `Measures` names them."""
    told = [launch.on_gpu for launch in launches if launch.on_gpu]
    samples = [sample for launch in launches for sample in launch.samples] if told else []

    def share(marked: Callable[[Sample], bool]) -> float | None:
        return sum(map(marked, samples)) / len(samples) if samples else None

    return dict(
        kernel_s=_median(one.kernel_ns / 1e9 if one.kernel_ns else None for one in told),
        dispatch_s=_median(statistics.median(one.dispatch_ns) / 1e9 for one in told if one.dispatch_ns),
        cold_latency_s=_median(statistics.median(one.cold_latency_ns) / 1e9 for one in told if one.cold_latency_ns),
        device_memory_bytes=_median(one.memory_bytes or None for one in told),
        clock_mhz=_median(sample.clock_mhz or None for sample in samples),
        throttled_share=share(lambda sample: bool(sample.held_down)),
        held_down_by=", ".join(sorted({reason for sample in samples for reason in sample.held_down})),
        shared_share=share(lambda sample: sample.strangers > 0),
        apart=any(one.apart for one in told),
    )


def worst_check(checks: Iterable[Check], kind: str) -> Check | None:
    """Of the checks called `kind` or `kind.…`, the one with the largest error relative to its tolerance."""
    of_kind = [check for check in checks if check.name.partition(".")[0] == kind]
    return max(of_kind, key=_strain, default=None)


def _strain(check: Check) -> float:
    return float("inf") if check.error is None else check.error / check.tolerance


def _break_even(cell: Cell, eager: Cell | None, margin: float) -> tuple[Verdict | None, float | None, float | None]:
    """The verdict against eager, and the calls until compiling pays without and with the compiler's start."""
    if eager is None or cell.mode == "eager":
        return None, None, None
    extra = _one_off(cell, lambda launch: launch.build_s + launch.first_call_s) - _one_off(
        eager, lambda launch: launch.build_s + launch.first_call_s
    )
    start = _one_off(cell, lambda launch: launch.compiler_start_s) - _one_off(
        eager, lambda launch: launch.compiler_start_s
    )
    eager_s, compiled_s = (comparison.median(eager).estimate, comparison.median(cell).estimate)
    return (
        comparison.compare(cell, eager, margin).verdict,
        break_even_calls(extra, eager_s, compiled_s),
        break_even_calls(extra + max(0.0, start), eager_s, compiled_s),
    )


def _one_off(cell: Cell, of: Callable[[Launch], float]) -> float:
    return _median(of(launch) for launch in cell.launches if launch.samples) or 0.0


def _latency_s(launch: Launch) -> float | None:
    return statistics.median(launch.latency_ns) / 1e9 if launch.latency_ns else None


def _median(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return float(statistics.median(found)) if found else None


def _without_mode(cell: Cell) -> tuple[str, str, str]:
    return cell.case, cell.target, cell.variant


def _text(value: float | bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
