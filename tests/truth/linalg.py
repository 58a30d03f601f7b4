"""Linear algebra: SciPy, matrix by matrix; ONNX's Det."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import linalg

from tests.truth.outside import Array, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from solves()
    yield from factorisations()
    yield from logdet()


def solves() -> Iterator[Truth]:
    for name, rng in random_cases(5, "cho_solve"):
        matrix, rhs = rng.normal(size=(2, 4, 4)), rng.normal(size=(2, 4, 3))
        factors = [linalg.cho_factor(m @ m.T / 4 + np.eye(4)) for m in matrix]
        y = np.stack([linalg.cho_solve(factor, column) for factor, column in zip(factors, rhs, strict=True)])
        yield Truth("cholesky_solve", "scipy", name, {}, [matrix, rhs], [y], "float64")
    for name, rng in random_cases(6, "solve_triangular"):
        lower = name.endswith(("0", "2", "4"))
        matrix, rhs = rng.uniform(-0.4, 0.4, size=(2, 5, 5)), rng.normal(size=(2, 5, 3))
        pairs = zip(matrix + np.eye(5), rhs, strict=True)
        y = np.stack([linalg.solve_triangular(m, column, lower=lower) for m, column in pairs])
        yield Truth("triangular_solve", "scipy", name, dict(lower=lower), [matrix, rhs], [y], "float64")


def factorisations() -> Iterator[Truth]:
    for name, rng in random_cases(5, "qr"):
        x = rng.normal(size=(2, 6, 3))
        parts = [linalg.qr(m, mode="economic") for m in x]
        signs = [np.sign(np.diag(r)) for _, r in parts]
        q = np.stack([q * s for (q, _), s in zip(parts, signs, strict=True)])
        r = np.stack([r * s[:, None] for (_, r), s in zip(parts, signs, strict=True)])
        yield Truth("qr", "scipy", name, {}, [x], [q, r], "float64")
    for name, rng in random_cases(5, "eigh"):
        x = 0.25 * rng.normal(size=(2, 4, 4))
        parts = [linalg.eigh((m + m.T) / 2 + np.diag([1.0, 2.0, 3.0, 4.0])) for m in x]
        values = np.stack([values for values, _ in parts])
        vectors = np.stack([vectors * np.sign(np.diag(vectors)) for _, vectors in parts])
        yield Truth("eigh", "scipy", name, {}, [x], [values, vectors], "float64")
    for name, rng in random_cases(5, "svdvals"):
        x = rng.normal(size=(2, 6, 3))
        yield Truth("svdvals", "scipy", name, {}, [x], [np.stack([linalg.svdvals(m) for m in x])], "float64")


def logdet() -> Iterator[Truth]:
    for case in frozen_of("Det"):
        yield _logdet(case.source, case.name, case.inputs[0], np.asarray(case.outputs[0]), "float32")
    for name, rng in random_cases(5, "Det"):
        matrix = rng.normal(size=(3, 4, 4))
        yield _logdet("onnx reference", name, matrix, reference("Det", [matrix])[0], "float64")


def _logdet(source: str, name: str, matrix: Array, determinant: Array, precision: str) -> Truth:
    size = matrix.shape[-1]
    batch = matrix.reshape(-1, size, size).astype(np.float64)
    y = np.log(np.abs(determinant.astype(np.float64))).reshape(-1)
    return Truth("logdet", source, name, {}, [batch - 2 * np.eye(size)], [y], precision)
