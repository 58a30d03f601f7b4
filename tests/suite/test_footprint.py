from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from reports.footprint import LEAK_BYTES
from suite import footprint
from suite.cases import Case, Column
from suite.checking import ORACLE, Checker
from suite.explaining import Bench, _memory
from suite.memory import TAKEN, least_bytes
from suite.workers import Workers, scratch_folder
from suite.workloads import WORKLOADS
from tests.fakes.running import case, fake

MIB = 2**20
LARGE = dict(batch=131072, in_features=64, out_features=64)
INPUT_BYTES = 4 * LARGE["batch"] * LARGE["in_features"]


def touched(call: Callable[[], object]) -> float:
    found = footprint.touched_bytes(call)
    if found is None:
        pytest.skip("this system does not tell which pages were touched")
    return found / MIB


def test_what_is_allocated_and_freed_again_within_a_call_counts() -> None:
    assert 64 <= touched(lambda: np.ones(8 * MIB).sum()) < 72


def test_what_was_there_before_counts_where_it_is_touched() -> None:
    array, other = np.ones(8 * MIB), np.ones(8 * MIB)
    assert 64 <= touched(lambda: array.sum()) < 72
    assert 128 <= touched(lambda: array.sum() + other.sum()) < 136
    assert touched(lambda: None) < 8


def test_what_an_allocator_has_kept_and_gives_again_counts() -> None:
    pool = np.empty(8 * MIB)
    pool[:] = 1
    assert 64 <= touched(lambda: np.multiply(pool, 2.0, out=pool)) < 72


def test_a_list_that_keeps_every_result_grows_by_it() -> None:
    kept = []
    grown, calls = footprint.leaked_bytes(lambda: kept.append(np.ones(MIB // 8)), seconds=0.1)
    assert grown is not None
    assert calls >= footprint.LEAST_CALLS
    assert 0.9 * MIB < grown < 1.1 * MIB


def test_a_pool_that_grows_once_is_no_leak() -> None:
    calls: list[int] = []
    pool: list[np.ndarray] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 10:
            pool.append(np.ones(8 * MIB))

    grown, _ = footprint.leaked_bytes(work, seconds=0.0)
    assert grown is not None
    assert grown < LEAK_BYTES


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    parameters = WORKLOADS["linear"].problem("small", **LARGE)
    large: Case = dataclasses.replace(case("linear", "small", "gradient"), parameters=parameters)
    target = fake("memory_numpy")
    with scratch_folder() as scratch:
        workers = Workers(scratch, [ORACLE, target], 1, scratch.folder / "logs", warm_caches=False)
        try:
            yield Bench(large, Checker(large, workers, 0, []), workers, None, cached=False)
        finally:
            workers.stop()


def column(variant: str) -> Column:
    return Column("memory_numpy", "numpy", "eager", variant)


def peak(bench: Bench, variant: str) -> int:
    found = bench.ask(column(variant), "peak", last=True)["bytes"]
    if found is None:
        pytest.skip("this system does not tell which pages were touched")
    return int(found)


def test_an_honest_call_takes_no_less_than_the_least_and_not_much_more(bench: Bench) -> None:
    least = least_bytes(WORKLOADS["linear"], bench.case.parameters, "gradient", "float32")
    assert least <= peak(bench, "default") <= TAKEN * least


def test_a_copy_that_is_held_during_the_call_shows(bench: Bench) -> None:
    more = peak(bench, "hoards") - peak(bench, "default")
    assert more == pytest.approx(INPUT_BYTES, rel=0.25)


def test_an_implementation_that_keeps_its_results_is_found_and_an_honest_one_is_not(bench: Bench) -> None:
    output_bytes = 4 * LARGE["batch"] * LARGE["out_features"]
    leaks, honest = (bench.ask(column(variant), "leak", seconds=0.1) for variant in ("leaks", "default"))
    if leaks["leaked_bytes"] is None:
        pytest.skip("this system does not tell how much is resident")
    assert leaks["leaked_bytes"] == pytest.approx(output_bytes, rel=0.1)
    assert honest["leaked_bytes"] < LEAK_BYTES


def test_every_task_is_asked_what_it_takes(bench: Bench) -> None:
    found = _memory(bench, column("default"))
    assert [(one["task"], one["variant"]) for one in found["peaks"]] == [
        ("forward", "default"),
        ("gradient", "default"),
    ]
    assert found["peaks"][0]["bytes"] < found["peaks"][1]["bytes"]
    assert found["leak_calls"] >= footprint.LEAST_CALLS
