from __future__ import annotations

import numpy as np
import pytest

from impls.numpy.backend import NumpyBackend
from suite import ceilings


class Scripted:
    """A clock by which a product of matrices of 4 rows takes 64 ns, of 8 rows 256, of 16 rows 8192, and a sum 48."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def matmul(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, None]:
        self.now += {4: 64, 8: 256, 16: 8192}[len(a)]
        return a @ b, None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    clock = Scripted()

    def add(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, None]:
        clock.now += 48
        return a + b, None

    monkeypatch.setattr(ceilings, "SIZES", {"cpu": (4, 8, 16)})
    monkeypatch.setattr(ceilings, "ARRAY_BYTES", {"cpu": 160})
    monkeypatch.setattr("suite.ceilings.operator.add", add)
    return clock


def test_the_best_product_and_the_traffic_of_a_sum_are_the_ceilings(clock: Scripted) -> None:
    found = ceilings.measure(NumpyBackend(), clock.matmul, "float32", "cpu", clock)
    assert found == pytest.approx({"flops_per_s": 2 * 8**3 / 256e-9, "size": 8, "bytes_per_s": 3 * 160 / 48e-9})


def test_nothing_larger_is_tried_after_a_long_product(clock: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "LONG_NS", 60)
    assert ceilings.measure(NumpyBackend(), clock.matmul, "float32", "cpu", clock)["size"] == 4


def test_every_size_is_made_of_whole_blocks() -> None:
    assert all(size % sizes[0] == 0 for sizes in ceilings.SIZES.values() for size in sizes)
