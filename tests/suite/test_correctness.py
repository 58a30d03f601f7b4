from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from suite.correctness import (
    FLOAT64_AGREEMENT,
    SAFETY,
    TRAJECTORY_AGREEMENT,
    check_norms,
    check_trajectory,
    check_value,
    kinked_tolerance,
    main_check,
    norm_tolerance,
    reason,
    roundoff,
    scales,
)
from suite.records import Check
from suite.workloads import WORKLOADS

LINEAR = WORKLOADS["linear"]
ATTENTION = WORKLOADS["attention"]
PROBLEM = LINEAR.problem("small", batch=60, in_features=1000, out_features=80)
Arrays = dict[str, np.ndarray]


def product(a: np.ndarray, b: np.ndarray) -> tuple[Arrays, Arrays, Arrays]:
    """a·b in float32, in float64 on the same numbers, and |a||b|."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    wide_a, wide_b = a.astype(float), b.astype(float)
    return {"y": a @ b}, {"y": wide_a @ wide_b}, {"y": np.abs(wide_a) @ np.abs(wide_b)}


@pytest.fixture
def matmul() -> tuple[Arrays, Arrays, Arrays]:
    rng = np.random.default_rng(0)
    return product(rng.standard_normal((60, 1000)), rng.standard_normal((1000, 80)))


def value(results: Arrays, reference: Arrays, bound: Arrays | None, precision: str = "float32") -> Check:
    return check_value(LINEAR, PROBLEM, precision, results, reference, bound)


def test_a_correct_float32_product_passes_though_cancellation_spoils_single_entries(
    matmul: tuple[Arrays, Arrays, Arrays],
) -> None:
    results, reference, bound = matmul
    assert not np.allclose(results["y"], reference["y"], rtol=1e-5, atol=0), "a plain comparison fails this product"
    assert value(results, reference, bound).passed


def test_a_product_whose_terms_cancel_entirely_passes() -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal((10, 500))
    b = rng.standard_normal((500, 10))
    results, reference, bound = product(np.hstack([a, -a]), np.vstack([b, b]))
    assert np.abs(reference["y"]).max() < 1e-10
    assert value(results, reference, bound).passed


def test_a_correct_float32_convolution_passes() -> None:
    rng = np.random.default_rng(2)
    x, weight = (rng.standard_normal(shape).astype(np.float32) for shape in [(16, 24, 24), (16, 5, 5)])
    wide_x, wide_weight = x.astype(float), weight.astype(float)

    def convolution(images: np.ndarray, kernels: np.ndarray) -> np.ndarray:
        return sum(signal.correlate(a, b, "valid", method="direct") for a, b in zip(images, kernels, strict=True))

    check = value(
        {"y": convolution(x, weight)},
        {"y": convolution(wide_x, wide_weight)},
        {"y": convolution(np.abs(wide_x), np.abs(wide_weight))},
    )
    assert check.passed
    assert check.error is not None
    assert check.error > 0


@pytest.mark.parametrize("relative", [1e-3, -1e-3])
def test_a_fault_of_a_thousandth_fails(matmul: tuple[Arrays, Arrays, Arrays], relative: float) -> None:
    results, reference, bound = matmul
    check = value({"y": results["y"] * np.float32(1 + relative)}, reference, bound)
    assert not check.passed


def test_a_single_entry_off_by_a_thousandth_fails_and_is_named(matmul: tuple[Arrays, Arrays, Arrays]) -> None:
    results, reference, bound = matmul
    row, column = np.unravel_index(np.argmax(np.abs(reference["y"])), reference["y"].shape)
    results["y"][row, column] *= np.float32(1.001)
    check = value(results, reference, bound)
    assert not check.passed
    assert check.detail == f"y[{row}, {column}]"


def test_a_transposed_weight_fails() -> None:
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((6, 8)), rng.standard_normal((8, 8))
    _, reference, bound = product(x, weight)
    results, _, _ = product(x, weight.T)
    assert not value(results, reference, bound).passed


def test_float16_numbers_inside_a_float32_product_fail() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((60, 1000)), rng.standard_normal((1000, 80))
    _, reference, bound = product(a, b)
    results, _, _ = product(a.astype(np.float16), b)
    assert not value(results, reference, bound).passed


@pytest.mark.parametrize("bounded", [True, False])
def test_float32_hidden_in_a_float64_path_fails(matmul: tuple[Arrays, Arrays, Arrays], bounded: bool) -> None:
    hidden, reference, bound = matmul
    disguised = {"y": hidden["y"].astype(float)}
    check = value(disguised, reference, bound if bounded else None, "float64")
    assert not check.passed
    assert value(reference, reference, bound if bounded else None, "float64").passed


@pytest.mark.parametrize("rounded", ["one argument", "the result"])
def test_a_single_rounding_to_float32_in_a_float64_path_fails(rounded: str) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((60, 1000)), rng.standard_normal((1000, 80))
    if rounded == "the result":
        y = (a @ b).astype(np.float32).astype(float)
    else:
        y = a.astype(np.float32).astype(float) @ b
    assert not value({"y": y}, {"y": a @ b}, {"y": np.abs(a) @ np.abs(b)}, "float64").passed
    assert not check_norms("gradient.oracle", {"y": y}, {"y": a @ b}, FLOAT64_AGREEMENT).passed


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("everywhere", [True, False])
def test_nan_and_infinity_never_pass(
    matmul: tuple[Arrays, Arrays, Arrays], wrong: float, bounded: bool, everywhere: bool
) -> None:
    results, reference, bound = matmul
    results["y"][... if everywhere else (3, 4)] = wrong
    check = value(results, reference, bound if bounded else None)
    assert not check.passed
    assert check.error is None
    assert check.detail.startswith("not a finite number in y")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_nan_and_infinity_do_not_pass_even_where_the_reference_has_them(wrong: float) -> None:
    array = np.array([1.0, wrong])
    assert not check_norms("value", {"y": array}, {"y": array}, 1.0).passed
    assert not value({"y": array}, {"y": array}, {"y": np.abs(array)}).passed


@pytest.mark.parametrize("wrong", ["first", "second"])
def test_nan_is_not_forgotten_when_another_tensor_is_right(wrong: str) -> None:
    reference = {"first": np.ones(4), "second": np.ones(4)}
    results = {**reference, wrong: np.array([1, np.nan, 1, 1])}
    check = check_norms("gradient", results, reference, 1e-6)
    assert not check.passed
    assert check.detail.endswith(wrong)
    check = value(results, reference, reference)
    assert not check.passed
    assert check.detail.endswith(f"{wrong}[1]")


def test_nan_is_found_before_a_merely_wrong_entry() -> None:
    results = {"y": np.array([1.0, 5.0, np.nan, 9.0])}
    assert value(results, {"y": np.ones(4)}, {"y": np.ones(4)}).detail == "not a finite number in y[2]"


@pytest.mark.parametrize("bounded", [True, False])
def test_a_wrong_shape_fails_though_it_would_broadcast(bounded: bool) -> None:
    reference = {"y": np.ones((3, 4))}
    for shape in [(1, 4), (4, 3), (3, 4, 1), (12,), ()]:
        check = value({"y": np.ones(shape)}, reference, reference if bounded else None)
        assert not check.passed
        assert check.error is None
        assert check.detail == f"y has shape {shape}, not (3, 4)"


@pytest.mark.parametrize("bounded", [True, False])
def test_a_missing_tensor_fails(bounded: bool) -> None:
    reference = {"y": np.ones(3), "z": np.ones(3)}
    check = value({"y": np.ones(3)}, reference, reference if bounded else None)
    assert not check.passed
    assert check.detail == "z is missing"


def test_a_reference_of_zeros_must_be_met_exactly() -> None:
    zeros = {"y": np.zeros((2, 3))}
    assert check_norms("gradient", zeros, zeros, 1e-6).passed
    assert not check_norms("gradient", {"y": np.full((2, 3), 1e-30)}, zeros, 1e-6).passed


def test_an_entry_whose_every_term_is_zero_must_be_met_exactly() -> None:
    reference, bound = {"y": np.array([0.0, 1.0])}, {"y": np.array([0.0, 1.0])}
    assert value({"y": np.array([0.0, 1.0])}, reference, bound).passed
    check = value({"y": np.array([1e-30, 1.0])}, reference, bound)
    assert not check.passed
    assert check.detail.endswith("y[0]")


def test_scalars_are_compared_too() -> None:
    assert check_norms("value", {"loss": np.array(2.0)}, {"loss": np.array(2.0)}, 1e-12).passed
    assert not check_norms("value", {"loss": np.array(2.1)}, {"loss": np.array(2.0)}, 1e-3).passed
    assert value({"y": np.array(2.0)}, {"y": np.array(2.0)}, {"y": np.array(2.0)}).passed


def test_the_worst_tensor_is_reported_with_its_relative_error() -> None:
    reference = {"a": np.array([3.0, 4.0]), "b": np.array([30.0, 40.0]), "c": np.array([1.0])}
    results = {"a": np.array([3.0, 4.5]), "b": np.array([30.0, 41.0]), "c": np.array([1.0])}
    check = check_norms("gradient", results, reference, 1e-3)
    assert check.error == pytest.approx(0.5 / 5)
    assert (check.name, check.tolerance, check.passed, check.detail) == ("gradient", 1e-3, False, "a")


def test_an_error_as_large_as_the_tolerance_passes_and_a_larger_one_does_not() -> None:
    reference = {"y": np.array([1.0])}
    assert check_norms("value", {"y": np.array([1.5])}, reference, 0.5).passed
    assert not check_norms("value", {"y": np.array([1.5000001])}, reference, 0.5).passed


def test_a_result_that_the_definition_does_not_name_is_not_looked_at() -> None:
    assert check_norms("value", {"y": np.ones(2), "more": np.full(2, np.nan)}, {"y": np.ones(2)}, 1e-9).passed


@pytest.mark.parametrize(
    ("precision", "spacing"), [("float64", 2**-52), ("float32", 2**-23), ("bfloat16", 2**-7), ("float16", 2**-10)]
)
def test_eight_rounding_errors_of_the_bound_are_allowed(precision: str, spacing: float) -> None:
    reference, bound = {"y": np.array([0.0])}, {"y": np.array([10.0])}
    unit = spacing / 2 + 2**-53
    assert value({"y": np.array([7.99 * unit * 10])}, reference, bound, precision).passed
    assert not value({"y": np.array([8.01 * unit * 10])}, reference, bound, precision).passed


def test_the_tolerance_of_a_norm_grows_with_the_root_of_the_reduction() -> None:
    unit = 2.0**-24
    assert norm_tolerance("float32", 1) == pytest.approx(SAFETY * 2 * unit)
    assert norm_tolerance("float32", 10000) == pytest.approx(SAFETY * 101 * unit)
    assert norm_tolerance("float64", 1) == pytest.approx(SAFETY * 3 * 2.0**-53)


def test_narrow_types_are_allowed_their_own_rounding_once_and_that_of_a_float32_sum() -> None:
    assert norm_tolerance("bfloat16", 10000) == pytest.approx(SAFETY * (2.0**-8 + 100 * 2.0**-24), rel=1e-6)


def test_without_a_bound_the_tolerance_follows_from_the_longest_sum() -> None:
    problem = ATTENTION.problem("tiny", seq=100, head_dim=4)
    reference = {"y": np.ones(3)}
    check = check_value(ATTENTION, problem, "float32", reference, reference, None)
    assert check.tolerance == norm_tolerance("float32", 100)
    assert check.passed


def test_the_roundoff_counts_that_of_the_reference() -> None:
    assert roundoff("float64") == 2.0**-52
    assert roundoff("tf32") == 2.0**-11 + 2.0**-53


def test_the_same_losses_pass() -> None:
    assert check_trajectory([2.0, 1.5, 1.2], [2.0, 1.5, 1.2 * (1 + 1e-12)]).passed


def test_losses_that_part_fail_and_the_step_is_named() -> None:
    check = check_trajectory([2.0, 1.5, 1.2, 1.1], [2.0, 1.5, 1.2001, 1.1001])
    assert not check.passed
    assert check.detail == "step 4 of 4", "where they lie furthest apart"
    assert check.error == pytest.approx(0.0001 / 1.1001)
    assert check.tolerance == TRAJECTORY_AGREEMENT


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_loss_that_is_no_number_fails_at_any_step(wrong: float, step: int) -> None:
    losses = [2.0, 1.5, 1.2]
    losses[step] = wrong
    check = check_trajectory(losses, [2.0, 1.5, 1.2])
    assert not check.passed
    assert check.detail == f"not a finite number in step {step + 1} of 3"


def test_a_trajectory_that_ends_early_fails() -> None:
    check = check_trajectory([2.0, 1.5], [2.0, 1.5, 1.2])
    assert not check.passed
    assert check.detail == "2 losses, not 3"


def test_a_second_derivative_that_vanishes_is_held_against_the_gradient() -> None:
    reference = {"x": np.full(4, 3.0), "tangent.x": np.zeros(4)}
    assert scales("hvp", "float64", reference)["tangent.x"] == 6.0
    rounding = {"x": reference["x"], "tangent.x": np.full(4, 1e-16)}
    assert not check_norms("hvp", rounding, reference, 1e-12).passed
    assert check_norms("hvp", rounding, reference, 1e-12, scales("hvp", "float64", reference)).passed
    wrong = {"x": reference["x"], "tangent.x": np.full(4, 1e-9)}
    assert not check_norms("hvp", wrong, reference, 1e-12, scales("hvp", "float64", reference)).passed


def test_a_models_gradient_that_vanishes_is_held_against_the_others() -> None:
    reference = {"weight": np.full(30, 2.0), "bias": np.zeros(10), "mean": np.zeros(4)}
    found = scales("gradient", "float64", reference, parameters=("weight", "bias"))
    assert found["bias"] == pytest.approx(np.sqrt(30 * 4 / 40) * np.sqrt(10))
    assert found["mean"] < 1e-300
    rounding = {**reference, "bias": np.full(10, 1e-16)}
    assert not check_norms("gradient", rounding, reference, 1e-12, scales("gradient", "float64", reference)).passed
    assert check_norms("gradient", rounding, reference, 1e-12, found).passed
    assert not check_norms("gradient", {**reference, "bias": np.full(10, 1e-11)}, reference, 1e-12, found).passed
    assert not check_norms("gradient", {**reference, "mean": np.full(4, 1e-16)}, reference, 1e-12, found).passed


def test_no_other_tasks_tangents_are_held_against_anything_else() -> None:
    assert scales("jvp", "float64", {"y": np.ones(2), "tangent.y": np.zeros(2)})["tangent.y"] < 1e-300


@pytest.mark.parametrize(("precision", "passed"), [("float16", True), ("float32", False), ("bfloat16", False)])
def test_what_underflows_is_no_error_of_the_framework(precision: str, passed: bool) -> None:
    reference, zeros = {"y": np.full(9, 1e-11)}, {"y": np.zeros(9)}
    assert check_norms("value", zeros, reference, 1e-3, scales("forward", precision, reference)).passed is passed


def test_every_task_has_one_check_of_its_results_in_the_timed_precision() -> None:
    assert [main_check(task) for task in ("forward", "gradient", "train_step", "jvp")] == [
        "value",
        "gradient",
        "parameters",
        "jvp",
    ]


def test_the_reason_is_that_of_the_first_check_that_failed() -> None:
    good = Check("value", 1e-8, 1e-6, True)
    bad = Check("gradient", 0.02345, 1e-6, False, "weight[3, 1]")
    worse = Check("gradient.oracle", None, 1e-12, False, "not a finite number in bias")
    assert reason([good, bad, worse]) == "gradient is off by 0.023, more than 1e-06 (weight[3, 1])"
    assert reason([good, worse, bad]) == "gradient.oracle: not a finite number in bias"
    assert reason([Check("value", 0.5, 0.1, False)]) == "value is off by 0.5, more than 0.1"


def test_without_a_failure_there_is_no_reason() -> None:
    assert reason([]) == ""
    assert reason([Check("value", 1e-8, 1e-6, True)]) == ""


@pytest.mark.parametrize("rounding", [1e-5, 1e-4, 1e-3])
def test_where_rounding_decides_which_gates_open_a_gradient_is_off_by_no_more_than_its_root(rounding: float) -> None:
    rng = np.random.default_rng(0)
    before, arriving = rng.standard_normal((2, 4_000_000))
    exact = np.where(before > 0, arriving, 0.0)
    rounded = np.where(before * (1 + rounding) + rounding * rng.standard_normal(before.shape) > 0, arriving, 0.0)
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert rounding < error <= kinked_tolerance(rounding)
