"""What is counted of other tools' judgements, and which processes each of them gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.verdicts import rivals
from tests.verdicts.rivals import ORDERS, Row, Summary, collect, read, record, summary
from tests.verdicts.rules import RULES, Judgement

RULE = "pyperf compare_to"
Asked = list[tuple[str, str, float, float]]


def row(share: float, judgement: Judgement, rule: str = RULE) -> Row:
    return Row(rule, "numpy", "linear", 1, share, judgement)


def test_the_summary_counts_false_alarms_misses_and_wrong_directions() -> None:
    equals = [row(0, "same"), row(0, "faster"), row(0, "slower"), row(0, "same")]
    planted = [row(0.03, "same"), row(0.03, "same"), row(0.03, "slower"), row(0.1, "faster"), row(0.1, "slower")]
    found = summary([*equals, *planted, row(0, "slower", "asv compare")])
    assert found == {
        RULE: Summary(4, 2, planted={0.03: 3, 0.1: 2}, missed={0.03: 2, 0.1: 1}, wrong_way={0.03: 0, 0.1: 1}),
        "asv compare": Summary(1, 1, planted={}, missed={}, wrong_way={}),
    }


def test_rows_are_read_as_they_were_recorded(tmp_path: Path) -> None:
    rows = [row(0.05, "slower"), row(0, "same")]
    file = tmp_path / "rows.jsonl"
    assert record(iter(rows), file) == rows == read(file)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What processes would have been started for: tool, workloads, share, seconds. A call takes about a second."""
    found: Asked = []

    def sample(tool: str, framework: str, workloads: list[str], threads: int, share: float, seconds: float) -> Any:
        found.append((tool, " ".join(workloads), share, seconds))
        return {workload: [1 + share + n * 1e-6 for n in range(20)] for workload in workloads}

    monkeypatch.setattr(rivals, "_sample", sample)
    return found


def test_every_pair_is_judged_by_every_rule(asked: Asked) -> None:
    problems = [("numpy", "linear", 1), ("numpy", "softmax", 1), ("numpy", "linear", 2)]
    rows = list(collect(problems, [0.0, 0.1], 4.0))
    assert len(rows) == len(set(rows)) == len(problems) * 2 * len(RULES)
    assert {row.judgement for row in rows if row.share == 0} == {"same"}
    assert {row.judgement for row in rows if row.share == 0.1 and row.rule != "asv compare"} == {"slower"}


def test_a_side_takes_its_seconds_whatever_its_processes_and_serves_one_pair(asked: Asked) -> None:
    list(collect([("numpy", "linear", 1)], [0.0, 0.0, 0.1], 4.0))
    for tool, order in ORDERS.items():
        seconds = [(share, seconds) for of, _, share, seconds in asked if of == tool]
        assert len(seconds) == 3 * len(order)
        assert sum(s for share, s in seconds if share == 0.1) == 4.0
        assert sum(s for share, s in seconds if share == 0.0) == 4.0 * 5


def test_asv_alternates_and_the_others_measure_the_old_side_first(asked: Asked) -> None:
    list(collect([("numpy", "linear", 1)], [0.1], 4.0))
    assert [share for tool, _, share, _ in asked if tool == "asv"] == [0.1, 0, 0, 0.1]
    assert [share for tool, _, share, _ in asked if tool == "pytest-benchmark"] == [0, 0.1]
    assert [share for tool, _, share, _ in asked if tool == "pyperf"] == [0] * 2 + [0.1] * 2


def test_a_process_that_fails_is_reported_with_its_last_words() -> None:
    with pytest.raises(RuntimeError, match="asv did not sample numpy on 1 threads; its last words: .*no_such_workload"):
        rivals._sample("asv", "numpy", ["no_such_workload"], 1, 0.0, 0.1)
