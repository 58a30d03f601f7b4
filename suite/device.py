"""What a worker measures on a device beside its times: how long the host takes to ask, and what a cold cache costs.

Everything takes the clock as an argument, so that it can be tested with one that does what it is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from suite.timing import Clock, Timed, time_block

FLUSH_BYTES = 2**28
"""More than the largest second-level cache of a GPU so far (126 MB, GB200)."""
EXACT = 1024
"""So many products of 1.0001 and 1 sum up to 1024.1024; TF32 rounds 1.0001 to 1, so that there the sum is 1024."""


def kind(device: str) -> str:
    """`cuda` of `cuda:1`: a worker sees no other device of the kind."""
    return device.partition(":")[0]


def dispatch_ns(work: Timed, calls: int, clock: Clock = time.perf_counter_ns) -> list[int]:
    """Single calls that find the device idle: nanoseconds until the host goes on, whatever is left to be done."""
    function, arguments, synchronize = work.function, work.arguments, work.synchronize
    synchronize(function(*arguments))
    found = []
    for _ in range(calls):
        start = clock()
        outputs = function(*arguments)
        found.append(clock() - start)
        synchronize(outputs)
    return found


def cold_ns(work: Timed, flush: Callable[[], None], calls: int, clock: Clock = time.perf_counter_ns) -> list[int]:
    """Single synchronised calls in nanoseconds, each after `flush`, which fills the cache with something else."""
    found = []
    for _ in range(calls):
        flush()
        found.append(time_block(work, 1, clock))
    return found


def is_tf32(total: float) -> bool:
    """Whether a sum of `EXACT` products of 1.0001 and 1 was made of factors rounded like TF32's."""
    return abs(total - EXACT) < 0.01
