"""Models of dense layers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.truth.outside import Truth, random_cases, reference


def truths() -> Iterator[Truth]:
    """ONNX's three nodes, one after the other."""
    for name, rng in random_cases(5, "Gemm, Relu, Gemm"):
        x, weight1, bias1 = rng.normal(size=(4, 6)), rng.normal(size=(5, 6)), rng.normal(size=5)
        weight2, bias2 = rng.normal(size=(3, 5)), rng.normal(size=3)
        (hidden,) = reference("Relu", reference("Gemm", [x, weight1, bias1], transB=1))
        y = reference("Gemm", [hidden, weight2, bias2], transB=1)
        yield Truth("mlp", "onnx reference", name, {}, [x, weight1, bias1, weight2, bias2], y, "float64")
