from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.workloads import WORKLOADS
from suite.workloads.draw import checksum, draw, round_to

LINEAR = WORKLOADS["linear"]
MLP = WORKLOADS["mlp"]
TINY = LINEAR.problem("tiny")
NORMAL_FLOATS = st.floats(1e-30, 1e30) | st.floats(-1e30, -1e-30)


def test_the_numbers_of_a_case_never_change() -> None:
    """A change here makes every earlier run incomparable."""
    assert checksum(draw(LINEAR, TINY, seed=0)) == "2c6a357f1f82e77fa3ee2f4358fe39f95600e1973fc6b8aa3bfed565ff1dcf99"


def test_a_case_draws_the_same_numbers_again() -> None:
    assert checksum(draw(MLP, MLP.problem("tiny"), 3)) == checksum(draw(MLP, MLP.problem("tiny"), 3))


def test_seed_problem_and_attempt_each_change_every_number() -> None:
    first = draw(LINEAR, TINY, seed=0)
    others = [
        draw(LINEAR, TINY, seed=1),
        draw(LINEAR, TINY, seed=0, attempt=1),
        draw(LINEAR, TINY, seed=0, attempt=2),
    ]
    for a, b in combinations([first, *others], 2):
        assert not any(np.any(a[name] == b[name]) for name in a)
    wider = draw(LINEAR, LINEAR.problem("tiny", batch=4), seed=0)
    assert not np.any(wider["weight"] == first["weight"])


def test_the_first_attempt_is_the_plain_draw() -> None:
    assert checksum(draw(LINEAR, TINY, 5, attempt=0)) == checksum(draw(LINEAR, TINY, 5))


def test_tensors_of_one_shape_get_different_numbers() -> None:
    attention = WORKLOADS["attention"]
    drawn = draw(attention, attention.problem("tiny"), seed=0)
    for a, b in combinations(drawn.values(), 2):
        assert not np.any(a == b)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_tensor_comes_in_its_shape_and_type(name: str) -> None:
    workload = WORKLOADS[name]
    problem = workload.problem("tiny")
    drawn = draw(workload, problem, seed=0)
    for tensor_name, tensor in workload.tensors(problem).items():
        assert drawn[tensor_name].shape == tensor.shape
        types = {"float": np.float64, "int": np.int64, "bool": np.bool_}
        assert drawn[tensor_name].dtype == types[tensor.draw.kind]


def test_an_output_that_is_no_scalar_and_has_no_loss_gets_a_cotangent() -> None:
    assert draw(LINEAR, TINY, 0)["cotangent.y"].shape == (3, 4)


def test_tangents_are_drawn_where_asked_for_and_change_nothing_else() -> None:
    plain, drawn = draw(LINEAR, TINY, 0), draw(LINEAR, TINY, 0, tangents=True)
    assert set(drawn) - set(plain) == {"tangent.x", "tangent.weight", "tangent.bias"}
    assert all(np.array_equal(plain[name], drawn[name]) for name in plain)
    assert drawn["tangent.weight"].shape == plain["weight"].shape


def test_a_tangent_has_entries_of_size_1_whatever_its_tensor_has() -> None:
    problem = LINEAR.problem("tiny", in_features=500, out_features=400)
    assert draw(LINEAR, problem, 0, tangents=True)["tangent.weight"].std() == pytest.approx(1, abs=0.01)


def test_class_numbers_have_no_tangent() -> None:
    assert "tangent.labels" not in draw(MLP, MLP.problem("tiny"), 0, tangents=True)


def test_a_loss_needs_no_cotangent() -> None:
    entropy = WORKLOADS["softmax_cross_entropy"]
    assert list(draw(entropy, entropy.problem("tiny"), 0)) == ["logits", "labels"]
    assert not any("cotangent" in name for name in draw(MLP, MLP.problem("tiny"), 0))


def test_labels_are_drawn_among_the_classes_of_the_problem() -> None:
    drawn = draw(MLP, MLP.problem("tiny", batch=500), 0)["labels"]
    assert set(drawn.tolist()) == {0, 1, 2}


def test_rounding_picks_the_type_of_the_precision() -> None:
    array = np.array([1 / 3, -2.5])
    types = {precision: round_to(array, precision).dtype for precision in ("float64", "float32", "float16")}
    assert types == {"float64": np.float64, "float32": np.float32, "float16": np.float16}
    assert round_to(array, "tf32").dtype == round_to(array, "bfloat16").dtype == np.float32
    assert round_to(array, "float64") is array


@pytest.mark.parametrize("precision", ["float64", "float32", "tf32", "bfloat16", "float16"])
def test_class_numbers_are_not_rounded(precision: str) -> None:
    labels = np.array([50256, 257, 3])
    assert round_to(labels, precision).dtype == np.int64
    assert round_to(labels, precision).tolist() == [50256, 257, 3]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (1.0, 1.0),
        (1 + 2**-7, 1 + 2**-7),
        (1 + 2**-9, 1.0),
        (1 + 3 * 2**-9, 1 + 2**-7),
        (1 + 2**-8, 1.0),
        (1 + 3 * 2**-8, 1 + 2**-6),
        (-1 - 3 * 2**-8, -1 - 2**-6),
        (2 - 2**-9, 2.0),
        (0.0, 0.0),
        (1 + 2**-8 + 2**-40, 1 + 2**-7),
    ],
)
def test_bfloat16_keeps_eight_bits_and_rounds_half_to_even(value: float, rounded: float) -> None:
    assert round_to(np.array([value]), "bfloat16").tolist() == [rounded]


@given(st.lists(NORMAL_FLOATS, min_size=1, max_size=20))
def test_no_bfloat16_number_is_nearer_than_the_one_rounded_to(values: list[float]) -> None:
    array = np.array(values)
    rounded = round_to(array, "bfloat16")
    assert np.all(rounded.view(np.uint32) & 0xFFFF == 0)
    neighbours = [(rounded.view(np.uint32) + np.uint32(step)).view(np.float32) for step in (0x10000, -0x10000 % 2**32)]
    for neighbour in neighbours:
        assert np.all(np.abs(rounded.astype(float) - array) <= np.abs(neighbour.astype(float) - array))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_rounding_twice_changes_nothing_more(precision: str) -> None:
    once = round_to(draw(LINEAR, TINY, 0)["x"], precision)
    assert np.array_equal(round_to(once.astype(np.float64), precision), once)


@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_rounding_keeps_the_shape(precision: str, shape: tuple[int, ...]) -> None:
    rounded = round_to(np.full(shape, 0.1), precision)
    assert isinstance(rounded, np.ndarray)
    assert rounded.shape == shape


def test_a_transposed_array_is_rounded_in_place_of_its_entries() -> None:
    array = np.arange(12.0).reshape(3, 4).T + 0.1
    assert round_to(array, "bfloat16") == pytest.approx(array, rel=2**-8)


def test_the_checksum_sees_one_bit_of_one_number() -> None:
    arrays = draw(LINEAR, TINY, 0)
    changed = {name: array.copy() for name, array in arrays.items()}
    changed["weight"][1, 2] = np.nextafter(changed["weight"][1, 2], 2)
    assert checksum(changed) != checksum(arrays)


def test_the_checksum_sees_names_shapes_and_types() -> None:
    array = np.zeros((2, 3))
    texts = [
        checksum({"x": array}),
        checksum({"y": array}),
        checksum({"x": array.reshape(3, 2)}),
        checksum({"x": array.view(np.int64)}),
        checksum({"x": array, "y": array}),
    ]
    assert len(set(texts)) == len(texts)


def test_the_checksum_does_not_see_the_memory_layout() -> None:
    array = np.arange(12.0).reshape(3, 4)
    assert checksum({"x": np.asfortranarray(array)}) == checksum({"x": array})
