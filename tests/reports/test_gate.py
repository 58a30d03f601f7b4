from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from reports import gate
from reports.changes import Change, changes
from reports.gate import Expected, Gate, Share, ending, judge, margins, read, sentences, threshold
from suite import comparison
from suite.errors import UsageError
from suite.records import Cell
from tests.reports.builders import a_cell, a_run, noisy

CASE = "linear[{}] gradient float32 cpu 2 threads"
CELL = "pytorch eager"
BASE = [[1.0, 1.001, 0.999], [1.001, 1.0, 1.002], [0.999, 1.0, 1.001]]


def times(ms: float) -> list[list[float]]:
    return [[ms * one for one in launch] for launch in BASE]


def cells(**outcomes: float | str | None) -> list[Cell]:
    """A cell for each problem: its time in ms, a status, or None where the launches tell nothing."""
    made = []
    for problem, outcome in outcomes.items():
        if isinstance(outcome, str):
            made.append(a_cell(problem=problem, launches=[], status=outcome, reason="it did"))
        else:
            made.append(a_cell(problem=problem, launches=[[0.7], [1.1], [1.9]] if outcome is None else times(outcome)))
    return made


def judged(wanted: Gate, old: dict[str, Any], new: dict[str, Any]) -> gate.Judgement:
    before, after = a_run(cells(**old)), a_run(cells(**new))
    return judge(wanted, changes(before, after, margins(wanted, comparison.margin(after))).changes)


def failing(judgement: gate.Judgement) -> dict[str, str]:
    return {case.partition("]")[0].partition("[")[2]: why for (case, _), why in judgement.failing.items()}


def a_gate(default: float = 0.05, *expected: Expected, **thresholds: float) -> Gate:
    return Gate(Share(default), {CASE.format(p) + "*": Share(t) for p, t in thresholds.items()}, list(expected))


def expects(problem: str, outcome: Any, at_most: float | None = None, reason: str = "known") -> Expected:
    return Expected(CASE.format(problem), CELL, outcome, reason, None if at_most is None else Share(at_most))


# What fails


def test_only_what_is_proven_slower_by_more_than_the_threshold_fails() -> None:
    old = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}
    new = {"a": 1.5, "b": 1.07, "c": None, "d": 0.5}
    assert failing(judged(a_gate(0.05), old, new)) == {
        "a": "slower by more than 5 %",
        "b": "slower by more than 5 %",
    }
    assert failing(judged(a_gate(0.2), old, new)) == {"a": "slower by more than 20 %"}
    assert judged(a_gate(0.6), old, new).passed


def test_a_difference_that_may_be_chance_among_many_fails_nothing() -> None:
    """Alone its interval excludes 1; held against the number of comparisons it proves nothing."""
    close = noisy(1.06, launches=4, spread=0.02, seed=3)
    others = [a_cell(problem=f"p{n}", launches=noisy(1.0, launches=4, spread=0.02, seed=100 + n)) for n in range(40)]
    wanted = a_gate(0.03)

    def outcome(beside: list[Cell]) -> bool:
        old = a_run([a_cell(problem="x", launches=noisy(1.0, launches=4, spread=0.02, seed=2)), *beside])
        new = a_run([a_cell(problem="x", launches=close), *beside])
        return (CASE.format("x"), CELL) in judge(
            wanted, changes(old, new, margins(wanted, comparison.margin(new))).changes
        ).failing

    assert outcome([])
    assert not outcome(others)


def test_a_cell_that_was_ok_and_no_longer_is_fails_and_one_that_never_was_does_not() -> None:
    judgement = judged(a_gate(), {"a": 1.0, "b": "failed", "c": 1.0}, {"a": "crashed", "b": "failed", "c": 1.0})
    assert failing(judgement) == {"a": "crashed, and was ok"}
    assert sentences(judgement) == [
        f"{CASE.format('a')} {CELL}: crashed, and was ok",
        "The gate fails: 1 cell.",
    ]


def test_a_threshold_of_its_own_is_also_the_margin_of_the_verdict() -> None:
    wanted = a_gate(0.05, b=0.2)
    old, new = a_run(cells(a=1.0, b=1.0)), a_run(cells(a=1.1, b=1.1))
    found = changes(old, new, margins(wanted, comparison.margin(new))).changes
    assert [change.comparison.verdict for change in found if change.comparison] == ["slower", "equivalent"]
    assert list(failing(judge(wanted, found))) == ["a"]


def test_a_cell_whose_threshold_is_off_may_be_slower_but_not_broken() -> None:
    wanted = a_gate(0.05, a=math.inf, b=math.inf)
    judgement = judged(wanted, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 2.0, "b": "timeout", "c": 1.0})
    assert failing(judgement) == {"b": "timeout, and was ok"}
    assert margins(wanted, 0.03)(CASE.format("a"), CELL) == 0.03


def test_nothing_is_judged_where_nothing_could_fail() -> None:
    assert judged(a_gate(), {"a": 1.0}, {"b": 1.0}).blind == "the two have no cell in common"
    one = [a_cell(launches=times(1.0)[:1])]
    found = changes(a_run(one), a_run(one), margins(a_gate(), 0.05)).changes
    assert "two launches or more" in judge(a_gate(), found).blind
    assert not judge(a_gate(), found).passed
    assert judge(a_gate(math.inf), found).passed  # asked for statuses only
    assert judge(a_gate(), found, ["model"]).blind == "model differ; compare runs of one machine"
    assert ending(judge(a_gate(), [], [])) == "Nothing can be gated: the two have no cell in common."


# What is known


def test_a_known_outcome_passes_with_its_reason() -> None:
    wanted = a_gate(0.05, expects("a", "slower", 0.2), expects("b", "unsupported", reason="no kernel"))
    judgement = judged(wanted, {"a": 1.0, "b": 1.0}, {"a": 1.1, "b": "unsupported"})
    assert judgement.passed
    assert judgement.known == {(CASE.format("a"), CELL): "known", (CASE.format("b"), CELL): "no kernel"}
    assert ending(judgement) == "The gate holds; 2 outcomes as expected."


@pytest.mark.parametrize(
    ("entry", "outcome", "why"),
    [
        (expects("a", "slower", 0.2), 1.3, "slower by more than 20 %"),
        (expects("a", "slower", 0.2), "crashed", "crashed, where slower was expected"),
        (expects("a", "unsupported"), "incorrect", "incorrect, where unsupported was expected"),
        (expects("a", "unsupported"), 1.3, "slower by more than 5 %"),
    ],
)
def test_a_worse_or_another_outcome_than_the_known_one_fails(entry: Expected, outcome: Any, why: str) -> None:
    assert failing(judged(a_gate(0.05, entry), {"a": 1.0}, {"a": outcome})) == {"a": why}


@pytest.mark.parametrize("before", [1.0, "unsupported"])
def test_a_known_status_stays_known_once_the_old_side_has_it_too(before: float | str) -> None:
    wanted = a_gate(0.05, expects("a", "unsupported"))
    assert judged(wanted, {"a": before, "b": 1.0}, {"a": "unsupported", "b": 1.0}).passed
    assert not judged(wanted, {"a": before, "b": 1.0}, {"a": "crashed", "b": 1.0}).passed


@pytest.mark.parametrize(
    ("entry", "outcome", "said"),
    [
        (expects("a", "slower", 0.2), 1.0, "is equivalent, and no longer slower"),
        (expects("a", "slower", 0.2), 0.5, "is faster, and no longer slower"),
        (expects("a", "failed"), 1.0, "is ok, and no longer failed"),
        (expects("gone", "failed"), 1.0, "there is no such cell to compare"),
    ],
)
def test_what_no_longer_comes_about_is_stale_and_fails(entry: Expected, outcome: Any, said: str) -> None:
    judgement = judged(a_gate(0.05, entry), {"a": 1.0}, {"a": outcome})
    assert not judgement.passed
    [stale] = judgement.stale
    assert stale.endswith(said)
    assert sentences(judgement)[-1] == "The gate fails: 1 stale entry."


def test_a_slowdown_that_is_merely_in_doubt_stays_expected() -> None:
    assert judged(a_gate(0.05, expects("a", "slower", 0.2)), {"a": 1.0, "b": 1.0}, {"a": None, "b": 1.0}).passed


def test_a_threshold_that_applies_to_no_cell_is_stale() -> None:
    shadowed = Gate(Share(0.05), {"linear*": Share(0.1), "linear[[]a*": Share(0.2), "linear[a]*": Share(0.3)})
    assert judged(shadowed, {"a": 1.0}, {"a": 1.0}).stale == [
        "the threshold of 'linear[[]a*' applies to no cell",
        "the threshold of 'linear[a]*' applies to no cell",
    ]


# The file


def test_the_first_pattern_that_matches_counts_and_brackets_stand_for_themselves() -> None:
    wanted = Gate(Share(0.05), {"linear[a] *": Share(0.1), "* jax ???": Share(0.2), "*": Share(0.3)})
    assert threshold(wanted, CASE.format("a"), "jax jit") == 0.1
    assert threshold(wanted, CASE.format("b"), "jax jit") == 0.2
    assert threshold(wanted, CASE.format("b"), "jax eager") == 0.3
    assert threshold(Gate(Share(0.05), {"linear[abc]": Share(0.1)}), "lineara", "") == 0.05


def test_the_file_says_what_the_gate_is(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(
        'default = "5%"\n[thresholds]\n"softmax[*" = "10%"\n"* jax *" = "off"\n'
        '[[expected]]\ncase = "a"\ncell = "b"\noutcome = "slower"\nat_most = "20%"\nreason = "r"\n'
    )
    entry = Expected("a", "b", "slower", "r", Share(0.2))
    assert read(path, None) == Gate(Share(0.05), {"softmax[*": Share(0.1), "* jax *": Share(math.inf)}, [entry])
    assert (found := read(path, "3%")) is not None and found.default == 0.03
    assert read(None, "3%") == Gate(Share(0.03))
    assert read(None, None) is None


ENTRY = '[[expected]]\ncase = "a"\ncell = "b"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'has no default; write default = "5%"'),
        ('default = "5"', "'5' is no share"),
        ("default = 0.05", "0.05 is no share"),
        ('defualt = "5%"', "unknown field `defualt`"),
        ('default = "5%"\n[thresholds]\na = "much"', "'much' is no share"),
        ('default = "5%"\n' + ENTRY + 'outcome = "slow"\nreason = "r"', "'slow'"),
        ('default = "5%"\n' + ENTRY + 'outcome = "failed"\nreason = ""', "expected[0].reason"),
        ('default = "5%"\n' + ENTRY + 'outcome = "failed"', "reason"),
        ('default = "5%"\n' + ENTRY + 'outcome = "slower"\nreason = "r"', "a b needs at_most"),
        ('default = "5%"\n' + ENTRY + 'outcome = "failed"\nreason = "r"\nat_most = "5%"', "a b needs at_most"),
        ('default = "5%"\n' + 2 * (ENTRY + 'outcome = "failed"\nreason = "r"\n'), "two outcomes of a b"),
        ("default = ", "is broken: Invalid value"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read(path, None)
    assert str(error.value).startswith(str(path)) and said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "gate.toml", "5%")


def test_json_holds_what_fails_what_is_known_and_what_is_stale() -> None:
    wanted = a_gate(0.05, expects("a", "slower", 0.2), expects("gone", "failed"))
    found = gate.as_json(judged(wanted, {"a": 1.0, "b": 1.0}, {"a": 1.1, "b": 1.1}))
    assert found is not None
    assert [row["case"] for row in found["failing"]] == [CASE.format("b")]
    assert [row["reason"] for row in found["expected"]] == ["known"]
    assert (len(found["stale"]), found["passed"], gate.as_json(None)) == (1, False, None)


def test_changes_from_elsewhere_are_judged_alike() -> None:
    """What `triptych ab` hands in: a change without a comparison, but with a status."""
    assert judge(a_gate(math.inf), [Change("c", "x", "ok", "failed", None)]).failing == {
        ("c", "x"): "failed, and was ok"
    }
