"""What explains a cell, on the worker's side: asked by `Worker.diagnose` by the name of the function.

Each takes the cell as a `Subject` and returns plain data. Nothing here runs, or is imported, in a plain run.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impls.diagnostics import Diagnostics, Event, covered_ns
from suite import footprint, retracing, timing
from suite.program import Program

Reply = dict[str, Any]
TOP = 12
"""So many operators are told of."""
WARM_UP_S = 2.0
UNSTEADY = 3
"""So many calls after its start a profiler still makes threads and buffers."""


@dataclass
class Subject:
    """A cell to be explained."""

    diagnostics: Diagnostics
    make: Callable[..., Program]
    """A new program of the cell; keyword arguments change parameters of its problem."""
    made: Program | None = None

    @property
    def program(self) -> Program:
        """One that stays; made, and called once, when it is first wanted."""
        if self.made is None:
            self.made = self.make()
            self.made.call()
        return self.made


def compiling(subject: Subject) -> Reply:
    """Build and first call of a new program, the latter with the compilers watched; see `diagnoses.Compiling`."""
    start = time.perf_counter()
    subject.made = program = subject.make()
    built = time.perf_counter()
    with subject.diagnostics.compiling() as compiled:
        program.call()
        called = time.perf_counter()
    return {
        "build_s": built - start,
        "first_call_s": called - built,
        "cache_hits": compiled.cache_hits,
        "cache": subject.diagnostics.cache,
        **{f"{step}_s": seconds for step, seconds in compiled.seconds.items()},
    }


def profile(subject: Subject, calls: int, trace: str | None = None) -> Reply:
    """Some calls of a program that shows its kernels, under the framework's profiler; see `diagnoses.Profile`.

    `trace` names a file for the Chrome trace.
    """
    with subject.diagnostics.instrumented():
        program = subject.make()
        program.call()
    work = program.timed()
    timing.warm_up(work, WARM_UP_S)
    plain_ns = [timing.time_block(work, 1) for _ in range(calls)]
    events = _profiled(subject.diagnostics, program, calls)
    plain_ns += [timing.time_block(work, 1) for _ in range(calls)]
    if trace is not None:
        Path(trace).write_text(json.dumps(chrome_trace(events)), encoding="utf-8")
    found = summary(events, on_device=program.device != "cpu")
    return {"calls": calls, "call_s": statistics.median(plain_ns) / 1e9, **found}


def overhead(subject: Subject, parameters: dict[str, Any], rounds: int, sample_s: float) -> Reply:
    """The workload's smallest problem, which has these `parameters`, and the cell's own, in turns; see `diagnoses.Overhead`.

    In turns, so that whatever else the machine does hits both.
    """
    tiny, own = subject.make(**parameters), subject.program
    tiny.call()
    works = (tiny.timed(), own.timed())
    calls = [timing.calls_per_sample(work, timing.warm_up(work, WARM_UP_S).call_ns, sample_s) for work in works]
    times: tuple[list[float], list[float]] = ([], [])
    with timing.no_garbage_collection():
        for _ in range(rounds):
            for work, count, found in zip(works, calls, times, strict=True):
                timing.time_block(work, count)
                found.append(timing.time_block(work, count) / count / 1e9)
    return {
        "call_s": statistics.median(times[0]),
        "share": statistics.median(small / large for small, large in zip(*times, strict=True)),
        "dispatched": summary(_profiled(subject.diagnostics, tiny, calls=1), on_device=False)["dispatched"],
    }


def _profiled(diagnostics: Diagnostics, program: Program, calls: int) -> list[Event]:
    arguments = diagnostics.noting(program.arguments)

    def call() -> None:
        program.backend.synchronize(program.function(*arguments))

    return after(UNSTEADY, diagnostics.profile(call, UNSTEADY + calls))


def counts(subject: Subject) -> Reply:
    """What the framework counts; see `diagnoses.Counts`."""
    program = subject.program
    found = subject.diagnostics.counted(program.function, program.arguments, program.mode)
    return {"flops": found.flops, "bytes": found.bytes, "note": found.note}


def repeat(subject: Subject, seconds: float) -> Reply:
    """Call for so many seconds, in blocks that grow; how many calls it were. Somebody else reads a meter meanwhile."""
    work = subject.program.timed()
    calls, block, spent_ns = 0, 1, 0
    while spent_ns < seconds * 1e9:
        spent_ns += timing.time_block(work, block)
        calls += block
        block = calls
    return {"calls": calls}


def peak(subject: Subject, last: bool) -> Reply:
    """What a call takes of memory and time; see `diagnoses.Peak`. The program stays until the `last` time."""
    found = footprint.footprint(subject.program)
    if last:
        subject.made = None
    return found


def leak(subject: Subject, seconds: float) -> Reply:
    """What a call leaves behind; see `diagnoses.Memory`."""
    grown, calls = footprint.leaked_bytes(subject.program.call, seconds)
    return {"leaked_bytes": grown, "leak_calls": calls}


def retraces(subject: Subject) -> Reply:
    """What is traced anew, and why; see `diagnoses.Retraces`."""
    return retracing.stream_of_calls(subject.diagnostics, subject.make)


def after(calls: int, events: Iterable[Event]) -> list[Event]:
    """What began after so many calls."""
    events = list(events)
    ends = sorted(event.end_ns for event in events if event.kind == "call")
    return [event for event in events if event.start_ns >= ends[calls - 1]]


def summary(events: Iterable[Event], on_device: bool) -> Reply:
    """What a call took under the profiler, and how much of that was work: medians of all calls; what was handed over, and
    the longest operators: means.

    On a device only its kernels are work: operators are the host's.
    """
    events = list(events)
    calls = [event for event in events if event.kind == "call"]
    work = [event for event in events if event.kind == "kernel" or (event.kind == "operator" and not on_device)]
    kinds, numbers, times = Counter(event.kind for event in events), Counter[str](), Counter[str]()
    for event in work:
        numbers[event.name] += 1
        times[event.name] += event.duration_ns
    count = len(calls)
    return {
        "profiled_s": statistics.median(call.duration_ns for call in calls) / 1e9,
        "work_s": statistics.median(covered_ns(_within(call, work)) for call in calls) / 1e9,
        "dispatched": (kinds["program"] + kinds["operator"]) / count,
        "kernels": kinds["kernel"] / count if kinds["kernel"] else None,
        "operators": [
            {"name": name, "calls": numbers[name] / count, "self_s": total_ns / count / 1e9}
            for name, total_ns in times.most_common(TOP)
        ],
    }


def _within(call: Event, work: Iterable[Event]) -> list[tuple[int, int]]:
    """From when to when each piece of work ran during the call."""
    spans = ((max(one.start_ns, call.start_ns), min(one.end_ns, call.end_ns)) for one in work)
    return [(start, end) for start, end in spans if start < end]


def chrome_trace(events: Iterable[Event]) -> Reply:
    """The events as chrome://tracing and Perfetto read them (Trace Event Format, complete events; times in microseconds)."""
    threads = {name: number for number, name in enumerate(dict.fromkeys(event.thread for event in events), start=1)}
    names = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": {"name": name}}
        for name, number in threads.items()
    ]
    complete = [
        {
            "ph": "X",
            "name": event.name,
            "cat": event.kind,
            "ts": event.start_ns / 1000,
            "dur": event.duration_ns / 1000,
            "pid": 1,
            "tid": threads[event.thread],
        }
        for event in events
    ]
    return {"traceEvents": [*names, *complete], "displayTimeUnit": "ns"}


DIAGNOSES: dict[str, Callable[..., Reply]] = {
    function.__name__: function for function in (compiling, profile, overhead, counts, repeat, peak, leak, retraces)
}
