"""What pytest-benchmark runs; `tests.verdicts.sampling` gives it the blocks. No test, so not named like one."""

from __future__ import annotations

from collections.abc import Callable


def test_block(benchmark: Callable[..., None], block: Callable[[], None]) -> None:
    benchmark(block)
