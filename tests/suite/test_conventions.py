"""The table of conventions is whole, and a changed answer is seen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reports.conventions import as_json, conclusion, text
from suite.conventions import Answer, load, same, versions
from suite.sources import expression

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("pytorch", "tensorflow", "jax")


def probes(framework: str) -> list[str]:
    """The names of the framework's probes, in their order, read without importing it."""
    tree = ast.parse((ROOT / f"impls/{framework}/conventions.py").read_text("utf-8"))
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Dict))
    return [str(key.value) for key in table.keys if isinstance(key, ast.Constant)]


def test_there_are_sixty_questions_or_more_and_no_two_of_one_name() -> None:
    names = [convention.name for convention in load()]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_probe_has_an_expected_answer_and_the_other_way_round(framework: str) -> None:
    assert probes(framework) == [c.name for c in load() if framework in c.expected]


def test_every_question_is_asked_of_a_framework_and_says_what_it_means() -> None:
    for convention in load():
        assert convention.expected
        assert set(convention.expected) <= set(FRAMEWORKS)
        assert convention.question
        assert convention.meaning


def test_the_answers_name_their_versions() -> None:
    assert list(versions()) == list(FRAMEWORKS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(1.0, 1.000001), ([1.0, "nan"], [1.0, "nan"]), ("float32", "float32"), (True, True), (0, 0.0), ([], [])],
)
def test_answers_that_say_the_same(found: object, expected: object) -> None:
    assert same(found, expected)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (1.0, 1.001),
        (1e-12, 0.0),
        ([1.0], [1.0, 2.0]),
        ("nan", 0.0),
        (True, 1),
        (1, True),
        (None, 0.0),
        ("float32", "float64"),
        ([1.0, "nan"], [1.0, 2.0]),
    ],
)
def test_answers_that_differ(found: object, expected: object) -> None:
    assert not same(found, expected)


def test_a_changed_answer_is_told_with_the_version_and_what_it_was() -> None:
    answers = {"gelu": {"jax": Answer("jax", "9.9", 0.8413447, 0.841192)}}
    assert conclusion(answers) == [f"changed: gelu in jax 9.9 is 0.84134; in {versions()['jax']} it was 0.84119"]


def test_no_changed_answer_is_told_in_one_sentence() -> None:
    answers = {"gelu": {"jax": Answer("jax", "9.9", 0.841192, 0.841192)}}
    assert conclusion(answers) == ["1 answer to 1 question, all as expected"]


def test_a_probe_is_shown_as_its_line_of_code() -> None:
    assert expression("impls.pytorch", "conventions", "batch_norm_eps") == "nn.BatchNorm2d(1).eps"
    assert expression("impls.pytorch", "conventions", "no_such_probe") is None


def test_json_has_every_answer_with_its_code() -> None:
    convention = load()[0]
    (row,) = as_json([convention], {convention.name: {"pytorch": Answer("pytorch", "2", 1e-5, 1e-5)}})
    assert row["answers"][0]["code"] == "nn.BatchNorm2d(1).eps"
    assert row["answers"][0]["changed"] is False


@pytest.mark.parametrize(
    ("value", "shown"), [(1.2345678, "1.2346"), ([1.0, "nan"], "[1, nan]"), (None, "no answer"), (True, "True")]
)
def test_a_value_is_written_as_a_person_would(value: object, shown: str) -> None:
    assert text(value) == shown
