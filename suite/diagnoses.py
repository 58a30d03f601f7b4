"""What explains why a cell takes its time: the lines of `diagnoses.jsonl`, which `suite.records` reads and writes.

A line is one diagnosis of one cell. It comes from worker processes in which nothing is timed for `cells.jsonl`: what watches
a program slows it. Fields are None where the framework does not tell them, and all are where `reason` says why nothing could
be found.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0)]


class Diagnosis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="what"):
    """The cell that a diagnosis is of; each kind of diagnosis adds what it found."""

    workload: str
    problem: str
    task: str
    precision: str
    device: str
    threads: Annotated[int, Meta(ge=1)]
    target: str
    framework: str
    mode: str
    variant: str
    reason: str = ""
    """Why nothing could be found."""


class Compiling(Diagnosis, frozen=True, tag="compiling"):
    """From the definition to the first result, once in a process that finds nothing on disk, and once in a second one that
    finds what the first left."""

    cached: bool
    """Whether this is the second process."""
    compiler_start_s: Seconds | None = None
    """The mode's first compilation in the process, of something trivial."""
    build_s: Seconds | None = None
    """Drawing, converting and wrapping, before the first call."""
    first_call_s: Seconds | None = None
    """The first call: trace, lower, compile and run."""
    trace_s: Seconds | None = None
    lower_s: Seconds | None = None
    compile_s: Seconds | None = None
    """Parts of the first call, as far as the framework tells them apart; they do not overlap."""
    cache_hits: Count | None = None
    """Programs that were found on disk."""
    cache: str = ""
    """What the framework keeps there."""


class Operator(Struct, frozen=True, forbid_unknown_fields=True):
    """What one call spent in the operators, or compiled kernels, of one name."""

    name: str
    calls: Amount
    """How often it ran in one call."""
    self_s: Seconds
    """Without what ran inside it; summed over threads."""


class Profile(Diagnosis, frozen=True, tag="profile"):
    """Some calls as the framework's profiler saw them. Times are medians, numbers means of all calls."""

    calls: Count = 0
    call_s: Seconds | None = None
    """A call until its results are there, in the same process, before and after the profiler ran."""
    profiled_s: Seconds | None = None
    """The same while it ran: it takes time of its own."""
    work_s: Seconds | None = None
    """Of a profiled call, the time during which any operator or kernel ran."""
    dispatched: Amount | None = None
    """Operations and compiled programs that Python handed over."""
    kernels: Amount | None = None
    """What ran inside compiled programs, or on a device; None where the profiler does not show it."""
    operators: list[Operator] = []
    """Those that took longest, first."""


class Overhead(Diagnosis, frozen=True, tag="overhead"):
    """The same cell of the workload's smallest problem, in which there is nearly nothing to compute, timed in turns with the
    cell itself."""

    parameters: dict[str, int | float | bool | str] = {}
    call_s: Seconds | None = None
    """Of the smallest problem; the median of the turns."""
    share: Amount | None = None
    """That time over the cell's own; the median of the turns."""
    dispatched: Amount | None = None
    """Operations and compiled programs that Python handed over in a call of the smallest problem."""


class Counts(Diagnosis, frozen=True, tag="counts"):
    """What the framework's own counter says of one call."""

    flops: Amount | None = None
    bytes: Amount | None = None
    note: str = ""
    """What the counter leaves out or counts otherwise, as far as that is known."""


class Energy(Diagnosis, frozen=True, tag="energy"):
    """What the machine took during a block of calls, with all that it takes anyway."""

    joules: Amount | None = None
    """For one call."""
    calls: Count = 0
    seconds: Seconds = 0.0
    """Of the block."""
    meter: str = ""
    """What was read."""


class Peak(Struct, frozen=True, forbid_unknown_fields=True):
    """One task of the cell's model or operation, in the cell's mode: what a call takes of memory and time."""

    task: str
    variant: str
    bytes: Count | None = None
    """On the CPU what it touches, its arguments and parameters among it; on a GPU what it takes beyond these. None where
    nobody tells."""
    call_s: Seconds | None = None
    reason: str = ""
    """Why there is neither."""


class Memory(Diagnosis, frozen=True, tag="memory"):
    """What a call takes of memory, in every task beside the cell's own and beside the variant `checkpointed` where there is
    one; and what it leaves behind."""

    peaks: list[Peak] = []
    leaked_bytes: Amount | None = None
    """By how much the process grows with each call."""
    leak_calls: Count = 0
    """After so many calls."""


class StreamCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A call that differs from the first of the stream in one thing, and the same call again."""

    kind: Literal["first", "batch", "number", "type"]
    change: str
    traced: bool
    seconds: Seconds
    traced_again: bool
    """Whether the second of two like calls was traced, too."""
    again_s: Seconds
    reason: str
    """Why it was traced, or refused, in the framework's words where it has some."""
    reason_again: str
    refused: bool


class GraphBreak(Struct, frozen=True, forbid_unknown_fields=True):
    """Where Python stands between two graphs."""

    reason: str
    where: str


class Retraces(Diagnosis, frozen=True, tag="retraces"):
    """What the function, compiled as its users compile it with nothing pinned, does in a stream of calls."""

    calls: list[StreamCall] = []
    breaks: list[GraphBreak] | None = None
    """None where the framework does not tell."""
    note: str = ""
    """What it tells of graph breaks."""
    gave_up: str = ""
    """Why the framework stopped compiling and runs eagerly, where it did."""


AnyDiagnosis = Compiling | Profile | Overhead | Counts | Energy | Memory | Retraces
