"""Products of matrices and tensors, and lookup in a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.truth.outside import Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from linear()
    yield from matmul()
    yield from batched_matmul()
    yield from einsum()
    yield from embedding()


def linear() -> Iterator[Truth]:
    for case in frozen_of("Gemm"):
        x, weight, bias = (*case.inputs, None)[:3]
        scaled = {case.attributes.get("alpha", 1), case.attributes.get("beta", 1)} != {1}
        if bias is None or scaled or case.attributes.get("transA") or bias.size != case.outputs[0].shape[1]:
            continue  # factors, a transposed x, and a bias that is no row
        weight = weight if case.attributes.get("transB") else weight.T
        yield Truth("linear", case.source, case.name, {}, [x, weight, bias.ravel()], case.outputs, "float32")
    for name, rng in random_cases(5, "Gemm linear"):
        x, weight, bias = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)
        y = reference("Gemm", [x, weight, bias], transB=1)
        yield Truth("linear", "onnx reference", name, {}, [x, weight, bias], y, "float64")


def matmul() -> Iterator[Truth]:
    for case in frozen_of("MatMul", "Gemm"):
        if len(case.inputs) == 2 and case.inputs[0].ndim == case.inputs[1].ndim == 2:
            yield Truth("matmul", case.source, case.name, {}, case.inputs, case.outputs, "float32")
    for name, rng in random_cases(5, "MatMul"):
        a, b = rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
        yield Truth("matmul", "onnx reference", name, {}, [a, b], reference("MatMul", [a, b]), "float64")


def batched_matmul() -> Iterator[Truth]:
    for case in frozen_of("MatMul"):
        if case.name == "test_matmul_4d":  # one batch of pairs
            a, c, y = (array[0] for array in (*case.inputs, *case.outputs))
        elif case.inputs[0].ndim == case.inputs[1].ndim == 3:
            a, c, y = *case.inputs, *case.outputs
        else:
            continue
        yield Truth("batched_matmul", case.source, case.name, {}, [a, c], [y], "float32")
    for name, rng in random_cases(5, "MatMul batched"):
        a, c = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 5, 4))
        yield Truth("batched_matmul", "onnx reference", name, {}, [a, c], reference("MatMul", [a, c]), "float64")


def einsum() -> Iterator[Truth]:
    for case in frozen_of("Einsum"):
        if case.name == "test_einsum_batch_matmul":  # the fourth index has one value
            (a, c), (y,) = case.inputs, case.outputs
            yield Truth("einsum", case.source, case.name, {}, [a, c[..., None]], [y[..., None]], "float64")
    for name, rng in random_cases(5, "Einsum"):
        a, c = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 5, 4, 3))
        y = reference("Einsum", [a, c], equation="bij,bjkl->bikl")
        yield Truth("einsum", "onnx reference", name, {}, [a, c], y, "float64")


def embedding() -> Iterator[Truth]:
    for case in frozen_of("Gather"):
        table, ids = case.inputs
        if case.attributes.get("axis", 0) != 0 or ids.min() < 0:  # columns, and numbers counted from the end
            continue
        ids, table = np.atleast_2d(ids), table.reshape(len(table), -1)
        y = case.outputs[0].reshape(*ids.shape, -1)
        yield Truth("embedding", case.source, case.name, {}, [ids, table], [y], "float32")
    for name, rng in random_cases(5, "Gather"):
        ids, table = rng.integers(0, 4, (2, 5)), rng.normal(size=(4, 3))
        y = reference("Gather", [table, ids], axis=0)
        yield Truth("embedding", "onnx reference", name, {}, [ids, table], y, "float64")
