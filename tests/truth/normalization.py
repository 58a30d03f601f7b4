"""Normalisations."""

from __future__ import annotations

from collections.abc import Iterator

from tests.truth.outside import Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from layer_norm()


def layer_norm() -> Iterator[Truth]:
    for case in frozen_of("LayerNormalization"):
        x, weight, bias = case.inputs
        axis = case.attributes.get("axis", -1)
        if x.ndim != 3 or axis not in (-1, 2):  # the definition knows the last axis only
            continue
        eps = case.attributes.get("epsilon", 1e-5)
        yield Truth("layer_norm", case.source, case.name, dict(eps=eps), [x, weight, bias], case.outputs[:1], "float32")
    for name, rng in random_cases(5, "LayerNormalization"):
        x, weight, bias = rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=5)
        eps = 2.0**-17
        y = reference("LayerNormalization", [x, weight, bias], epsilon=eps)
        yield Truth("layer_norm", "onnx reference", name, dict(eps=eps), [x, weight, bias], y, "float64")
