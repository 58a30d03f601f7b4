from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from suite import roofline
from suite.records import Ceiling
from suite.roofline import Roof
from tests.reports.builders import a_cell

ROOF = Roof(flops_per_s=1000.0, bytes_per_s=100.0)


def ceiling(**changes: Any) -> Ceiling:
    return replace(Ceiling("pytorch", "float32", "cpu", 2, 1e12, 1024, 1e10), **changes)


def test_below_the_ridge_memory_is_the_limit() -> None:
    place = roofline.place(ROOF, flops=50, bytes=100, seconds=4)
    assert place == roofline.Place(share=0.25, limit="memory")


def test_beyond_the_ridge_arithmetic_is_the_limit() -> None:
    assert ROOF.ridge == 10
    place = roofline.place(ROOF, flops=2000, bytes=100, seconds=4)
    assert place == roofline.Place(share=0.5, limit="arithmetic")


def test_what_counts_nothing_has_no_place() -> None:
    assert roofline.place(ROOF, 0, 0, 1) is None


def test_the_roof_is_the_best_of_all_targets_under_the_same_conditions() -> None:
    known = [
        ceiling(),
        ceiling(target="jax", flops_per_s=2e12, bytes_per_s=5e9),
        ceiling(precision="bfloat16", flops_per_s=9e12),
        ceiling(device="cuda", flops_per_s=9e13),
        ceiling(threads=1, bytes_per_s=9e10),
    ]
    one = a_cell()
    assert (one.precision, one.device, one.threads) == ("float32", "cpu", 2)
    assert roofline.roof(known, one) == Roof(2e12, 1e10)
    assert roofline.roof(known[2:], one) is None


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_share_beyond_one_is_told_as_it_is(seconds: float) -> None:
    place = roofline.place(ROOF, flops=0, bytes=1000, seconds=seconds)
    assert place is not None
    assert place.share == pytest.approx(10 / seconds)


def test_the_limit_that_accounts_for_most_is_the_nearest() -> None:
    found = roofline.limits(ROOF, flops=2000, bytes=100, seconds=4, overhead=0.75)
    assert (found.memory, found.arithmetic, found.overhead) == (0.25, 0.5, 0.75)
    assert found.nearest == ("overhead", 0.75)


def test_limits_that_nobody_measured_are_none_of_them() -> None:
    assert roofline.limits(None, 2000, 100, 4, None).nearest is None
    assert roofline.limits(ROOF, 0, 100, 4, None).nearest == ("memory", 0.25)
