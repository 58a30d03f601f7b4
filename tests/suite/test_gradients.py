"""Functions whose gradient is known, with one fault planted at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from suite.gradients import (
    THRESHOLD,
    Array,
    Differences,
    Finding,
    ValueAndGradient,
    Values,
    check_adjoint,
    check_directions,
    check_elements,
    check_symmetry,
    random_direction,
)

NAMES = ["x", "weight", "bias"]


def a_point(seed: int = 0) -> Values:
    rng = np.random.default_rng(seed)
    return {"x": rng.standard_normal((3, 4)), "weight": rng.standard_normal((4, 4)), "bias": rng.standard_normal(4)}


def smooth(values: Values) -> tuple[float, Values]:
    """Σ sin(x · weight + bias)²"""
    before = values["x"] @ values["weight"] + values["bias"]
    dbefore = np.sin(2 * before)
    gradient = {"x": dbefore @ values["weight"].T, "weight": values["x"].T @ dbefore, "bias": dbefore.sum(axis=0)}
    return float((np.sin(before) ** 2).sum()), gradient


def relu_mlp(values: Values) -> tuple[float, Values]:
    """½ Σ max(0, x · weight + bias)²: continuous slope; plus Σ max(0, x · weight + bias): kinked."""
    before = values["x"] @ values["weight"] + values["bias"]
    hidden = np.maximum(before, 0)
    dbefore = (hidden + 1) * (before > 0)
    gradient = {"x": dbefore @ values["weight"].T, "weight": values["x"].T @ dbefore, "bias": dbefore.sum(axis=0)}
    return float((hidden**2 / 2 + hidden).sum()), gradient


FUNCTIONS = [pytest.param(smooth, True, id="smooth"), pytest.param(relu_mlp, False, id="relu_mlp")]


def faulty(function: ValueAndGradient, name: str, fault: Callable[[Array], Array]) -> ValueAndGradient:
    """`function` with `fault` done to its gradient with respect to `name`."""

    def changed(values: Values) -> tuple[float, Values]:
        loss, gradient = function(values)
        return loss, {**gradient, name: fault(gradient[name])}

    return changed


def with_entry(index: tuple[int, ...], change: Callable[[float], float]) -> Callable[[Array], Array]:
    def fault(gradient: Array) -> Array:
        changed = gradient.copy()
        changed[index] = change(changed[index])
        return changed

    return fault


def directions(function: ValueAndGradient, is_smooth: bool, point: Values | None = None, seed: int = 1) -> Finding:
    point = a_point() if point is None else point
    return check_directions(function, point, list(point), smooth=is_smooth, rng=np.random.default_rng(seed))


def elements(function: ValueAndGradient, is_smooth: bool, point: Values | None = None) -> tuple[Finding, list[str]]:
    point = a_point() if point is None else point
    return check_elements(function, point, list(point), smooth=is_smooth)


@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
def test_a_right_gradient_passes_wherever_it_is_checked(function: ValueAndGradient, is_smooth: bool) -> None:
    for seed in range(25):
        point = a_point(seed)
        assert directions(function, is_smooth, point, seed).passed
        finding, kinks = elements(function, is_smooth, point)
        assert finding.passed
        assert kinks == []


@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda g: 1.01 * g, id="one percent"),
        pytest.param(lambda g: 1.0001 * g, id="a ten-thousandth"),
        pytest.param(lambda g: (1 + 1e-7) * g, id="a ten-millionth"),
        pytest.param(lambda g: -g, id="sign"),
        pytest.param(lambda g: g.T.copy(), id="transposed"),
        pytest.param(lambda g: np.roll(g, 1, axis=0), id="shifted"),
        pytest.param(lambda g: g + 1e-6, id="offset"),
        pytest.param(lambda g: g / 3, id="mean for sum"),
        pytest.param(lambda g: np.zeros_like(g), id="zero"),
        pytest.param(lambda g: g.astype(np.float32).astype(float), id="rounded to float32"),
        pytest.param(lambda g: np.full_like(g, np.nan), id="NaN"),
        pytest.param(lambda g: np.full_like(g, np.inf), id="infinity"),
        pytest.param(with_entry((3, 0), lambda entry: -entry), id="one sign"),
        pytest.param(with_entry((3, 0), lambda entry: 0.0), id="one zero"),
        pytest.param(with_entry((3, 0), lambda entry: np.nan), id="one NaN"),
    ],
)
def test_a_wrong_gradient_fails_and_its_tensor_is_named(
    function: ValueAndGradient, is_smooth: bool, fault: Callable[[Array], Array]
) -> None:
    wrong = faulty(function, "weight", fault)
    finding = directions(wrong, is_smooth)
    assert not finding.passed
    assert finding.where.startswith("weight")
    finding, _ = elements(wrong, is_smooth)
    assert not finding.passed
    assert finding.where.startswith("weight")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
def test_nan_is_not_forgotten_when_a_later_tensor_is_right(
    function: ValueAndGradient, is_smooth: bool, name: str
) -> None:
    wrong = faulty(function, name, with_entry((0,), lambda entry: np.nan))
    finding = directions(wrong, is_smooth)
    assert finding.nan
    assert not finding.passed
    finding, _ = elements(wrong, is_smooth)
    assert finding.nan
    assert not finding.passed


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
def test_over_every_element_the_one_that_is_no_number_is_named(
    function: ValueAndGradient, is_smooth: bool, wrong: float
) -> None:
    finding, _ = elements(faulty(function, "weight", with_entry((3, 0), lambda entry: wrong)), is_smooth)
    assert finding.where == "weight[3, 0]"


def test_a_loss_that_is_no_number_fails() -> None:
    finding = directions(lambda values: (np.nan, smooth(values)[1]), True)
    assert not finding.passed


@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
@pytest.mark.parametrize("index", [(0, 0), (1, 2), (3, 3)])
def test_one_wrong_entry_is_narrowed_down_to_its_index(
    function: ValueAndGradient, is_smooth: bool, index: tuple[int, int]
) -> None:
    wrong = faulty(function, "weight", with_entry(index, lambda entry: entry + 0.01))
    assert directions(wrong, is_smooth).where == f"weight[{index[0]}, {index[1]}]"
    assert elements(wrong, is_smooth)[0].where == f"weight[{index[0]}, {index[1]}]"


def test_one_flipped_sign_in_a_million_entries_is_caught_and_found() -> None:
    rng = np.random.default_rng(5)
    point = {"bias": rng.standard_normal(3), "weight": rng.standard_normal((1000, 1000))}
    index = (617, 283)

    def function(values: Values) -> tuple[float, Values]:
        """½ Σ weight² + Σ bias"""
        flat = values["weight"].ravel()
        gradient = values["weight"].copy()
        gradient[index] *= -1
        return float(flat @ flat / 2 + values["bias"].sum()), {"bias": np.ones(3), "weight": gradient}

    finding = check_directions(function, point, ["bias", "weight"], smooth=True, rng=np.random.default_rng(1))
    assert not finding.passed
    assert finding.where == "weight[617, 283]"


def test_a_million_right_entries_pass() -> None:
    point = {"weight": np.random.default_rng(5).standard_normal((1000, 1000))}

    def function(values: Values) -> tuple[float, Values]:
        flat = values["weight"].ravel()
        return float(flat @ flat / 2), {"weight": values["weight"]}

    assert directions(function, True, point).passed


def test_a_scalar_is_narrowed_down_without_an_index() -> None:
    point = {"scale": np.array(1.5), "x": np.array([1.0, 2.0])}

    def function(values: Values) -> tuple[float, Values]:
        """scale² Σ x, with a wrong derivative of scale"""
        scale, x = float(values["scale"]), values["x"]
        return scale**2 * x.sum(), {"scale": np.array(scale * x.sum()), "x": np.full(2, scale**2)}

    assert directions(function, True, point).where == "scale[]"
    assert elements(function, True, point)[0].where == "scale[]"


def test_an_argument_that_the_function_ignores_has_gradient_zero() -> None:
    def function(values: Values) -> tuple[float, Values]:
        loss, gradient = smooth(values)
        return loss, {**gradient, "unused": np.zeros(3)}

    point = {**a_point(), "unused": np.ones(3)}
    assert directions(function, True, point).passed
    assert elements(function, True, point)[0].passed


@pytest.mark.parametrize("sharpness", [1.0, 5.0, 25.0])
def test_a_function_that_bends_sharply_is_met_with_smaller_steps(sharpness: float) -> None:
    def function(values: Values) -> tuple[float, Values]:
        """Σ tanh(sharpness · x)"""
        tanh = np.tanh(sharpness * values["x"])
        return float(tanh.sum()), {"x": sharpness * (1 - tanh**2)}

    point = {"x": np.linspace(-1, 1, 9)}
    assert directions(function, True, point).passed
    assert elements(function, True, point)[0].passed
    wrong = faulty(function, "x", with_entry((5,), lambda entry: entry * 1.0001))
    assert directions(wrong, True, point).where == "x[5]"
    assert elements(wrong, True, point)[0].where == "x[5]"


@pytest.mark.parametrize(("function", "is_smooth"), FUNCTIONS)
def test_a_gradient_too_small_to_show_in_the_loss_passes(function: ValueAndGradient, is_smooth: bool) -> None:
    """What rounding leaves of the differences of a large loss is no fault of the gradient."""

    def lifted(values: Values) -> tuple[float, Values]:
        loss, gradient = function(values)
        return 1e6 + loss, gradient

    assert directions(lifted, is_smooth).passed
    assert elements(lifted, is_smooth)[0].passed
    wrong = faulty(lifted, "weight", lambda g: 1.01 * g)
    assert not directions(wrong, is_smooth).passed
    assert not elements(wrong, is_smooth)[0].passed


def test_rounding_noise_is_no_derivative_of_an_argument_without_effect() -> None:
    def function(values: Values) -> tuple[float, Values]:
        """Softmax does not see what is added to every entry alike, but its rounding does."""
        shifted = values["x"] + values["shift"]
        weights = np.exp(shifted) / np.exp(shifted).sum()
        cotangent = np.arange(5.0)
        loss = weights @ cotangent
        return float(loss), {"x": weights * (cotangent - loss), "shift": np.array(0.0)}

    point = {"x": np.array([0.3, -1.2, 0.7, 1.1, -0.4]), "shift": np.array(0.1)}
    assert directions(function, True, point).passed
    assert elements(function, True, point)[0].passed


def test_a_function_that_rounds_to_float32_inside_fails() -> None:
    def half_precise(values: Values) -> tuple[float, Values]:
        before = (values["x"] @ values["weight"] + values["bias"]).astype(np.float32)
        return float((np.sin(before.astype(float)) ** 2).sum()), smooth(values)[1]

    assert not directions(half_precise, True).passed
    assert not elements(half_precise, True)[0].passed


def test_a_kinked_function_that_rounds_to_float32_inside_fails() -> None:
    def half_precise(values: Values) -> tuple[float, Values]:
        rounded = {name: array.astype(np.float32).astype(float) for name, array in values.items()}
        return relu_mlp(rounded)

    assert not directions(half_precise, False).passed
    assert not elements(half_precise, False)[0].passed


def absolute(slope_at_zero: float) -> ValueAndGradient:
    """Σ |x|, whose gradient at 0 is said to be `slope_at_zero`."""

    def function(values: Values) -> tuple[float, Values]:
        x = values["x"]
        return float(np.abs(x).sum()), {"x": np.where(x == 0, slope_at_zero, np.sign(x))}

    return function


def relu(slope_at_zero: float) -> ValueAndGradient:
    def function(values: Values) -> tuple[float, Values]:
        x = values["x"]
        return float(np.maximum(x, 0).sum()), {"x": np.where(x == 0, slope_at_zero, x > 0)}

    return function


def kink_at_entry_seven(offset: float = 0.0) -> Values:
    x = np.linspace(1.0, 2.0, 20) * np.where(np.arange(20) % 3, 1, -1)
    x[7] = offset
    return {"x": x}


@pytest.mark.parametrize(
    "function", [relu(0.0), relu(1.0), absolute(1.0), absolute(-1.0)], ids=["relu 0", "relu 1", "abs 1", "abs -1"]
)
def test_a_kink_at_the_point_is_reported_as_such_and_not_as_wrong(function: ValueAndGradient) -> None:
    finding, kinks = elements(function, False, kink_at_entry_seven())
    assert kinks == ["x[7]"]
    assert finding.passed


@pytest.mark.parametrize("function", [relu(0.0), relu(1.0)], ids=["0", "1"])
def test_along_directions_a_kink_at_the_point_is_named_and_no_entry_is_blamed(function: ValueAndGradient) -> None:
    finding = directions(function, False, kink_at_entry_seven())
    assert finding.where == "x: a kink along each of 8 directions"
    assert finding.nan


@pytest.mark.parametrize("offset", [1e-9, 1e-8 / 3, 4e-9, 7e-9, -9e-9])
def test_a_kink_within_the_smallest_step_is_reported_as_such(offset: float) -> None:
    finding, kinks = elements(absolute(0.0), False, kink_at_entry_seven(offset))
    assert kinks == ["x[7]"]
    assert finding.passed


@pytest.mark.parametrize("offset", [1e-5, 1e-4 / 3, 4e-5, 7e-5, -9e-5, 3e-7])
def test_a_kink_within_a_larger_step_is_kept_clear_of_by_a_smaller_one(offset: float) -> None:
    finding, kinks = elements(absolute(0.0), False, kink_at_entry_seven(offset))
    assert kinks == []
    assert finding.passed
    wrong = faulty(absolute(0.0), "x", with_entry((7,), lambda entry: entry + 0.01))
    finding, kinks = elements(wrong, False, kink_at_entry_seven(offset))
    assert kinks == []
    assert finding.where == "x[7]"
    assert not finding.passed


def layered(x: Values) -> tuple[float, Values]:
    """Of two tensors: the sum of max(0, a·b)."""
    product = x["a"] * x["b"]
    open_ = product > 0
    return float(np.maximum(product, 0).sum()), {"a": x["b"] * open_, "b": x["a"] * open_}


def two_tensors() -> Values:
    rng = np.random.default_rng(0)
    return {"a": rng.standard_normal(500), "b": rng.standard_normal(500)}


def test_a_models_tensors_are_moved_all_at_once() -> None:
    finding = check_directions(layered, two_tensors(), ["a", "b"], smooth=False, rng=np.random.default_rng(1), layers=3)
    assert finding.passed
    assert finding.error > 0
    assert finding.where == "all together"


def test_where_that_fails_the_entry_of_the_tensor_is_named() -> None:
    index = int(np.flatnonzero(layered(two_tensors())[1]["b"])[3])
    wrong = faulty(layered, "b", with_entry((index,), lambda entry: -entry))
    finding = check_directions(wrong, two_tensors(), ["a", "b"], smooth=False, rng=np.random.default_rng(1), layers=3)
    assert not finding.passed
    assert finding.where == f"b[{index}]"


def test_a_kink_beyond_the_step_does_not_matter() -> None:
    finding, kinks = elements(absolute(0.0), False, kink_at_entry_seven(2e-4))
    assert kinks == []
    assert finding.passed
    assert directions(absolute(0.0), False, kink_at_entry_seven(2e-4)).passed


def test_a_wrong_entry_beside_a_kink_is_still_wrong() -> None:
    wrong = faulty(relu(0.0), "x", with_entry((8,), lambda entry: entry + 0.01))
    finding, kinks = elements(wrong, False, kink_at_entry_seven())
    assert kinks == ["x[7]"]
    assert not finding.passed
    assert finding.where == "x[8]"


def test_a_function_with_kinks_everywhere_has_no_gradient() -> None:
    point = kink_at_entry_seven()
    point["x"][:3] = 0
    finding, kinks = elements(relu(0.0), False, point)
    assert len(kinks) == 4
    assert not finding.passed
    assert finding.where == "a kink at 4 entries"


def test_a_kink_is_no_excuse_for_a_function_that_is_defined_as_smooth() -> None:
    finding, kinks = elements(relu(0.0), True, kink_at_entry_seven())
    assert kinks == []
    assert not finding.passed
    assert finding.where == "x[7]"
    assert directions(relu(0.0), True, kink_at_entry_seven()).where == "x[7]"


def test_differences_are_those_of_the_function_and_not_of_the_gradient_under_test() -> None:
    rng = np.random.default_rng(3)
    point = a_point()
    direction = random_direction(point, NAMES, rng)
    wrong = Differences(faulty(smooth, "x", lambda g: 5 * g), point, smooth=True)
    right = Differences(smooth, point, smooth=True)
    assert wrong.along(direction, 1e-3) == right.along(direction, 1e-3)
    assert right.along(direction, 1e-3)[0] == pytest.approx(right.predicted(direction), rel=1e-8)
    assert wrong.predicted(direction) != pytest.approx(right.predicted(direction), rel=1e-3)


def test_only_the_tensors_asked_for_are_checked() -> None:
    wrong = faulty(smooth, "x", lambda g: 2 * g)
    rng = np.random.default_rng(1)
    assert check_directions(wrong, a_point(), ["weight", "bias"], smooth=True, rng=rng).passed
    assert check_elements(wrong, a_point(), ["weight", "bias"], smooth=True)[0].passed
    assert not check_directions(wrong, a_point(), ["bias", "x"], smooth=True, rng=rng).passed


def test_the_point_is_left_as_it_was() -> None:
    point, same = a_point(), a_point()
    directions(smooth, True, point)
    elements(smooth, True, point)
    assert all(np.array_equal(point[name], same[name]) for name in NAMES)


def test_a_direction_moves_every_entry_to_both_sides() -> None:
    direction = random_direction({"x": np.zeros((50, 40)), "y": np.zeros(3)}, ["x"], np.random.default_rng(0))
    assert list(direction) == ["x"]
    assert direction["x"].std() == pytest.approx(1, abs=0.05)
    assert (direction["x"] > 0).mean() == pytest.approx(0.5, abs=0.05)


def directional(direction: Values) -> float:
    """⟨u, Jv⟩ of `smooth`, worked forward from the input to the loss."""
    point = a_point()
    before = point["x"] @ point["weight"] + point["bias"]
    dbefore = direction["x"] @ point["weight"] + point["x"] @ direction["weight"] + direction["bias"]
    return float((2 * np.sin(before) * np.cos(before) * dbefore).sum())


def test_forward_and_reverse_mode_of_one_function_agree() -> None:
    direction = random_direction(a_point(), NAMES, np.random.default_rng(2))
    finding = check_adjoint(smooth(a_point())[1], directional(direction), direction)
    assert finding.passed
    assert finding.error < 1e-14


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "fault", [lambda g: g * (1 + 1e-6), lambda g: -g, lambda g: np.roll(g, 1, axis=0), lambda g: g * np.nan]
)
def test_reverse_mode_that_does_not_match_forward_mode_fails(name: str, fault: Callable[[Array], Array]) -> None:
    direction = random_direction(a_point(), NAMES, np.random.default_rng(2))
    gradient = faulty(smooth, name, fault)(a_point())[1]
    assert not check_adjoint(gradient, directional(direction), direction).passed


def test_forward_mode_of_the_opposite_sign_fails() -> None:
    direction = random_direction(a_point(), NAMES, np.random.default_rng(2))
    assert not check_adjoint(smooth(a_point())[1], -directional(direction), direction).passed


@pytest.mark.parametrize("derivative", [0.0, np.nan, np.inf])
def test_forward_mode_that_is_zero_or_no_number_fails(derivative: float) -> None:
    direction = random_direction(a_point(), NAMES, np.random.default_rng(2))
    assert not check_adjoint(smooth(a_point())[1], derivative, direction).passed


HESSIAN = np.array([[2.0, -1.0, 0.5], [-1.0, 3.0, 0.25], [0.5, 0.25, 1.0]])


def times(matrix: Array) -> Callable[[Values, Values], Values]:
    """The product with a Hessian over two tensors, `a` of two entries and `b` of one."""

    def product(point: Values, direction: Values) -> Values:
        result = matrix @ np.concatenate([direction["a"], direction["b"]])
        return {"a": result[:2], "b": result[2:]}

    return product


def symmetry(matrix: Array) -> Finding:
    point = {"a": np.zeros(2), "b": np.zeros(1), "labels": np.zeros(3)}
    return check_symmetry(times(matrix), point, ["a", "b"], np.random.default_rng(0))


def test_a_symmetric_hessian_passes() -> None:
    assert symmetry(HESSIAN).passed
    assert symmetry(np.zeros((3, 3))).passed


@pytest.mark.parametrize("change", [1e-9, -1.0, np.nan])
def test_a_hessian_that_is_not_symmetric_fails(change: float) -> None:
    wrong = HESSIAN.copy()
    wrong[0, 2] += change
    assert not symmetry(wrong).passed


@pytest.mark.parametrize(
    ("error", "passed"),
    [(0.0, True), (THRESHOLD, True), (1.01 * THRESHOLD, False), (np.nan, False), (np.inf, False)],
)
def test_a_finding_passes_up_to_its_tolerance_and_never_without_a_number(error: float, passed: bool) -> None:
    assert Finding("gradient", error, THRESHOLD).passed is passed
