"""What each distribution promises of its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from suite.workloads.distributions import (
    DRAWS,
    Apart,
    Classes,
    Distinct,
    Draw,
    Integers,
    Labels,
    Levels,
    Mask,
    Normal,
    Probabilities,
    Shifted,
    Signs,
    Uniform,
    Valid,
)

EXAMPLES: list[Draw] = [
    Normal(2.0),
    Shifted(5.0, 0.1),
    Uniform(-1.0, 3.0),
    Apart((0.0, 1.0)),
    Distinct(),
    Levels(3),
    Signs(),
    Probabilities(),
    Classes(7),
    Labels(3, ignored=1),
    Integers(2, 4),
    Mask(0.3),
    Valid(0.3),
]


def drawn(draw: Draw, shape: tuple[int, ...] = (40, 50)) -> np.ndarray:
    return draw(np.random.default_rng(0), shape)


def test_each_has_an_example() -> None:
    assert {type(draw) for draw in EXAMPLES} == set(DRAWS)


@pytest.mark.parametrize("draw", EXAMPLES, ids=repr)
def test_each_draws_the_shape_and_the_kind_that_it_says(draw: Draw) -> None:
    types = {"float": np.float64, "int": np.int64, "bool": np.bool_}
    for shape in [(40, 50), (3,), (1, 1)]:
        assert drawn(draw, shape).shape == shape
        assert drawn(draw, shape).dtype == types[draw.kind]


def test_uniform_numbers_fill_their_interval() -> None:
    values = drawn(Uniform(-1.0, 3.0))
    assert -1 <= values.min() < -0.9
    assert 2.9 < values.max() <= 3


def test_numbers_apart_keep_their_distance_and_both_sides() -> None:
    values = drawn(Apart((0.0, 1.0), distance=0.05))
    for point in (0.0, 1.0):
        assert np.abs(values - point).min() >= 0.05
        assert 0.05 < (values > point).mean() < 0.95


def test_distinct_numbers_are_apart_and_in_no_order() -> None:
    values = drawn(Distinct(2.0)).ravel()
    assert np.diff(np.sort(values)).min() > 2 / values.size
    assert np.abs(values).max() < 2
    assert np.abs(np.corrcoef(values, np.arange(values.size))[0, 1]) < 0.1


def test_levels_signs_and_classes_take_their_values_only() -> None:
    assert set(np.unique(drawn(Levels(3)))) == {0.0, 1.0, 2.0}
    assert set(np.unique(drawn(Signs()))) == {-1.0, 1.0}
    assert set(np.unique(drawn(Classes(7)))) == set(range(7))
    assert set(np.unique(drawn(Integers(2, 4)))) == {2, 3, 4}


def test_not_all_labels_are_ignored() -> None:
    for ignored in range(3):
        assert set(np.unique(drawn(Labels(3, ignored)))) == {0, 1, 2}
        assert all(Labels(3, ignored)(np.random.default_rng(seed), (1,)) != ignored for seed in range(20))


def test_probabilities_sum_to_one_along_the_last_axis() -> None:
    values = drawn(Probabilities())
    assert np.all(values > 0)
    assert values.sum(axis=-1) == pytest.approx(np.ones(40))


def test_a_mask_is_true_as_often_as_asked() -> None:
    assert drawn(Mask(0.3)).mean() == pytest.approx(0.3, abs=0.05)


def test_of_what_is_valid_the_first_two_always_are() -> None:
    assert drawn(Valid(0.3)).mean() == pytest.approx(0.3, abs=0.05)
    assert drawn(Valid(0.0), (3, 2)).tolist() == [[True, True], [False, False], [False, False]]
