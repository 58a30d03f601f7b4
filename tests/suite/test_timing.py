"""The clock is a machine's whose time passes only where the test says so."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.timing import (
    CHUNK_NS,
    ENOUGH,
    OVERHEAD_LIMIT,
    STEADY_WINDOW,
    Proof,
    Timed,
    calls_per_sample,
    no_garbage_collection,
    overhead_ns,
    prove_synchronization,
    time_block,
    warm_up,
)

MS = 1_000_000
SECOND = 1_000_000_000
Cost = int | Callable[[int], int]


def cost_of(cost: Cost, number: int) -> int:
    return cost(number) if callable(cost) else cost


class Machine:
    """Calls, synchronisations and readings of the clock take what they are told to, and are written down.

    A cost may depend on how many calls (or synchronisations) came before.
    """

    def __init__(self, call: Cost = 1000, synchronize: Cost = 100, reading: int = 20) -> None:
        self.now = 0
        self.costs = {"call": call, "synchronize": synchronize, "clock": reading}
        self.events: list[str] = []
        self.seen: list[tuple[Any, ...]] = []
        self.synchronized: list[Any] = []

    def clock(self) -> int:
        now = self.now
        self._spend("clock")
        return now

    def _spend(self, what: str) -> None:
        self.now += cost_of(self.costs[what], self.events.count(what))
        self.events.append(what)

    def _call(self, *arguments: Any) -> object:
        self._spend("call")
        self.seen.append(arguments)
        return f"output {self.events.count('call')}"

    def _synchronize(self, outputs: Any) -> None:
        self._spend("synchronize")
        self.synchronized.append(outputs)

    @property
    def work(self) -> Timed:
        return Timed(self._call, ("x", 7), self._synchronize)


class FastMachine(Machine):
    """The same without a diary; it remembers the sizes of its blocks only."""

    def __init__(self, call: Cost = 1000, synchronize: Cost = 100, reading: int = 20) -> None:
        super().__init__(call, synchronize, reading)
        self.counts = {"call": 0, "synchronize": 0, "clock": 0}
        self.blocks: list[int] = []
        self._in_block = 0

    def _spend(self, what: str) -> None:
        self.now += cost_of(self.costs[what], self.counts[what])
        self.counts[what] += 1

    def _call(self, *arguments: Any) -> None:
        self._spend("call")
        self._in_block += 1

    def _synchronize(self, outputs: Any) -> None:
        self._spend("synchronize")
        if self._in_block:
            self.blocks.append(self._in_block)
        self._in_block = 0


def test_a_block_is_its_calls_and_one_synchronisation_between_two_readings_of_the_clock() -> None:
    machine = Machine()
    time_block(machine.work, 3, machine.clock)
    assert machine.events == ["clock", "call", "call", "call", "synchronize", "clock"]


def test_a_block_takes_as_long_as_what_it_ran() -> None:
    machine = Machine(call=1000, synchronize=100, reading=20)
    machine.now = 12345
    assert time_block(machine.work, 3, machine.clock) == 20 + 3 * 1000 + 100


def test_a_block_calls_with_the_arguments_and_synchronises_the_last_outputs() -> None:
    machine = Machine()
    time_block(machine.work, 3, machine.clock)
    assert machine.seen == [("x", 7)] * 3
    assert machine.synchronized == ["output 3"]


def test_no_garbage_is_collected_inside_and_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    with no_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with no_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_is_turned_on_again_after_an_error() -> None:
    with pytest.raises(RuntimeError), no_garbage_collection():
        raise RuntimeError
    assert gc.isenabled()


def test_warm_up_ends_as_soon_as_two_windows_agree() -> None:
    machine = Machine(call=2 * MS)
    warm = warm_up(machine.work, 1.0, machine.clock)
    assert warm.steady
    assert warm.calls == 1 + 2 * STEADY_WINDOW
    assert warm.call_ns == pytest.approx(2 * MS, rel=1e-3)


def test_warm_up_waits_until_the_times_have_stopped_falling() -> None:
    flat_from = 60
    machine = Machine(call=lambda number: round(2 * MS * 1.05 ** max(0, flat_from - number)))
    warm = warm_up(machine.work, 10.0, machine.clock)
    assert warm.steady
    assert flat_from - STEADY_WINDOW < warm.calls <= flat_from + 2 * STEADY_WINDOW
    assert warm.call_ns == pytest.approx(2 * MS, rel=0.02)


def test_warm_up_is_not_fooled_by_one_slow_block() -> None:
    machine = Machine(call=lambda number: 50 * MS if number == 8 else 2 * MS)
    warm = warm_up(machine.work, 1.0, machine.clock)
    assert warm.steady
    assert warm.calls == 1 + 2 * STEADY_WINDOW
    assert warm.call_ns == pytest.approx(2 * MS, rel=1e-3)


def test_warm_up_gives_up_at_the_limit_and_says_that_it_was_not_steady() -> None:
    machine = Machine(call=lambda number: round(2 * MS * 1.03**number))
    warm = warm_up(machine.work, 0.5, machine.clock)
    assert not warm.steady
    last_block_s = 2 * MS * 1.03 ** (warm.calls - 1) / 1e9
    assert 0.5 <= warm.seconds <= 0.5 + 1.01 * last_block_s


def test_warm_up_takes_three_blocks_however_short_the_limit() -> None:
    machine = Machine(call=20 * SECOND)
    warm = warm_up(machine.work, 0.0, machine.clock)
    assert warm.calls == 1 + 3
    assert not warm.steady


def test_warm_up_looks_at_blocks_long_enough_to_be_seen_over_the_clock() -> None:
    machine = FastMachine(call=1000, synchronize=0, reading=0)
    warm = warm_up(machine.work, 1.0, machine.clock)
    assert machine.blocks == [1] + [CHUNK_NS // 1000] * 2 * STEADY_WINDOW
    assert warm.calls == sum(machine.blocks)
    assert warm.call_ns == pytest.approx(1000)


def test_warm_up_reports_the_seconds_that_passed() -> None:
    machine = Machine(call=3 * MS, synchronize=0, reading=0)
    warm = warm_up(machine.work, 1.0, machine.clock)
    assert warm.seconds == pytest.approx(warm.calls * 3e-3)


def test_the_overhead_is_that_of_the_clock_and_of_a_synchronisation_with_nothing_to_wait_for() -> None:
    machine = Machine(call=MS, synchronize=700, reading=30)
    assert overhead_ns(machine.work, machine.clock) == 730


def test_a_preempted_synchronisation_does_not_count_as_overhead() -> None:
    machine = Machine(synchronize=lambda number: 5 * MS if number == 3 else 700, reading=30)
    assert overhead_ns(machine.work, machine.clock) == 730


@given(
    call=st.integers(500, 10 * MS),
    synchronize=st.integers(0, 50_000),
    reading=st.integers(1, 500),
    estimate=st.floats(0.3, 3.0),
    sample_s=st.sampled_from([0.0001, 0.001, 0.005]),
)
@settings(max_examples=50, deadline=None)
def test_a_sample_is_long_enough_and_its_overhead_stays_under_the_limit(
    call: int, synchronize: int, reading: int, estimate: float, sample_s: float
) -> None:
    machine = FastMachine(call, synchronize, reading)
    calls = calls_per_sample(machine.work, call * estimate, sample_s, machine.clock)
    overhead = synchronize + reading
    sample = calls * call + overhead
    assert sample >= ENOUGH * sample_s * 1e9
    assert overhead <= OVERHEAD_LIMIT * sample


def test_a_call_as_long_as_the_sample_is_called_once() -> None:
    machine = Machine(call=30 * MS, synchronize=100, reading=20)
    assert calls_per_sample(machine.work, 30.0 * MS, 0.01, machine.clock) == 1


def test_the_number_of_calls_is_confirmed_by_two_readings_in_a_row() -> None:
    machine = Machine(call=MS // 10, synchronize=100, reading=20)
    calls = calls_per_sample(machine.work, MS // 10, 0.01, machine.clock)
    runs = [len(list(group)) for event, group in groupby(machine.events) if event == "call"]
    assert runs == [1, calls, calls]


def test_an_estimate_that_was_far_too_slow_is_corrected() -> None:
    machine = FastMachine(call=1000)
    calls = calls_per_sample(machine.work, 100_000.0, 0.01, machine.clock)
    assert 8000 <= calls <= 13000
    assert machine.blocks[-2:] == [calls, calls]


def test_one_preempted_reading_does_not_end_the_search_early() -> None:
    machine = FastMachine(call=lambda number: SECOND if number == 1 else 1000)
    calls = calls_per_sample(machine.work, 100_000.0, 0.01, machine.clock)
    assert machine.blocks[1] == 100, "the first block is the preempted one"
    assert calls * 1000 >= ENOUGH * 0.01 * SECOND


class Accelerator:
    """Runs the calls one after another behind the program's back; its outputs are done after `shares` of a call.

    `depth` is how many calls may wait: a further one has to wait itself until there is room.
    """

    dispatch_ns = 10_000

    def __init__(self, call_ns: int = 10 * MS, shares: tuple[float, ...] = (1.0,), depth: int | None = None) -> None:
        self.now = 0
        self.call_ns = call_ns
        self.shares = shares
        self.depth = depth
        self.ends: list[int] = [0]
        self.copy_ns = 1000
        self.interruptions: dict[int, int] = {}

    def clock(self) -> int:
        self.now += 20
        return self.now

    def call(self) -> tuple[int, ...]:
        """When each output will be there."""
        self.now += self.dispatch_ns + self.interruptions.get(len(self.ends), 0)
        if self.depth is not None and len(self.ends) > self.depth:
            self.wait(self.ends[-self.depth])
        start = max(self.now, self.ends[-1])
        self.ends.append(start + self.call_ns)
        return tuple(start + round(share * self.call_ns) for share in self.shares)

    def wait(self, moment: int) -> None:
        self.now = max(self.now, moment)

    def wait_for_all(self, outputs: tuple[int, ...]) -> None:
        self.wait(max(outputs))

    def wait_for_first(self, outputs: tuple[int, ...]) -> None:
        self.wait(outputs[0])

    def return_at_once(self, outputs: tuple[int, ...]) -> None:
        pass

    def read_back(self, outputs: tuple[int, ...]) -> None:
        self.wait_for_all(outputs)
        self.now += self.copy_ns

    def prove(self, synchronize: Callable[[tuple[int, ...]], None]) -> Proof:
        return prove_synchronization(Timed(self.call, (), synchronize), self.read_back, clock=self.clock)


def test_an_honest_synchronisation_passes() -> None:
    accelerator = Accelerator(shares=(0.4, 1.0))
    proof = accelerator.prove(accelerator.wait_for_all)
    assert proof.passed
    assert proof.ratio == pytest.approx(2, rel=0.01)
    assert proof.late == pytest.approx(0, abs=0.01)


def test_a_framework_that_computes_at_once_passes_with_nothing_to_wait_for() -> None:
    machine = Machine(call=10 * MS)
    assert prove_synchronization(machine.work, lambda outputs: None, clock=machine.clock).passed


def test_one_that_returns_early_fails_though_twice_the_calls_take_twice_the_time() -> None:
    accelerator = Accelerator()
    proof = accelerator.prove(accelerator.return_at_once)
    assert proof.ratio == pytest.approx(2, rel=0.01)
    assert not proof.passed
    assert proof.late > 1


def test_one_that_returns_early_fails_though_its_full_queue_makes_callers_wait() -> None:
    accelerator = Accelerator(depth=1)
    proof = accelerator.prove(accelerator.return_at_once)
    assert not proof.passed
    assert proof.late > 0.25


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7])
def test_one_that_waits_only_for_the_first_output_fails(share: float) -> None:
    accelerator = Accelerator(shares=(share, 1.0))
    proof = accelerator.prove(accelerator.wait_for_first)
    assert not proof.passed
    assert 0.25 < proof.late <= 1 - share


def test_what_reading_back_costs_anyway_is_not_held_against_the_synchronisation() -> None:
    accelerator = Accelerator()
    accelerator.copy_ns = 3 * accelerator.call_ns
    assert accelerator.prove(accelerator.wait_for_all).passed


@pytest.mark.parametrize("call", [2, 4, 8])
def test_an_interruption_in_one_trial_does_not_spoil_the_proof(call: int) -> None:
    accelerator = Accelerator()
    accelerator.interruptions = {call: SECOND}
    assert accelerator.prove(accelerator.wait_for_all).passed


def test_a_machine_that_is_busy_for_a_while_gets_another_proof() -> None:
    """Two calls take as long as four throughout the first proof, whose five trials are nine calls each."""
    accelerator = Accelerator()
    accelerator.interruptions = {call: 20 * MS for trial in range(5) for call in (9 * trial + 1, 9 * trial + 2)}
    assert accelerator.prove(accelerator.wait_for_all).passed
    accelerator = Accelerator()
    accelerator.interruptions = {call: 20 * MS for trial in range(50) for call in (9 * trial + 1, 9 * trial + 2)}
    assert not accelerator.prove(accelerator.wait_for_all).passed


def test_a_time_that_does_not_grow_with_the_calls_fails() -> None:
    machine = Machine(call=100, synchronize=10 * MS)
    proof = prove_synchronization(machine.work, lambda outputs: None, clock=machine.clock)
    assert proof.ratio == pytest.approx(1, rel=0.01)
    assert not proof.passed


def test_what_else_runs_on_the_machine_does_not_fail_an_honest_one() -> None:
    """In four trials of five, one of the four calls that should take twice as long as two takes five times as long."""
    machine = Machine(call=lambda number: 50 * MS if number >= 9 and number % 9 == 3 else 10 * MS)
    proof = prove_synchronization(machine.work, lambda outputs: None, clock=machine.clock)
    assert proof.ratio == pytest.approx(2, rel=0.01)
    assert proof.passed


@pytest.mark.parametrize(
    ("ratio", "late", "passed"),
    [
        (2.0, 0.0, True),
        (1.6, 0.25, True),
        (2.5, -0.1, True),
        (1.59, 0.0, False),
        (2.51, 0.0, False),
        (2.0, 0.26, False),
        (float("nan"), 0.0, False),
        (2.0, float("nan"), False),
    ],
)
def test_a_proof_passes_within_its_limits_only(ratio: float, late: float, passed: bool) -> None:
    assert Proof(ratio, late).passed is passed


def test_a_proof_says_in_one_sentence_what_was_seen() -> None:
    assert Proof(1.97, 0.5).sentence == (
        "2n calls took 1.97 times as long as n, and after the synchronisation reading the results back waited for 50% of a"
        " call"
    )
    assert "waited for 0% of a call" in Proof(2.0, -0.02).sentence
