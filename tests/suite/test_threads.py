"""Threads are counted by the processor time that they get."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from suite import threads

TOLD = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell of threads")
BLOCK = bytes(2**20)  # hashlib lets other threads run while it works on as much


@TOLD
@pytest.mark.parametrize("count", [1, 3])
def test_those_that_compute_are_counted_and_who_waits_for_them_is_not(count: int) -> None:
    with ThreadPoolExecutor(max_workers=count) as pool:

        def compute() -> None:
            list(pool.map(hashlib.sha256, [BLOCK] * 8 * count))

        assert threads.at_work(compute) == count


@TOLD
def test_work_of_the_calling_thread_counts() -> None:
    assert threads.at_work(lambda: hashlib.sha256(BLOCK)) == 1


def test_a_system_that_tells_of_no_threads_gives_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_worked_ns", dict)
    assert threads.at_work(lambda: None, seconds=0.0) is None
