from __future__ import annotations

import numpy as np
import pytest

from suite.errors import UsageError
from suite.lessons import LESSONS, PARTS, Lesson, lessons

EACH = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.model for lesson in LESSONS])


@EACH
def test_a_lessons_data_are_what_its_model_takes(lesson: Lesson) -> None:
    tensors = lesson.workload.tensors(lesson.parameters)
    expected = {name: tensor for name, tensor in tensors.items() if tensor.role in ("input", "target")}
    batch = lesson.parameters.get("batch", 1)
    for part, examples in lesson.parts().items():
        assert set(examples) == set(expected), part
        for name, array in examples.items():
            assert array[:batch].size == expected[name].size, (part, name)
            assert (array.dtype.kind == "f") is expected[name].floating


@EACH
def test_no_example_is_in_two_parts_and_the_larger_part_is_for_training(lesson: Lesson) -> None:
    parts = lesson.parts()
    assert tuple(parts) == PARTS
    sizes = [len(next(iter(examples.values()))) for examples in parts.values()]
    assert sizes[0] > 2 * sizes[1] >= sizes[2] > 0
    whole = lesson.make(lesson.parameters)
    assert sum(sizes) == len(next(iter(whole.values())))


@EACH
def test_the_same_data_come_every_time(lesson: Lesson) -> None:
    first, again = lesson.parts(), lesson.parts()
    for part in PARTS:
        for name, array in first[part].items():
            np.testing.assert_array_equal(array, again[part][name])


def test_every_class_can_be_learned() -> None:
    for lesson in LESSONS:
        train = lesson.parts()["train"]
        if "labels" in train and "classes" in lesson.parameters:
            assert set(np.unique(train["labels"])) == set(range(lesson.parameters.classes)), lesson.model


def test_a_copy_is_of_the_source_and_each_input_the_token_before() -> None:
    (lesson,) = lessons(["seq2seq_attention"])
    train = lesson.parts()["train"]
    np.testing.assert_array_equal(train["labels"], train["source"])
    np.testing.assert_array_equal(train["target"][:, 1:], train["labels"][:, :-1])
    assert not train["target"][:, 0].any()


def test_a_letter_is_followed_by_that_of_the_text() -> None:
    (lesson,) = lessons(["gpt2"])
    train = lesson.parts()["train"]
    np.testing.assert_array_equal(train["ids"][:, 1:], train["labels"][:, :-1])


def test_graphs_are_symmetric_with_loops() -> None:
    (lesson,) = lessons(["gcn"])
    adjacency = lesson.parts()["train"]["adjacency"]
    np.testing.assert_allclose(adjacency, adjacency.transpose(0, 2, 1))
    assert (np.diagonal(adjacency, axis1=1, axis2=2) > 0).all()


def test_a_model_without_a_lesson_is_refused() -> None:
    with pytest.raises(UsageError, match="lesson"):
        lessons(["lenet"])
    assert [lesson.model for lesson in lessons(["gcn", "gcn"])] == ["gcn"]
    assert len(lessons([])) == len(LESSONS)
