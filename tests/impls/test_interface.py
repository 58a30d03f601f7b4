from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impls import interface
from impls.interface import Implementation, as_tuple, implements, load, place
from suite.workloads import Problem

PROBLEM = Problem(stride=2, padding=1, groups=3)


@pytest.fixture(autouse=True)
def empty_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "_REGISTER", {})


def function_of(module: str) -> Callable[..., Any]:
    def function(x: float) -> float:
        return 2 * x

    function.__module__ = module
    return function


@pytest.mark.parametrize(
    ("data", "parameters", "positions", "arguments"),
    [
        (["x", "labels"], ["w", "b"], [1, 2], ["x", "w", "b", "labels"]),
        (["x", "labels"], ["w", "b"], [2, 0], ["b", "x", "w", "labels"]),
        (["x", "labels"], [], [], ["x", "labels"]),
        ([], ["w", "b"], [0, 1], ["w", "b"]),
        (["x", "y", "z"], ["w", "b"], [0, 4], ["w", "x", "y", "z", "b"]),
        (["x"], ["c", "a", "b"], [3, 1, 2], ["x", "a", "b", "c"]),
    ],
)
def test_parameters_are_placed_among_the_data(
    data: list[str], parameters: list[str], positions: list[int], arguments: list[str]
) -> None:
    assert place(data, parameters, positions) == arguments


def test_placing_leaves_the_data_as_they_were() -> None:
    data = ["x"]
    place(data, ["w"], [0])
    assert data == ["x"]


def test_as_many_positions_as_parameters_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        place(["x"], ["w", "b"], [1])


def test_an_implementation_stays_the_function_that_was_written() -> None:
    function = function_of("impls.toy.linear")
    assert implements("linear")(function) is function


def test_two_implementations_of_one_variant_in_one_framework_are_refused() -> None:
    implements("linear")(function_of("impls.toy.linear"))
    with pytest.raises(ValueError, match=r"impls\.toy implements linear \(default\) twice"):
        implements("linear")(function_of("impls.toy.elsewhere"))


def test_variants_and_frameworks_stand_beside_each_other() -> None:
    implements("linear")(function_of("impls.toy.linear"))
    implements("linear", variant="einsum")(function_of("impls.toy.linear"))
    implements("linear")(function_of("impls.other.linear"))
    implements("mlp")(function_of("impls.toy.dense"))


def implementation(function: Callable[..., Any]) -> Implementation:
    return Implementation("toy", "default", function, {}, lambda *request: None)


def test_keyword_only_parameters_are_taken_from_the_problem_and_no_others() -> None:
    def function(x: float, weight: float, *, stride: int, groups: int) -> tuple[float, float, int, int]:
        return x, weight, stride, groups

    assert implementation(function).bind(PROBLEM)(10.0, 20.0) == (10.0, 20.0, 2, 3)


def test_a_function_without_keyword_only_parameters_is_not_wrapped() -> None:
    function = function_of("impls.toy.linear")
    assert implementation(function).bind(PROBLEM) is function


def test_a_setting_that_the_problem_lacks_is_an_error_when_bound() -> None:
    def function(x: float, *, dilation: int) -> float:
        return x * dilation

    with pytest.raises(KeyError, match="dilation"):
        implementation(function).bind(PROBLEM)


def test_one_output_becomes_a_tuple_and_a_tuple_stays_one() -> None:
    assert as_tuple(3) == (3,)
    assert as_tuple((3, 4)) == (3, 4)
    array = np.ones(2)
    assert as_tuple(array)[0] is array


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A framework's package of a backend and two modules."""
    package = tmp_path / "toy_framework"
    package.mkdir()
    files = {
        "__init__.py": "",
        "backend.py": "class BACKEND:\n    modes = ('eager',)\n",
        "linear.py": "from impls.interface import implements\n\n"
        "@implements('linear', layout={'weight': 'I O'})\ndef linear(x, weight):\n    return x @ weight\n",
        "dense.py": "from impls.interface import implements\n\n"
        "@implements('mlp', variant='fused', unsupported=lambda *request: 'not yet')\ndef mlp(x):\n    return x\n",
    }
    for name, text in files.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "toy_framework"
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy_framework"]:
        del sys.modules[name]


def test_loading_a_package_finds_its_backend_and_every_implementation_in_its_modules(toy: str) -> None:
    implements("attention")(function_of("impls.other.attention"))
    backend, implementations = load(toy)
    assert backend.modes == ("eager",)
    assert set(implementations) == {("linear", "default"), ("mlp", "fused")}
    linear, mlp = implementations["linear", "default"], implementations["mlp", "fused"]
    assert (linear.workload, linear.variant, linear.layout) == ("linear", "default", {"weight": "I O"})
    assert linear.unsupported(PROBLEM, "forward", "eager", "float32") is None
    assert mlp.unsupported(PROBLEM, "forward", "eager", "float32") == "not yet"
