"""The oracle against references written another way: loops, SciPy, complex exponentials; and its backward against
differences over every element."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal, special

from impls import interface
from suite.errors import UsageError
from suite.gradients import Finding, check_directions, check_elements
from suite.program import Program
from suite.workloads import WORKLOADS, Problem
from suite.workloads.draw import COTANGENT, draw
from tests.impls.problems import OPERATIONS

BACKEND, NUMPY = interface.load("impls.numpy")
Array = np.ndarray
Values = dict[str, Array]
EVERY_TINY = [(name, p) for name, found in OPERATIONS.items() for p in found.problems if p.startswith("tiny")]
DIFFERENTIABLE = [each for each in EVERY_TINY if "gradient" in WORKLOADS[each[0]].tasks]
a_few = settings(max_examples=15, deadline=None)


def program(name: str, problem: Problem, values: Values, task: str, precision: str = "float64") -> Program:
    return Program(
        BACKEND,
        NUMPY,
        WORKLOADS[name],
        problem,
        task=task,
        mode="eager",
        variant="default",
        precision=precision,
        device="cpu",
        values=values,
    )


def forward(name: str, problem: Problem, values: Values) -> Array:
    made = program(name, problem, values, "forward")
    return made.read(made.call())["y"]


def slow_conv2d(p: Problem, x: Array, weight: Array, bias: Array) -> Array:
    """The formula of the definition, term by term."""
    size = len(range(0, p.size + 2 * p.padding - p.dilation * (p.kernel - 1), p.stride))
    y = np.empty((p.batch, p.out_channels, size, size))
    channels = p.in_channels // p.groups
    for n, o, i, j in np.ndindex(y.shape):
        group = o // (p.out_channels // p.groups)
        total = bias[o]
        for c, r, s in product(range(channels), range(p.kernel), range(p.kernel)):
            row = i * p.stride + r * p.dilation - p.padding
            column = j * p.stride + s * p.dilation - p.padding
            if 0 <= row < p.size and 0 <= column < p.size:
                total += x[n, group * channels + c, row, column] * weight[o, c, r, s]
        y[n, o, i, j] = total
    return y


def scipy_conv2d(p: Problem, x: Array, weight: Array, bias: Array) -> Array:
    """SciPy's correlation with a kernel that is spread out by zeros, of which every stride-th row and column is kept."""
    extent = p.dilation * (p.kernel - 1) + 1
    spread = np.zeros((*weight.shape[:2], extent, extent))
    spread[:, :, :: p.dilation, :: p.dilation] = weight
    padded = np.pad(x, [(0, 0), (0, 0), (p.padding, p.padding), (p.padding, p.padding)])
    images = np.split(padded, p.groups, axis=1)
    kernels = np.split(spread, p.groups, axis=0)
    rows = [
        np.stack([signal.correlate(image, kernel, "valid", method="direct")[0] for kernel in group_kernels])
        for n in range(p.batch)
        for image, group_kernels in zip([group[n] for group in images], kernels, strict=True)
    ]
    y = np.concatenate(rows).reshape(p.batch, p.out_channels, *rows[0].shape[1:])
    return y[:, :, :: p.stride, :: p.stride] + bias[:, None, None]


def slow_linear(p: Problem, x: Array, weight: Array, bias: Array) -> Array:
    return np.einsum("bi,oi->bo", x, weight, optimize=False) + bias


def slow_attention(p: Problem, query: Array, key: Array, value: Array) -> Array:
    y = np.zeros(query.shape)
    for b, h, t in np.ndindex(*query.shape[:3]):
        seen = range(t + 1 if p.causal else p.seq)
        scores = [np.dot(query[b, h, t], key[b, h, s]) / np.sqrt(p.head_dim) for s in seen]
        for s, weight in zip(seen, special.softmax(scores), strict=True):
            y[b, h, t] += weight * value[b, h, s]
    return y


def slow_layer_norm(p: Problem, x: Array, weight: Array, bias: Array) -> Array:
    y = np.empty(x.shape)
    for b, t in np.ndindex(*x.shape[:2]):
        row = [float(entry) for entry in x[b, t]]
        mean = sum(row) / len(row)
        variance = sum((entry - mean) ** 2 for entry in row) / len(row)
        y[b, t] = [(entry - mean) / (variance + p.eps) ** 0.5 for entry in row] * weight + bias
    return y


def slow_softmax_cross_entropy(p: Problem, logits: Array, labels: Array) -> Array:
    return -np.mean([special.log_softmax(row)[label] for row, label in zip(logits, labels, strict=True)])


REFERENCES: dict[str, list[Any]] = {
    "attention": [slow_attention],
    "conv2d": [slow_conv2d, scipy_conv2d],
    "layer_norm": [slow_layer_norm],
    "linear": [slow_linear],
    "softmax_cross_entropy": [slow_softmax_cross_entropy],
}


# The references pad both sides alike; tests/truth/convolution.py has cases of the others.
REFERRED = [
    (name, problem)
    for name, problem in EVERY_TINY
    if name in REFERENCES and WORKLOADS[name].problem(problem).get("auto_pad", "explicit") == "explicit"
]


def assert_forward_is_right(name: str, problem: Problem, seed: int) -> None:
    values = draw(WORKLOADS[name], problem, seed)
    found = forward(name, problem, values)
    arguments = [values[argument] for argument in WORKLOADS[name].arguments(problem)]
    for reference in REFERENCES[name]:
        expected = reference(problem, *arguments)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1e-13 * max(1, np.abs(expected).max())


def assert_backward_is_right(name: str, problem: Problem, seed: int) -> None:
    workload = WORKLOADS[name]
    values = draw(workload, problem, seed)
    made = program(name, problem, values, "gradient")
    finding, _ = check_elements(made.value_and_gradient, values, made.differentiated, smooth=workload.smooth)
    assert finding.passed, finding


@pytest.mark.parametrize(("name", "problem"), REFERRED)
def test_forward_is_what_the_definition_says(name: str, problem: str) -> None:
    for seed in range(3):
        assert_forward_is_right(name, WORKLOADS[name].problem(problem), seed)


@pytest.mark.parametrize(("name", "problem"), DIFFERENTIABLE)
def test_backward_agrees_with_differences_over_every_element(name: str, problem: str) -> None:
    assert_backward_is_right(name, WORKLOADS[name].problem(problem), seed=0)


@pytest.mark.parametrize("name", [name for name in REFERENCES])
def test_backward_agrees_with_differences_at_a_larger_size(name: str) -> None:
    workload = WORKLOADS[name]
    problem = workload.problem("tiny", batch=5)
    for seed in range(3):
        values = draw(workload, problem, seed)
        made = program(name, problem, values, "gradient")
        rng = np.random.default_rng(seed)
        finding: Finding = check_directions(
            made.value_and_gradient, values, made.differentiated, smooth=workload.smooth, rng=rng
        )
        assert finding.passed, finding


@st.composite
def convolutions(draw_from: st.DrawFn) -> Problem:
    """Small ones of every stride, padding, dilation and number of groups."""
    sizes = st.integers(1, 3)
    groups = draw_from(sizes)
    changes = dict(
        batch=draw_from(st.integers(1, 2)),
        in_channels=groups * draw_from(st.integers(1, 2)),
        out_channels=groups * draw_from(st.integers(1, 2)),
        size=draw_from(st.integers(1, 6)),
        kernel=draw_from(sizes),
        stride=draw_from(sizes),
        padding=draw_from(st.integers(0, 2)),
        dilation=draw_from(sizes),
        groups=groups,
    )
    try:
        return WORKLOADS["conv2d"].problem("tiny", **changes)
    except UsageError:
        assume(False)
        raise


@given(convolutions(), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_any_convolution_is_the_sum_that_defines_it(problem: Problem, seed: int) -> None:
    assert_forward_is_right("conv2d", problem, seed)


@given(convolutions(), st.integers(0, 3))
@a_few
def test_the_backward_of_any_convolution_is_its_derivative(problem: Problem, seed: int) -> None:
    assert_backward_is_right("conv2d", problem, seed)


def test_taps_that_no_window_reads_have_no_gradient() -> None:
    """With stride 3 and a kernel of 2 every third row and column is skipped."""
    problem = WORKLOADS["conv2d"].problem("tiny", size=8, kernel=2, stride=3, padding=0)
    values = draw(WORKLOADS["conv2d"], problem, seed=0)
    _, gradient = program("conv2d", problem, values, "gradient").value_and_gradient(values)
    skipped = np.zeros((8, 8), dtype=bool)
    skipped[2::3] = skipped[:, 2::3] = True
    assert np.all(gradient["x"][:, :, skipped] == 0)
    assert np.all(gradient["x"][:, :, ~skipped] != 0)


@given(
    st.fixed_dictionaries(
        dict(
            batch=st.integers(1, 2),
            heads=st.integers(1, 2),
            seq=st.integers(1, 5),
            head_dim=st.integers(1, 3),
            causal=st.booleans(),
        )
    )
)
@a_few
def test_any_attention_is_what_it_is_defined_as_and_so_is_its_backward(changes: dict[str, Any]) -> None:
    problem = WORKLOADS["attention"].problem("tiny", **changes)
    assert_forward_is_right("attention", problem, seed=0)
    assert_backward_is_right("attention", problem, seed=0)


def test_causal_attention_does_not_see_what_comes_later() -> None:
    problem = WORKLOADS["attention"].problem("tiny", causal=True)
    values = draw(WORKLOADS["attention"], problem, seed=0)
    changed = {name: array.copy() for name, array in values.items()}
    changed["key"][:, :, 3:] += 5
    changed["value"][:, :, 3:] += 5
    before, after = (forward("attention", problem, each) for each in (values, changed))
    assert np.array_equal(before[:, :, :3], after[:, :, :3])
    assert not np.any(before[:, :, 3:] == after[:, :, 3:])


@given(st.fixed_dictionaries(dict(batch=st.integers(1, 3), seq=st.integers(1, 3), features=st.integers(4, 9))))
@a_few
def test_any_layer_norm_is_what_it_is_defined_as_and_so_is_its_backward(changes: dict[str, int]) -> None:
    problem = WORKLOADS["layer_norm"].problem("tiny", **changes)
    assert_forward_is_right("layer_norm", problem, seed=0)
    assert_backward_is_right("layer_norm", problem, seed=0)


def test_the_variance_of_a_layer_norm_is_the_biased_one_and_eps_is_inside_the_root() -> None:
    problem = WORKLOADS["layer_norm"].problem("tiny", batch=1, seq=1, features=2, eps=3.0)
    values = {"x": np.array([[[1.0, 3.0]]]), "weight": np.array([1.0, 10.0]), "bias": np.array([0.0, 0.5])}
    # Mean 2, variance 1, √(1 + 3) = 2.
    assert forward("layer_norm", problem, values).tolist() == [[[-0.5, 5.5]]]


@given(st.fixed_dictionaries(dict(batch=st.integers(1, 4), classes=st.integers(1, 6))), st.integers(0, 3))
@a_few
def test_any_cross_entropy_is_what_it_is_defined_as_and_so_is_its_backward(changes: dict[str, int], seed: int) -> None:
    problem = WORKLOADS["softmax_cross_entropy"].problem("tiny", **changes)
    assert_forward_is_right("softmax_cross_entropy", problem, seed)
    assert_backward_is_right("softmax_cross_entropy", problem, seed)


def test_large_logits_do_not_overflow() -> None:
    problem = WORKLOADS["softmax_cross_entropy"].problem("tiny", batch=2, classes=3)
    values = {"logits": np.array([[1000.0, 0.0, -1000.0], [-2000.0, -2000.0, -2000.0]]), "labels": np.array([1, 0])}
    assert forward("softmax_cross_entropy", problem, values) == pytest.approx((1000 + np.log(3)) / 2)
    _, gradient = program("softmax_cross_entropy", problem, values, "gradient").value_and_gradient(values)
    assert gradient["logits"] == pytest.approx(np.array([[0.5, -0.5, 0], [-1 / 3, 1 / 6, 1 / 6]]))


def test_large_scores_do_not_overflow_in_attention() -> None:
    problem = WORKLOADS["attention"].problem("tiny", batch=1, heads=1, seq=2, head_dim=1, causal=False)
    shape = (1, 1, 2, 1)
    values = {
        "query": np.full(shape, 100.0),
        "key": np.array([1000.0, -1000.0]).reshape(shape),
        "value": np.array([3.0, 7.0]).reshape(shape),
    }
    assert forward("attention", problem, values).ravel().tolist() == [3.0, 3.0]


@given(
    st.fixed_dictionaries(dict(batch=st.integers(1, 4), in_features=st.integers(1, 6), out_features=st.integers(1, 6)))
)
@a_few
def test_any_affine_map_is_what_it_is_defined_as_and_so_is_its_backward(changes: dict[str, int]) -> None:
    problem = WORKLOADS["linear"].problem("tiny", **changes)
    assert_forward_is_right("linear", problem, seed=0)
    assert_backward_is_right("linear", problem, seed=0)


@pytest.mark.parametrize(
    ("name", "problem", "task"), [(*each, task) for each in EVERY_TINY for task in WORKLOADS[each[0]].tasks[:2]]
)
def test_float32_stays_float32_and_near_to_float64(name: str, problem: str, task: str) -> None:
    found = WORKLOADS[name].problem(problem)
    values = draw(WORKLOADS[name], found, seed=0)
    narrow = {key: array.astype(np.float32) if array.dtype.kind == "f" else array for key, array in values.items()}
    wide = {key: array.astype(float) if array.dtype.kind == "f" else array for key, array in narrow.items()}
    single, double = (
        program(name, found, each, task, precision) for each, precision in ((narrow, "float32"), (wide, "float64"))
    )
    assert single.wrong_types(single.call()) is None
    results, expected = single.read(single.call()), double.read(double.call())
    for key, array in expected.items():
        condition = WORKLOADS[name].cost(found).condition
        assert np.linalg.norm(results[key] - array) <= 1e-5 * condition * np.linalg.norm(array)


@pytest.mark.parametrize(("name", "problem"), EVERY_TINY)
def test_neither_forward_nor_backward_changes_its_arguments(name: str, problem: str) -> None:
    found = WORKLOADS[name].problem(problem)
    values = draw(WORKLOADS[name], found, seed=0)
    made = program(name, found, values, WORKLOADS[name].tasks[min(1, len(WORKLOADS[name].tasks) - 1)])
    before = [argument.copy() for argument in made.arguments]
    made.call()
    first, second = made.call(), made.call()
    assert all(np.array_equal(a, b) for a, b in zip(made.arguments, before, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_cotangent_scales_the_gradient() -> None:
    workload = WORKLOADS["linear"]
    problem = workload.problem("tiny")
    values = draw(workload, problem, seed=0)
    tripled = {**values, COTANGENT + "y": 3 * values[COTANGENT + "y"]}
    made = program("linear", problem, values, "gradient")
    (loss, gradient), (loss3, gradient3) = made.value_and_gradient(values), made.value_and_gradient(tripled)
    assert loss3 == pytest.approx(3 * loss)
    assert all(gradient3[name] == pytest.approx(3 * gradient[name]) for name in gradient)
