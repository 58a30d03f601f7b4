"""What memory one call takes, and what it leaves behind, on the worker's side.

Nothing here runs, or is imported, in a plain run.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from suite import timing
from suite.process import clear_refs, told_bytes, trim
from suite.program import Program

Reply = dict[str, Any]
CALLS = 3
TURN_S = 0.2
LEAST_CALLS, MOST_CALLS = 16, 200


def footprint(program: Program) -> Reply:
    """Bytes and seconds of one call, the medians of some; see `diagnoses.Peak`."""
    gc.collect()
    program.call()
    if program.device != "cpu":
        found = [program.backend.peak_device_bytes(program.function, program.arguments)]
    else:
        found = [touched_bytes(program.call) for _ in range(CALLS)]
    told = [bytes for bytes in found if bytes is not None]
    return {"bytes": int(statistics.median(told)) if told else None, "call_s": _call_s(program)}


def _call_s(program: Program) -> float:
    """The median of single calls; the first finds its pages marked as untouched, and is left out."""
    seconds: list[float] = []
    with timing.no_garbage_collection():
        program.call()
        while len(seconds) < CALLS or sum(seconds) < TURN_S:
            start = time.perf_counter()
            program.call()
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def touched_bytes(call: Callable[[], object]) -> int | None:
    """What a call reads and writes of this process's memory, its arguments among it; None where Linux does not tell.

    Pages that were there before count if they were touched: an allocator that keeps its pool would otherwise seem to take
    nothing. Of these, Linux notes which were (`clear_refs` of 1, `Referenced`); what came anew, even if it is gone again,
    shows in the high-water mark (`clear_refs` of 5). Source: proc(5).
    """
    try:
        trim()
        clear_refs("1")
        clear_refs("5")
        before = told_bytes("VmRSS")
        idle = told_bytes("Referenced", "smaps_rollup")
        call()
        touched = told_bytes("Referenced", "smaps_rollup") - idle
        anew = told_bytes("VmHWM") - before
        stays = max(0, told_bytes("VmRSS") - before)
    except (OSError, KeyError):
        return None
    return max(0, anew) + max(0, touched - stays)


def leaked_bytes(call: Callable[[], object], seconds: float) -> tuple[float | None, int]:
    """By how much this process has grown after each call, and after how many calls that was read; None where Linux does not
    tell.

    The lesser of two halves counts: a pool that grows once is no leak.
    """
    start = time.perf_counter()
    for _ in range(3):
        call()
    each_s = (time.perf_counter() - start) / 3
    half = min(max(int(seconds / each_s), LEAST_CALLS), MOST_CALLS) // 2
    try:
        read = [_resident()]
        for _ in range(2):
            for _ in range(half):
                call()
            read.append(_resident())
    except (OSError, KeyError):
        return None, 0
    growth = min(read[1] - read[0], read[2] - read[1]) / half
    return max(0.0, growth), 2 * half


def _resident() -> int:
    gc.collect()
    trim()
    return told_bytes("VmRSS")
