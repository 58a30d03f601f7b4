"""What explains a cell, on the worker's side: asked by `Worker.diagnose` by the name of the function.

Each takes the cell as a `Subject` and returns plain data. Nothing here runs, or is imported, in a plain run.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impls.diagnostics import Diagnostics, Event, covered_ns
from suite import timing
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
    """Build and first call of a new program, with the compilers watched; see `diagnoses.Compiling`."""
    start = time.perf_counter()
    with subject.diagnostics.compiling() as compiled:
        program = subject.make()
        built = time.perf_counter()
        program.call()
        called = time.perf_counter()
    again = time.perf_counter()
    program.call()
    ended = time.perf_counter()
    subject.made = program
    return {
        "build_s": built - start,
        "first_call_s": called - built,
        "call_s": ended - again,
        "cache_hits": compiled.cache_hits,
        "cache": subject.diagnostics.cache,
        **{f"{step}_s": seconds for step, seconds in compiled.seconds.items()},
    }


def profile(subject: Subject, calls: int, trace: str | None = None) -> Reply:
    """Some calls under the framework's profiler; see `diagnoses.Profile`. `trace` names a file for the Chrome trace."""
    with subject.diagnostics.instrumented():
        program = subject.make()
        program.call()
    program.arguments = subject.diagnostics.noting(program.arguments)
    timing.warm_up(program.timed(), WARM_UP_S)
    events = after(UNSTEADY, subject.diagnostics.profile(program.call, UNSTEADY + calls))
    if trace is not None:
        Path(trace).write_text(json.dumps(chrome_trace(events)), encoding="utf-8")
    return summary(events, on_device=program.device != "cpu")


def counts(subject: Subject) -> Reply:
    """What the framework counts; see `diagnoses.Counts`."""
    program = subject.program
    found = subject.diagnostics.counted(program.function, program.arguments, program.mode)
    return {"flops": found.flops, "bytes": found.bytes, "note": found.note}


def repeat(subject: Subject, seconds: float) -> Reply:
    """Call for so many seconds, after the warm-up; how many calls it were, and what they took. Somebody else reads a
    meter meanwhile."""
    work = subject.program.timed()
    with timing.no_garbage_collection():
        call_ns = timing.warm_up(work, WARM_UP_S).call_ns
        calls = max(1, round(seconds * 1e9 / call_ns))
        return {"calls": calls, "seconds": timing.time_block(work, calls) / 1e9}


def after(calls: int, events: Iterable[Event]) -> list[Event]:
    """What began after so many calls."""
    events = list(events)
    ends = sorted(event.end_ns for event in events if event.kind == "call")
    return [event for event in events if event.start_ns >= ends[calls - 1]]


def summary(events: Iterable[Event], on_device: bool) -> Reply:
    """The mean of all calls: what they took, how much of that was work, what was handed over, and the longest operators.

    On a device only its kernels are work: operators are the host's.
    """
    events = list(events)
    calls = [event for event in events if event.kind == "call"]
    kinds = ("kernel",) if on_device else ("operator", "kernel")
    work = [event for event in events if event.kind in kinds]
    spans = [
        (max(event.start_ns, call.start_ns), min(event.end_ns, call.end_ns))
        for call in calls
        for event in work
        if event.start_ns < call.end_ns and event.end_ns > call.start_ns
    ]
    count = len(calls)
    found = Counter(event.kind for event in events)
    times, numbers = defaultdict[str, int](int), Counter(event.name for event in work)
    for event in work:
        times[event.name] += event.duration_ns
    longest = sorted(times, key=lambda name: -times[name])[:TOP]
    return {
        "calls": count,
        "call_s": sum(call.duration_ns for call in calls) / count / 1e9,
        "work_s": covered_ns(spans) / count / 1e9,
        "dispatched": (found["program"] + found["operator"]) / count,
        "kernels": found["kernel"] / count if found["kernel"] else None,
        "operators": [
            {"name": name, "calls": numbers[name] / count, "self_s": times[name] / count / 1e9} for name in longest
        ],
    }


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
    function.__name__: function for function in (compiling, profile, counts, repeat)
}
