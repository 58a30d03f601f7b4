from __future__ import annotations

import itertools

import pytest

from impls.interface import load
from tests.verdicts.slowed import FRAMEWORKS, PAIRS, SHARES, TOO_LONG, WORKLOADS, is_unsteady, package, quarter, slowed


@pytest.mark.parametrize("share", SHARES)
def test_the_share_of_calls_made_twice_is_the_one_that_was_asked_for(share: float) -> None:
    calls = itertools.count()
    function = slowed(lambda x: (next(calls), x), share)
    assert [function(n)[1] for n in range(1000)] == list(range(1000))
    assert next(calls) == pytest.approx(1000 * (1 + share), abs=1)


def test_a_planted_package_has_the_implementations_that_are_slowed_down_and_no_others() -> None:
    backend, implementations = load(package("numpy", 0.05))
    assert backend.modes == ("eager",)
    assert {name for name, _ in implementations} == {workload for framework, workload in PAIRS if framework == "numpy"}


def test_the_other_tools_get_a_quarter_of_the_steady_pairs_of_every_framework_and_number_of_threads() -> None:
    chosen = quarter()
    assert not any(is_unsteady(*problem) for problem in chosen)
    assert {framework for framework, _, _ in chosen} == set(FRAMEWORKS)
    counts = {threads for _, _, threads in chosen}
    assert len(chosen) == pytest.approx(len(PAIRS) * len(counts) / 4, abs=1.5)


def test_there_are_enough_pairs_of_equals_with_one_thread_and_with_two() -> None:
    assert sum(not is_unsteady(*pair, threads) for pair in PAIRS for threads in (1, 2)) >= 40
    assert len(PAIRS) == len(FRAMEWORKS) * len(WORKLOADS) - len(TOO_LONG)
