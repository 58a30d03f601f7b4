"""The most that a framework gets out of a device: arithmetic by products of large matrices, traffic by sums of large
arrays, which are one pass in every framework without a compiler (whose start is a figure of its own). Runs in the worker;
what it finds is the roof that every cell is placed under (`suite.roofline`).

Source: Williams, Waterman and Patterson 2009, Roofline: an insightful visual performance model; McCalpin 1995, Memory
bandwidth and machine balance (STREAM, kernel "add": arrays of four times the last cache or more, the best of several runs).
"""

from __future__ import annotations

import operator
import time

import numpy as np

from impls.interface import Backend, Function
from suite.timing import Clock, Timed, no_garbage_collection, time_block
from suite.workloads.definition import ITEM_BYTES

SIZES = {"cpu": (256, 512, 1024), "cuda": (2048, 4096, 8192, 16384)}
"""Rows of the square matrices; none follows one that took `LONG_NS`. Their numbers are drawn, in copies of the smallest of
them: zeros would need less power, and be multiplied faster."""
LONG_NS = 1e8
ARRAY_BYTES = {"cpu": 2**27, "cuda": 2**28}
"""Of each of the three arrays."""
REPEATS = 5


def measure(
    backend: Backend, matmul: Function, precision: str, device: str, clock: Clock = time.perf_counter_ns
) -> dict[str, float]:
    """`flops_per_s`, with the `size` of the matrices that reached it, and `bytes_per_s`; the best of some repetitions."""
    backend.use(precision)

    def best_ns(function: Function, arrays: list[np.ndarray]) -> int:
        arguments = [backend.array(array, precision, device) for array in arrays]
        work = Timed(backend.forward(function, backend.modes[0]), arguments, backend.synchronize)
        time_block(work, 1, clock)
        return max(1, min(time_block(work, 1, clock) for _ in range(REPEATS)))

    block = np.random.default_rng(0).standard_normal((SIZES[device][0],) * 2)
    best, of_size = 0.0, 0
    with no_garbage_collection():
        for size in SIZES[device]:
            matrix = np.tile(block, (size // len(block),) * 2)
            took_ns = best_ns(matmul, [matrix, matrix])
            best, of_size = max((best, of_size), (2 * size**3 / took_ns * 1e9, size))
            if took_ns > LONG_NS:
                break
        count = ARRAY_BYTES[device] // ITEM_BYTES[precision]
        took_ns = best_ns(operator.add, [np.full(count, 1.0, np.float32), np.full(count, 2.0, np.float32)])
    return {"flops_per_s": best, "size": of_size, "bytes_per_s": 3 * ARRAY_BYTES[device] / took_ns * 1e9}
