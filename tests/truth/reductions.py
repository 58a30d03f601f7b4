"""Reductions and indexing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats

from tests.truth.outside import Frozen, Truth, frozen_of, random_cases, reference

Array = np.ndarray


def truths() -> Iterator[Truth]:
    yield from one_axis("sum", "ReduceSum")
    yield from one_axis("mean", "ReduceMean")
    yield from rows_of("logsumexp", "ReduceLogSumExp", "float64")
    yield from rows_of("max", "ReduceMax", "float32")
    yield from variance()
    yield from cumsum()
    yield from topk()
    yield from gather()
    yield from scatter_add()
    yield from where()
    yield from sort()


def reduced_rows(case: Frozen) -> tuple[Array, Array] | None:
    """The case as rows and one number for each; None where it reduces nothing, or no floating numbers."""
    x, y = case.inputs[0], case.outputs[0]
    if case.attributes.get("noop_with_empty_axes") or x.dtype.kind != "f" or x.size == 0:
        return None
    axes = case.inputs[1].tolist() if len(case.inputs) > 1 else []
    axes = [axis % x.ndim for axis in axes] or list(range(x.ndim))
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    return x.transpose(*kept, *axes).reshape(y.size, -1), y.ravel()


def rows_of(workload: str, op: str, precision: str) -> Iterator[Truth]:
    for case in frozen_of(op):
        if found := reduced_rows(case):
            yield Truth(workload, case.source, case.name, dict(axis=1), [found[0]], [found[1]], precision)
    for name, rng in random_cases(5, op):
        x = rng.normal(size=(3, 5)) * 3
        if op == "ReduceMax":
            x = np.round(x)  # with ties
        y = reference(op, [x, np.array([1])], keepdims=0)
        yield Truth(workload, "onnx reference", name, dict(axis=1), [x], y, "float64")


def one_axis(workload: str, op: str) -> Iterator[Truth]:
    yield from rows_of(workload, op, "float32")
    for name, rng in random_cases(5, f"{op} first"):
        x = rng.normal(size=(3, 5))
        y = reference(op, [x, np.array([0])], keepdims=0)
        yield Truth(workload, "onnx reference", name, dict(axis=0), [x], y, "float64")


def variance() -> Iterator[Truth]:
    """ONNX has none; SciPy's summary of a sample has both."""
    for correction in (0, 1):
        for name, rng in random_cases(4, f"describe correction={correction}"):
            x = rng.normal(size=(3, 5)) + 2
            y = stats.describe(x, axis=1, ddof=correction).variance
            yield Truth("variance", "scipy", name, dict(correction=correction), [x], [y], "float64")


def cumsum() -> Iterator[Truth]:
    for case in frozen_of("CumSum"):
        x, axis = case.inputs
        if case.attributes or x.dtype.kind != "f":  # exclusive, from the end, or whole numbers
            continue
        rows: Callable[[Any], Array] = (lambda a: a.T) if axis == 0 and x.ndim == 2 else np.atleast_2d
        yield Truth("cumsum", case.source, case.name, {}, [rows(x)], [rows(case.outputs[0])], "float64")
    for name, rng in random_cases(5, "CumSum"):
        x = rng.normal(size=(3, 5))
        yield Truth("cumsum", "onnx reference", name, {}, [x], reference("CumSum", [x, np.array(1)]), "float64")


def topk() -> Iterator[Truth]:
    for case in frozen_of("TopK"):
        x, k = case.inputs
        if x.dtype.kind == "f" and x.ndim == 2 and case.attributes.get("largest", 1):
            p = dict(k=int(k[0]))
            yield Truth("topk", case.source, case.name, p, [x], case.outputs[:1], "float32")
    for number, (name, rng) in enumerate(random_cases(5, "TopK")):
        x, k = rng.normal(size=(3, 5)), number + 1
        y = reference("TopK", [x, np.array([k])], outputs=2, axis=1, largest=1, sorted=1)
        yield Truth("topk", "onnx reference", name, dict(k=k), [x], y[:1], "float64")


def gather() -> Iterator[Truth]:
    for case in frozen_of("GatherElements"):
        x, index = case.inputs
        if index.min() < 0:  # counted from the end
            continue
        if case.attributes.get("axis", 0) == 1:
            yield Truth("gather", case.source, case.name, {}, [x, index], case.outputs, "float32")
        else:
            yield Truth("gather", case.source, case.name, {}, [x.T, index.T], [case.outputs[0].T], "float32")
    for name, rng in random_cases(5, "GatherElements"):
        x, index = rng.normal(size=(3, 5)), rng.integers(0, 5, (3, 4))
        y = reference("GatherElements", [x, index], axis=1)
        yield Truth("gather", "onnx reference", name, {}, [x, index], y, "float64")


def scatter_add() -> Iterator[Truth]:
    for case in frozen_of("ScatterND"):
        if case.attributes.get("reduction") == "add":
            x, index, updates = case.inputs
            arguments = [x.reshape(len(x), -1), index[:, 0], updates.reshape(len(updates), -1)]
            y = case.outputs[0].reshape(len(x), -1)
            yield Truth("scatter_add", case.source, case.name, {}, arguments, [y], "float32")
    for case in frozen_of("ScatterElements"):
        if case.attributes.get("reduction") == "add":
            x, index, updates = case.inputs  # one row, whose entries are the definition's rows
            yield Truth(
                "scatter_add", case.source, case.name, {}, [x.T, index[0], updates.T], [case.outputs[0].T], "float32"
            )
    for name, rng in random_cases(5, "ScatterND"):
        x, index, updates = rng.normal(size=(4, 3)), rng.integers(0, 4, 7), rng.normal(size=(7, 3))
        y = reference("ScatterND", [x, index[:, None], updates], reduction="add")
        yield Truth("scatter_add", "onnx reference", name, {}, [x, index, updates], y, "float64")


def where() -> Iterator[Truth]:
    for case in frozen_of("Where"):
        if case.outputs[0].dtype.kind == "f":
            yield Truth("where", case.source, case.name, {}, case.inputs, case.outputs, "float32")
    for name, rng in random_cases(5, "Where"):
        values = [rng.random((3, 5)) < 0.5, rng.normal(size=(3, 5)), rng.normal(size=(3, 5))]
        yield Truth("where", "onnx reference", name, {}, values, reference("Where", values), "float64")


def sort() -> Iterator[Truth]:
    """ONNX sorts by taking all as the k smallest."""
    for number, (name, rng) in enumerate(random_cases(5, "TopK all")):
        x = rng.normal(size=(3, 3 + number))
        y = reference("TopK", [x, np.array([x.shape[1]])], outputs=2, axis=1, largest=0, sorted=1)
        yield Truth("sort", "onnx reference", name, {}, [x], y[:1], "float64")
