from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from suite import series
from suite.errors import RecordsError
from suite.records import Cell, Run
from tests.reports.builders import a_cell, a_run

SIZES = [64, 128, 256, 512, 1024]
Law = Callable[[int], float]


def swept(law: Law, launches: int = 5, noise: float = 0.02, seed: int = 0, **fields: Any) -> list[Cell]:
    """The cells of one series, whose times in ms follow `law`."""
    rng = np.random.default_rng(seed)
    return [
        a_cell(
            launches=[[law(n) * float(np.exp(noise * rng.standard_normal()))] * 3 for _ in range(launches)],
            problem=f"small,seq={n}",
            parameters={"batch": 8, "seq": n},
            **({"flops": 1e3 * n * n, "bytes": 1e4 + 10.0 * n} | fields),
        )
        for n in SIZES
    ]


def a_sweep(*cells: Cell, of: str = "time") -> Run:
    selection = {"profile": {"name": "quick", "margin": 0.05}, "sweep": {"over": "seq=64..1024", "of": of}}
    return a_run(cells, selection=selection)


def quadratic(n: int) -> float:
    return 0.1 + (n / 300) ** 2


def linear(n: int) -> float:
    return 0.1 + n / 300


def test_a_run_says_what_it_swept_and_others_that_they_swept_nothing() -> None:
    assert series.asked(a_sweep()) == ("seq", "time")
    assert series.asked(a_run()) is None


@pytest.mark.parametrize("sweep", [{"over": "seq=64..1024"}, {"of": "time"}, "seq", {"over": 3, "of": "time"}])
def test_a_broken_record_of_a_sweep_is_told(sweep: Any) -> None:
    run = a_run(selection={"profile": {"margin": 0.05}, "sweep": sweep})
    with pytest.raises(RecordsError, match="does not say what was swept"):
        series.asked(run)


def test_a_series_has_the_points_in_rising_order_whatever_the_order_of_the_lines() -> None:
    (found,) = series.series(a_sweep(*reversed(swept(linear))), "seq")
    assert list(found.cells) == SIZES
    assert (found.workload, found.problem, found.column) == ("linear", "small", "pytorch eager")


def test_what_tells_series_apart_is_everything_but_the_swept_parameter() -> None:
    cells = [
        *swept(linear),
        *swept(linear, threads=1),
        *swept(linear, variant="other"),
        *swept(linear, workload="mlp"),
        *swept(linear, target="jax"),
    ]
    assert len(series.series(a_sweep(*cells), "seq")) == 5


def test_cells_that_are_not_ranked_are_no_points() -> None:
    cells = swept(linear)
    broken = swept(linear, status="failed", reason="it broke")
    (found,) = series.series(a_sweep(*cells[:3], *broken[3:]), "seq")
    assert list(found.cells) == SIZES[:3]


def test_the_planted_exponents_are_found_and_those_of_the_definition_stand_beside_them() -> None:
    found = series.series(a_sweep(*swept(quadratic), *swept(linear, target="jax", seed=1)), "seq")
    for one, truth in zip(found, (2.0, 1.0), strict=True):
        grown = series.grown(one, "time")
        assert grown is not None
        assert grown.exponent.low <= truth <= grown.exponent.high
        assert grown.exponent.high - grown.exponent.low < 0.5
        assert series.expected(one) == pytest.approx((2.0, 1.0), abs=1e-3)


def test_only_launches_that_all_points_have_count() -> None:
    cells = swept(linear, launches=5)
    (found,) = series.series(a_sweep(*swept(linear, launches=3)[:1], *cells[1:]), "seq")
    grown = series.grown(found, "time")
    assert grown is not None
    assert grown.launches == 3


def test_memory_below_what_pages_tell_is_left_out() -> None:
    cells = [
        a_cell(
            launches=[[1.0] * 3],
            parameters={"seq": n},
            problem=f"small,seq={n}",
            launch_fields={"peak_memory_bytes": n * 100},
        )
        for n in (256, 1024, 4096, 16384)
    ]
    (found,) = series.series(a_sweep(*cells), "seq")
    assert [series.values(cell, "memory") for cell in found.cells.values()] == [
        {},
        {0: 102400},
        {0: 409600},
        {0: 1638400},
    ]
    grown = series.grown(found, "memory")
    assert grown is not None
    assert grown.exponent.estimate == pytest.approx(1.0, abs=1e-3)


def test_the_first_call_is_a_measure_of_its_own() -> None:
    cells = [
        a_cell(
            launches=[[1.0] * 3] * 2,
            parameters={"seq": n},
            problem=f"small,seq={n}",
            launch_fields={"first_call_s": n / 8},
        )
        for n in SIZES
    ]
    (found,) = series.series(a_sweep(*cells, of="first_call"), "seq")
    grown = series.grown(found, "first_call")
    assert grown is not None
    assert grown.exponent.estimate == pytest.approx(1.0, abs=1e-3)


# Pairs


def pairs(*cells: Cell, of: str = "time") -> list[series.Pair]:
    return series.pairs(series.series(a_sweep(*cells), "seq"), of, 0.05)


def test_the_planted_crossing_of_two_frameworks_is_found_within_its_interval() -> None:
    (pair,) = pairs(*swept(quadratic), *swept(linear, target="jax", seed=1))
    (crossing,) = pair.crossings
    assert crossing.first_below
    assert crossing.size.low <= 300 <= crossing.size.high
    assert crossing.size.high / crossing.size.low < 1.2
    assert [each.verdict for each in pair.comparisons][::4] == ["faster", "slower"]


def test_the_planted_crossing_of_two_workloads_is_found_too() -> None:
    (pair,) = pairs(*swept(quadratic), *swept(linear, workload="mlp", seed=1))
    assert pair.crossings[0].size.low <= 300 <= pair.crossings[0].size.high


def test_equals_do_not_cross() -> None:
    for seed in range(20):
        (pair,) = pairs(*swept(linear, seed=seed), *swept(linear, target="jax", seed=100 + seed))
        assert pair.crossings == []


def test_who_is_faster_throughout_crosses_nobody() -> None:
    (pair,) = pairs(*swept(linear), *swept(lambda n: 2 * linear(n), target="jax", seed=1))
    assert pair.crossings == []
    assert {each.verdict for each in pair.comparisons} == {"faster"}
    assert pair.near is None


def test_one_launch_proves_no_crossing_but_tells_where_the_medians_cross() -> None:
    (pair,) = pairs(*swept(quadratic, launches=1), *swept(linear, launches=1, target="jax", seed=1))
    assert pair.crossings == []
    assert {each.verdict for each in pair.comparisons} == {"undecided"}
    assert pair.near == pytest.approx(300, rel=0.1)


def test_only_series_that_differ_in_one_thing_are_held_against_each_other() -> None:
    cells = [*swept(linear), *swept(linear, target="jax", threads=1), *swept(linear, task="forward")]
    assert pairs(*cells) == []
    assert len(pairs(*cells, *swept(linear, threads=1))) == 2


def test_sizes_that_only_one_of_the_two_has_are_left_out() -> None:
    (pair,) = pairs(*swept(quadratic)[:3], *swept(linear, target="jax", seed=1))
    assert pair.sizes == SIZES[:3]
