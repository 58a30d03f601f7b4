"""The clock: what is timed, and how often. The only code that runs in a timed region is `time_block`.

Everything takes the clock as an argument, so that it can be tested with one that does what it is told.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any

Clock = Callable[[], int]

OVERHEAD_LIMIT = 0.005
"""Clock and synchronisation may take this share of a sample."""
STEADY_WINDOW = 5
STEADY_CHANGE = 0.02
"""Warm-up ends when the medians of the last two windows differ by less than this."""
ENOUGH = 0.8
"""A block that takes this share of what was wanted is long enough for a sample."""
CHUNK_NS = 1_000_000
"""Warm-up looks at blocks of at least this length; single calls of a few microseconds would show the clock's noise."""


@dataclass(frozen=True)
class Timed:
    """What a timed region runs: `function(*arguments)`, again and again, then `synchronize(outputs)`."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    synchronize: Callable[[Any], None]


def time_block(work: Timed, calls: int, clock: Clock = time.perf_counter_ns) -> int:
    """Nanoseconds of `calls` calls and one synchronisation of the last call's outputs."""
    function, arguments, synchronize = work.function, work.arguments, work.synchronize
    times = repeat(None, calls)
    start = clock()
    for _ in times:
        outputs = function(*arguments)
    synchronize(outputs)
    return clock() - start


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collect now, and not during what follows: a collection takes milliseconds and falls where it likes."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class WarmUp:
    seconds: float
    calls: int
    steady: bool
    call_ns: float
    """The time of one call at the end."""


def warm_up(work: Timed, limit_s: float, clock: Clock = time.perf_counter_ns) -> WarmUp:
    """Call until the times are steady, or `limit_s` seconds have passed; at least three blocks either way."""
    start = clock()
    single = max(1, time_block(work, 1, clock))
    chunk = max(1, math.ceil(CHUNK_NS / single))
    blocks: list[int] = []
    steady = False
    while not steady and (len(blocks) < 3 or clock() - start < limit_s * 1e9):
        blocks.append(time_block(work, chunk, clock))
        steady = _is_steady(blocks)
    calls = 1 + chunk * len(blocks)
    call_ns = statistics.median(blocks[-STEADY_WINDOW:]) / chunk
    return WarmUp((clock() - start) / 1e9, calls, steady, call_ns)


def _is_steady(blocks: list[int]) -> bool:
    if len(blocks) < 2 * STEADY_WINDOW:
        return False
    last = statistics.median(blocks[-STEADY_WINDOW:])
    before = statistics.median(blocks[-2 * STEADY_WINDOW : -STEADY_WINDOW])
    return abs(last - before) <= STEADY_CHANGE * before


def overhead_ns(work: Timed, clock: Clock = time.perf_counter_ns) -> float:
    """What a block costs beyond its calls: reading the clock twice, and synchronising what is already there."""
    outputs = work.function(*work.arguments)
    work.synchronize(outputs)
    readings = []
    for _ in range(20):
        start = clock()
        work.synchronize(outputs)
        readings.append(clock() - start)
    return statistics.median(readings)


def calls_per_sample(work: Timed, call_ns: float, sample_s: float, clock: Clock = time.perf_counter_ns) -> int:
    """How many calls make a sample: so many that it lasts `sample_s` and that its overhead stays under OVERHEAD_LIMIT.

    The number is confirmed by two readings in a row, since one that was preempted would end the search too early.
    """
    wanted_ns = max(sample_s * 1e9, overhead_ns(work, clock) / (ENOUGH * OVERHEAD_LIMIT))
    calls = max(1, math.ceil(wanted_ns / max(call_ns, 1)))
    confirmed = 0
    while confirmed < 2:
        elapsed = max(1, time_block(work, calls, clock))
        if elapsed >= ENOUGH * wanted_ns:
            confirmed += 1
        else:
            confirmed = 0
            calls = math.ceil(calls * min(10.0, 1.1 * wanted_ns / elapsed))
    return calls


PROOFS = 3
"""So often a synchronisation is tried before it is not believed."""


@dataclass(frozen=True)
class Proof:
    """Whether a synchronisation can be believed.

    `ratio` is the time of 2n calls over that of n; `late` the share of one call's time that reading the outputs back took
    beyond reading them again, when nothing can be left to wait for.
    """

    ratio: float
    late: float

    @property
    def passed(self) -> bool:
        return 1.6 <= self.ratio <= 2.5 and self.late <= 0.25

    @property
    def sentence(self) -> str:
        return (
            f"2n calls took {self.ratio:.2f} times as long as n, and after the synchronisation reading the results back "
            f"waited for {max(0.0, self.late):.0%} of a call"
        )


def prove_synchronization(
    work: Timed, read_back: Callable[[Any], None], calls: int = 2, trials: int = 5, clock: Clock = time.perf_counter_ns
) -> Proof:
    """The first of some proofs that passes, else the last: on a busy machine a sound one may fail, a lie never passes."""
    proof = _prove(work, read_back, calls, trials, clock)
    for _ in range(PROOFS - 1):
        if proof.passed:
            break
        proof = _prove(work, read_back, calls, trials, clock)
    return proof


def _prove(work: Timed, read_back: Callable[[Any], None], calls: int, trials: int, clock: Clock) -> Proof:
    """Measure whether `work.synchronize` waits for all outputs.

    A backend that returns before its work is done may still take twice as long for twice the calls (its queue grows), so
    the ratio alone proves nothing: what is left undone shows when the outputs are read back. Of `trials`, the shortest times
    make the ratio, since what else runs on the machine can only add to them, and what was late counts with its median.
    """
    once, twice, lates = [], [], []
    for _ in range(trials):
        once.append(max(1, time_block(work, calls, clock)))
        twice.append(time_block(work, 2 * calls, clock))
        # What the blocks above left undone is not charged to what follows.
        read_back(work.function(*work.arguments))
        outputs = None
        start = clock()
        for _ in range(calls):
            outputs = work.function(*work.arguments)
        work.synchronize(outputs)
        synchronized = clock()
        read_back(outputs)
        read = clock()
        read_back(outputs)
        again = clock()
        # Everything from the first call to the last result is what the calls can have taken at most.
        call_ns = max(1, (read - start) / calls)
        lates.append(((read - synchronized) - (again - read)) / call_ns)
    return Proof(min(twice) / min(once), statistics.median(lates))
