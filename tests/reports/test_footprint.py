from __future__ import annotations

from typing import Any

from reports import footprint
from reports import format as text
from suite.diagnoses import Memory, Peak
from suite.memory import least_bytes, parts
from suite.workloads import WORKLOADS

GPT2 = WORKLOADS["gpt2"]
MEDIUM, SMALL = GPT2.problem("medium", batch=16), GPT2.problem("tiny")
LEAST = least_bytes(GPT2, MEDIUM, "gradient", "float32")
NAME = ("gpt2[medium]", "pytorch eager")


def told(*peaks: Peak, **fields: Any) -> Memory:
    identity: dict[str, Any] = dict(workload="gpt2", problem="medium", task="gradient", precision="float32", threads=1)
    identity |= dict(device="cpu", target="pytorch", framework="pytorch", mode="eager", variant="default")
    return Memory(peaks=list(peaks), **{**identity, **fields})


def peak(times: float, variant: str = "default", call_s: float = 1.0) -> Peak:
    return Peak("gradient", variant, round(times * LEAST), call_s)


def test_what_a_call_takes_is_held_against_the_least() -> None:
    assert footprint.sentence(MEDIUM, told(peak(1.5))).endswith("1.5 times the least.")
    assert "more than the 2.6 times that is common" in footprint.sentence(MEDIUM, told(peak(4.0)))


def test_of_a_small_problem_nothing_is_said() -> None:
    assert footprint.sentence(SMALL, told(peak(4.0))) == ""


def test_what_checkpointing_saves_and_costs_stands_side_by_side() -> None:
    both = told(peak(2.0), peak(1.0, "checkpointed", call_s=1.3))
    assert "Checkpointed it takes 0.5 times the memory and 1.3 times the time." in footprint.sentence(MEDIUM, both)
    row = footprint.checkpointing([(NAME, MEDIUM, both)]).rows[0]
    assert (row[2], row[5], row[8]) == ("gradient", "0.5", "1.3")


def test_a_task_that_is_not_checkpointed_has_no_row() -> None:
    refused = Peak("gradient", "checkpointed", reason="for a backward pass")
    assert footprint.checkpointing([(NAME, MEDIUM, told(peak(1.0), refused))]).rows == []


def test_a_leak_is_told_in_bytes_a_call() -> None:
    assert "grows by 1.00 MiB with every call, seen over 40" in footprint.sentence(
        MEDIUM, told(leaked_bytes=2.0**20, leak_calls=40)
    )
    for leaked_bytes, leak_calls in ((1000.0, 4000), (20e3, 16)):
        assert footprint.sentence(MEDIUM, told(leaked_bytes=leaked_bytes, leak_calls=leak_calls)) == ""


def test_the_parts_are_those_of_the_definition() -> None:
    row = footprint.peaks([(NAME, MEDIUM, told(peak(2.0)))]).rows[0]
    assert row[4:7] == (text.size(2 * LEAST), text.size(LEAST), "2")
    assert row[-1] == "–"  # a gradient alone keeps no optimizer


def test_on_a_gpu_what_was_there_before_is_no_part_of_a_call() -> None:
    split = footprint.least_parts(MEDIUM, told(device="cuda"), "train_step")
    whole = parts(GPT2, MEDIUM, "train_step", "float32")
    assert set(whole) - set(split) == {"data", "parameters", "optimizer"}
