from __future__ import annotations

import pytest

from impls.diagnostics import Event, Kind, covered_ns, innermost, outermost
from suite import diagnosing


def event(kind: Kind, start: int, end: int, name: str = "dot", thread: str = "main") -> Event:
    return Event(kind, name, start, end - start, thread)


def names(events: list[Event]) -> list[str]:
    return sorted(one.name for one in events)


NESTED = [
    event("kernel", 0, 100, "while"),
    event("kernel", 10, 40, "call"),
    event("kernel", 10, 30, "dot"),
    event("kernel", 50, 60, "add"),
    event("kernel", 20, 25, "beside", thread="other"),
    event("kernel", 100, 110, "after"),
]


def test_time_in_several_spans_counts_once() -> None:
    assert covered_ns([(0, 10), (5, 20), (6, 8), (30, 40), (40, 45)]) == 20 + 15
    assert covered_ns([]) == 0


def test_the_outermost_lie_in_no_other_of_their_thread() -> None:
    assert names(outermost(NESTED)) == ["after", "beside", "while"]


def test_in_the_innermost_lies_no_other_of_their_thread() -> None:
    assert names(innermost(NESTED)) == ["add", "after", "beside", "dot"]


def test_what_runs_at_once_on_two_threads_is_worked_off_once_but_summed_as_self_time() -> None:
    events = [
        event("call", 0, 1000),
        event("program", 100, 900, "f"),
        event("kernel", 200, 600, "dot", "pool 1"),
        event("kernel", 300, 700, "dot", "pool 2"),
    ]
    found = diagnosing.summary(events, on_device=False)
    assert found["profiled_s"] == pytest.approx(1000e-9)
    assert found["work_s"] == pytest.approx(500e-9)
    assert (found["dispatched"], found["kernels"]) == (1, 2)
    assert found["operators"] == [{"name": "dot", "calls": 2, "self_s": pytest.approx(800e-9)}]


def test_figures_are_of_one_call() -> None:
    events = [event("call", start, start + 100) for start in (0, 200, 400)]
    events += [event("operator", start + 10, start + 40, "add") for start in (0, 200, 400)]
    events += [event("operator", 450, 480, "mul")]
    found = diagnosing.summary(events, on_device=False)
    assert found["dispatched"] == pytest.approx(4 / 3)
    assert found["work_s"] == pytest.approx(30e-9)  # the median call
    assert [one["name"] for one in found["operators"]] == ["add", "mul"]
    assert found["kernels"] is None


def test_on_a_device_the_hosts_operators_are_no_work() -> None:
    events = [event("call", 0, 100), event("operator", 0, 90), event("kernel", 50, 60, "gemm", "stream 7")]
    assert diagnosing.summary(events, on_device=True)["work_s"] == pytest.approx(10e-9)


def test_the_first_calls_under_a_profiler_are_left_out() -> None:
    events = [event("call", start, start + 90) for start in (0, 100, 200)] + [
        event("operator", start + 10, start + 20) for start in (0, 100, 200)
    ]
    assert [one.start_ns for one in diagnosing.after(2, events)] == [200, 210]


def test_a_chrome_trace_has_a_row_for_each_thread_and_microseconds() -> None:
    trace = diagnosing.chrome_trace([event("call", 0, 3000, "all"), event("kernel", 1000, 1500, "dot", "pool")])
    rows = {each["tid"]: each["args"]["name"] for each in trace["traceEvents"] if each["ph"] == "M"}
    work = [each for each in trace["traceEvents"] if each["ph"] == "X"]
    assert list(rows.values()) == ["main", "pool"]
    assert (work[1]["name"], work[1]["cat"], work[1]["ts"], work[1]["dur"]) == ("dot", "kernel", 1.0, 0.5)
    assert rows[work[1]["tid"]] == "pool"
