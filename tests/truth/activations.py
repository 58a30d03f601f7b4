"""Activations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from tests.truth.outside import Truth, frozen_of, numpy_table, random_cases, reference, scipy_table

Array = np.ndarray


def truths() -> Iterator[Truth]:
    yield from relu()
    yield from relu6()
    yield from leaky_relu()
    yield from elu()
    yield from selu()
    yield from gelu()
    yield from gelu_tanh()
    yield from silu()
    yield from hard_swish()
    yield from softplus()
    yield from log1p()
    yield from mish()
    yield from sigmoid()
    yield from tanh()
    yield from softmax()
    yield from log_softmax()
    yield from glu()


def _frozen(workload: str, op: str, **defaults: float) -> Iterator[Truth]:
    """The frozen cases of `op`; `defaults` are its attributes by the oracle's names, as ONNX has them: alpha for slope."""
    for case in frozen_of(op):
        problem = {name: case.attributes.get("alpha", value) for name, value in defaults.items()}
        yield Truth(workload, case.source, case.name, problem, case.inputs, case.outputs, "float32")


def _random(
    workload: str, op: str, problem: dict[str, Any] | None = None, opset: int = 22, **attributes: Any
) -> Iterator[Truth]:
    for name, rng in random_cases(5, op):
        x = 4 * rng.normal(size=(3, 7))
        y = reference(op, [x], opset=opset, **attributes)
        yield Truth(workload, "onnx reference", name, problem or {}, [x], y, "float64")


def _tanh_table() -> tuple[Array, Array]:
    """What NumPy's table has for numbers that are not too large to be multiplied."""
    x, y = numpy_table("tanh", "float64")
    return x[np.abs(x) < 1e100], y[np.abs(x) < 1e100]


def _exponential_table() -> tuple[Array, Array]:
    """Negative numbers and their exp − 1."""
    x, y = numpy_table("expm1", "float64")
    return x[x < 0], y[x < 0]


def relu() -> Iterator[Truth]:
    yield from _frozen("relu", "Relu")
    yield from _random("relu", "Relu")


def relu6() -> Iterator[Truth]:
    for name, rng in random_cases(5, "Clip"):
        x = 4 * rng.normal(size=(3, 7))
        y = reference("Clip", [x, np.float64(0), np.float64(6)])
        yield Truth("relu6", "onnx reference", name, {}, [x], y, "float64")


def leaky_relu() -> Iterator[Truth]:
    yield from _frozen("leaky_relu", "LeakyRelu", slope=0.01)
    yield from _random("leaky_relu", "LeakyRelu", dict(slope=0.25), alpha=0.25)


def elu() -> Iterator[Truth]:
    yield from _frozen("elu", "Elu", alpha=1.0)
    yield from _random("elu", "Elu", dict(alpha=0.75), alpha=0.75)
    x, y = _exponential_table()
    yield Truth("elu", "numpy table", "expm1", dict(alpha=1.0), [x], [y], "float64")


def selu() -> Iterator[Truth]:
    for case in frozen_of("Selu"):
        if not case.attributes:  # the definition knows no other constants
            yield Truth("selu", case.source, case.name, {}, case.inputs, case.outputs, "float32")
    # The constants from their closed form (Klambauer et al. 2017) by SciPy's erfc.
    a, b = special.erfc(1 / np.sqrt(2)) * np.exp(0.5), special.erfc(np.sqrt(2)) * np.exp(2)
    alpha = np.sqrt(2 / np.pi) / (1 - a)
    scale = (1 - a) * np.sqrt(2 * np.pi) / np.sqrt(2 * b + np.pi * a**2 - 2 * (2 + np.pi) * a + np.pi + 2)
    x, y = _exponential_table()
    yield Truth("selu", "numpy table", "expm1", {}, [x], [scale * alpha * y], "float64")
    for name, rng in random_cases(5, "Selu"):
        x = 4 * rng.normal(size=(3, 7))
        y = scale * np.where(x > 0, x, alpha * special.expm1(x))
        yield Truth("selu", "scipy", name, {}, [x], [y], "float64")


def gelu() -> Iterator[Truth]:
    # Not the reference in float64: the constants in its body are float32.
    for case in frozen_of("Gelu"):
        if case.attributes.get("approximate", "none") == "none":
            yield Truth("gelu", case.source, case.name, {}, case.inputs, case.outputs, "float32")
    for key in ("erf_data_ipp-erf_data", "erf_small_data_ipp-erf_small_data", "erf_large_data_ipp-erf_large_data"):
        t, _, complement = scipy_table("boost.npz", key).T
        x = -np.sqrt(2) * t
        yield Truth("gelu", "scipy table", key, {}, [x], [x * complement / 2], "float64")
    for name, rng in random_cases(5, "Gelu"):
        x = 4 * rng.normal(size=(3, 7))
        yield Truth("gelu", "scipy", name, {}, [x], [x * special.ndtr(x)], "float64")


def gelu_tanh() -> Iterator[Truth]:
    for case in frozen_of("Gelu"):
        if case.attributes.get("approximate") == "tanh":
            yield Truth("gelu_tanh", case.source, case.name, {}, case.inputs, case.outputs, "float32")
    # The tanh of the table is that of √(2/π) (x + 0.044715 x³), a cubic equation in x with one real root.
    t, y = _tanh_table()
    linear, constant = 1 / 0.044715, t * np.sqrt(np.pi / 2) / 0.044715
    x = 2 * np.sqrt(linear / 3) * np.sinh(np.arcsinh(1.5 * constant / linear * np.sqrt(3 / linear)) / 3)
    yield Truth("gelu_tanh", "numpy table", "tanh", {}, [x], [x * (1 + y) / 2], "float64")
    for name, rng in random_cases(5, "GeluTanh"):
        x = 4 * rng.normal(size=(3, 7))
        y = x * special.expit(np.sqrt(8 / np.pi) * (x + 0.044715 * x**3))
        yield Truth("gelu_tanh", "scipy", name, {}, [x], [y], "float64")


def silu() -> Iterator[Truth]:
    yield from _frozen("silu", "Swish")
    x, y = _tanh_table()
    yield Truth("silu", "numpy table", "tanh", {}, [2 * x], [x * (1 + y)], "float64")
    yield from _random("silu", "Swish", opset=24, alpha=1.0)


def hard_swish() -> Iterator[Truth]:
    yield from _frozen("hard_swish", "HardSwish")
    # The reference of HardSwish itself has 1/6 in float32.
    for name, rng in random_cases(5, "HardSwish"):
        x = 4 * rng.normal(size=(3, 7))
        gate = reference("Clip", [x + 3, np.array(0.0), np.array(6.0)])[0]
        yield Truth("hard_swish", "onnx reference", name, {}, [x], [x * gate / 6], "float64")


def softplus() -> Iterator[Truth]:
    yield from _frozen("softplus", "Softplus")
    yield from _random("softplus", "Softplus")
    x = np.array([-1e3, -745.0, -40.0, -1e-300, 0.0, 20.5, 39.0, 710.0, 1e4])
    yield Truth("softplus", "scipy", "log_expit", {}, [x], [-special.log_expit(-x)], "float64")


def log1p() -> Iterator[Truth]:
    x, y = numpy_table("log1p", "float64")
    yield Truth("log1p", "numpy table", "log1p", {}, [x[x > -1]], [y[x > -1]], "float64")
    for name, rng in random_cases(3, "Log1p"):
        x = rng.uniform(-0.9, 3, size=(3, 7))
        yield Truth("log1p", "scipy", name, {}, [x], [special.log1p(x)], "float64")


def mish() -> Iterator[Truth]:
    yield from _frozen("mish", "Mish")
    yield from _random("mish", "Mish")


def sigmoid() -> Iterator[Truth]:
    yield from _frozen("sigmoid", "Sigmoid")
    yield from _random("sigmoid", "Sigmoid")
    x, y = _tanh_table()
    yield Truth("sigmoid", "numpy table", "tanh", {}, [2 * x], [(1 + y) / 2], "float64")
    x = np.array([-1e4, -745.0, -40.0, 0.0, 40.0, 710.0, 1e4])
    yield Truth("sigmoid", "scipy", "expit", {}, [x], [special.expit(x)], "float64")


def tanh() -> Iterator[Truth]:
    yield from _frozen("tanh", "Tanh")
    for precision in ("float32", "float64"):
        x, y = numpy_table("tanh", precision)
        yield Truth("tanh", "numpy table", f"tanh {precision}", {}, [x], [y], precision)


def softmax() -> Iterator[Truth]:
    yield from _along_the_last_axis("softmax", "Softmax", special.softmax)


def log_softmax() -> Iterator[Truth]:
    yield from _along_the_last_axis("log_softmax", "LogSoftmax", special.log_softmax)


def _along_the_last_axis(workload: str, op: str, function: Any) -> Iterator[Truth]:
    for case in frozen_of(op):
        axis = case.attributes.get("axis", -1)
        x, y = (np.moveaxis(array, axis, -1) for array in (case.inputs[0], case.outputs[0]))
        yield Truth(workload, case.source, case.name, {}, [x], [y], "float32")
    yield from _random(workload, op, axis=-1)
    for name, rng in random_cases(3, f"{op} 1e4"):
        x = 1e4 * rng.normal(size=(3, 7))
        yield Truth(workload, "scipy", name, {}, [x], [function(x, axis=-1)], "float64")


def glu() -> Iterator[Truth]:
    # ONNX has it as three nodes.
    for name, axis in (("test_GLU", -1), ("test_GLU_dim", 1)):
        x, y = (np.moveaxis(_converted(name, part), axis, -1) for part in ("input_0", "output_0"))
        yield Truth("glu", "onnx converted", name, {}, [x], [y], "float32")
    for name, rng in random_cases(5, "GLU"):
        x = 4 * rng.normal(size=(3, 10))
        yield Truth("glu", "scipy", name, {}, [x], [x[:, :5] * special.expit(x[:, 5:])], "float64")


def _converted(case: str, part: str) -> Array:
    import onnx
    from onnx import numpy_helper

    folder = Path(os.path.dirname(onnx.__file__)) / "backend/test/data/pytorch-converted" / case
    tensor = onnx.TensorProto()
    tensor.ParseFromString((folder / "test_data_set_0" / f"{part}.pb").read_bytes())
    return np.asarray(numpy_helper.to_array(tensor))
