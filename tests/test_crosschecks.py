"""The arithmetic of the cross-checks, and that every timer times the same calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from suite.timing import Timed
from tests import crosschecks
from tests.crosschecks import disagreement, timers

CALLS = 7


def scripted(name: str, values: list[float], order: list[str]) -> Any:
    left: Iterator[float] = iter(values)

    def sample() -> float:
        order.append(name)
        return next(left)

    return sample


def test_the_disagreement_is_that_of_the_medians_in_percent() -> None:
    order: list[str] = []
    ours, theirs = scripted("ours", [1.0, 1.0, 50.0], order), scripted("theirs", [1.03, 0.1, 1.03], order)
    assert disagreement(ours, theirs, turns=3) == pytest.approx(3.0)


def test_it_is_the_same_whoever_is_faster() -> None:
    order: list[str] = []
    assert disagreement(scripted("a", [2.0], order), scripted("b", [1.9], order), turns=1) == pytest.approx(5.0)


def test_the_first_of_a_turn_alternates() -> None:
    order: list[str] = []
    disagreement(scripted("ours", [1.0] * 4, order), scripted("theirs", [1.0] * 4, order), turns=4)
    assert order == ["theirs", "ours", "ours", "theirs"] * 2


@pytest.mark.parametrize("timer", ["timeit", "pyperf"])
@pytest.mark.parametrize("framework", ["numpy", "jax"])
def test_a_timer_makes_the_calls_of_a_sample_after_a_block_and_waits_for_the_last_outputs(
    monkeypatch: pytest.MonkeyPatch, timer: str, framework: str
) -> None:
    events: list[str] = []
    monkeypatch.setitem(crosschecks.WAITS, "jax", lambda output: events.append(f"wait for {output}"))

    def call(*arguments: str) -> tuple[str, ...]:
        events.append("call")
        return arguments

    work = Timed(call, ["x", "y"], lambda outputs: events.append("block ends"))
    _, theirs = timers(framework, lambda: 1.0, work, CALLS)[timer]
    assert theirs() > 0
    waits = ["wait for x", "wait for y"] if framework == "jax" else []
    assert events == [*["call"] * CALLS, "block ends", *["call"] * CALLS, *waits]


def test_a_sample_of_ours_is_the_same_from_within_pyperf() -> None:
    work = Timed(lambda: None, [], lambda outputs: None)
    ours, _ = timers("numpy", lambda: 0.25, work, CALLS)["pyperf"]
    assert ours() == pytest.approx(0.25)
