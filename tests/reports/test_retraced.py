from __future__ import annotations

from typing import Any

import pytest

from reports import retraced
from suite.diagnoses import GraphBreak, Retraces, StreamCall

NAME = ("linear", "jax jit")


def call(kind: Any, traced: bool, again: bool = False, seconds: float = 1.0, **fields: Any) -> StreamCall:
    told: dict[str, Any] = dict(change=f"{kind} changed", again_s=0.25, reason="", reason_again="", refused=False)
    return StreamCall(kind=kind, traced=traced, seconds=seconds, traced_again=again, **{**told, **fields})


def told(*calls: StreamCall, **fields: Any) -> Retraces:
    identity: dict[str, Any] = dict(workload="linear", problem="small", task="forward", precision="float32", threads=1)
    identity |= dict(device="cpu", target="jax", framework="jax", mode="jit", variant="default")
    return Retraces(calls=[call("first", True), *calls], **identity, **fields)


def test_a_trace_for_each_batch_size_is_told_with_its_cost() -> None:
    sentence = retraced.sentence(told(*(call("batch", True) for _ in range(3))))
    assert sentence.startswith("4 traces for 4 batch sizes: one for each, 750 ms each time;")


def test_two_traces_for_any_number_of_sizes_are_none_too_many() -> None:
    assert retraced.sentence(told(call("batch", True), call("batch", False), call("batch", False))) == ""


def test_a_second_number_that_is_traced_is_one_too_many() -> None:
    assert "2 traces for 2 Python numbers" in retraced.sentence(told(call("number", True)))
    assert retraced.sentence(told(call("number", False))) == ""


def test_where_every_call_is_traced_nothing_else_is_told() -> None:
    calls = [call("batch", True, again=True, reason_again="calls == 3") for _ in range(3)]
    sentence = retraced.sentence(told(*calls, gave_up="calls == 7"))
    assert sentence.startswith("Retraces where nothing changed, in 3 of 4 repeated calls: calls == 3.")
    assert "batch sizes" not in sentence
    assert "gave up compiling and runs eagerly: calls == 7." in sentence


def test_breaks_are_counted_and_shown_with_their_lines() -> None:
    breaks = [GraphBreak("Data-dependent branching", "model.py:7: if y.sum() > 0:")]
    assert retraced.sentence(told(breaks=breaks)) == (
        "1 graph break: Data-dependent branching (model.py:7: if y.sum() > 0:)."
    )
    assert retraced.sentence(told(breaks=[])) == ""


def test_a_call_that_was_refused_is_no_trace_and_is_shown() -> None:
    refused = call("type", False, refused=True, reason="refused: TypeError: no bfloat16", change="bfloat16")
    rows = retraced.reasons([(NAME, told(refused))]).rows
    assert [row[2:4] for row in rows] == [("bfloat16", "refused: TypeError: no bfloat16")]
    assert retraced.summary([(NAME, told(refused))]).rows[0][4] == "–"


def test_another_type_is_another_program_and_no_finding() -> None:
    assert retraced.sentence(told(call("type", True))) == ""


def test_of_many_reasons_the_first_is_shown() -> None:
    one = call("batch", True, reason="at x, now 5; at y, now 5; at z, now 5")
    assert retraced.reasons([(NAME, told(one))]).rows[0][3] == "at x, now 5; and 2 more"


def test_the_table_counts_traces_among_calls() -> None:
    row = retraced.summary([(NAME, told(call("batch", True), call("batch", False), call("number", False)))]).rows[0]
    assert row[2:6] == ("2 of 3", "1 of 2", "–", "0 of 4")


def test_the_cost_is_beyond_a_cached_call() -> None:
    one = call("batch", True, seconds=2.0, again_s=0.5)
    assert retraced.cost_s(one, told(one)) == pytest.approx(1.5)
    every = call("batch", True, again=True, seconds=2.0, again_s=2.0)
    assert retraced.cost_s(every, told(every)) == pytest.approx(1.75)
    assert retraced.cost_s(call("number", False), told()) is None
