"""Normalisations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import linalg

from tests.truth.outside import Array, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from layer_norm()
    yield from rms_norm()
    yield from batch_norm()
    yield from batch_norm_inference()
    yield from instance_norm()
    yield from group_norm()
    yield from local_response_norm()
    yield from weight_norm()
    yield from spectral_norm()


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


EPS = 2.0**-17


def batch_norm() -> Iterator[Truth]:
    """ONNX weighs the old statistics with `momentum`, and its running variance is the biased one."""
    for case in frozen_of("BatchNormalization"):
        if not case.attributes.get("training_mode", 0):
            continue
        old_weight = case.attributes.get("momentum", 0.9)
        y, new_mean, new_var = case.outputs
        new_var = unbiased(case.inputs[4], new_var, old_weight, y)
        problem = dict(eps=case.attributes.get("epsilon", 1e-5), momentum=1 - old_weight)
        yield Truth("batch_norm", case.source, case.name, problem, case.inputs, [y, new_mean, new_var], "float32")
    for name, rng in random_cases(5, "BatchNormalization training"):
        x, values = images(rng), statistics(rng)
        y, new_mean, new_var = reference(
            "BatchNormalization", [x, *values], outputs=3, training_mode=1, epsilon=EPS, momentum=0.75
        )
        new_var = unbiased(values[3], new_var, 0.75, y)
        problem = dict(eps=EPS, momentum=0.25)
        yield Truth("batch_norm", "onnx reference", name, problem, [x, *values], [y, new_mean, new_var], "float64")


def unbiased(old_var: Array, new_var: Array, old_weight: float, y: Array) -> Array:
    """What the running variance would be, had the new share in it been divided by one less."""
    count = y.size // y.shape[1]
    return np.asarray(old_weight * old_var + (new_var - old_weight * old_var) * count / (count - 1))


def images(rng: np.random.Generator, channels: int = 3) -> Array:
    return rng.normal(0.5, 2.0, size=(2, channels, 4, 5))


def affine(rng: np.random.Generator, channels: int = 3) -> list[Array]:
    return [rng.normal(size=channels), rng.normal(size=channels)]


def statistics(rng: np.random.Generator) -> list[Array]:
    return [*affine(rng), rng.normal(size=3), rng.uniform(0.5, 2.0, size=3)]


def batch_norm_inference() -> Iterator[Truth]:
    for case in frozen_of("BatchNormalization"):
        if case.attributes.get("training_mode", 0) or case.inputs[0].ndim != 4:
            continue
        problem = dict(eps=case.attributes.get("epsilon", 1e-5))
        yield Truth("batch_norm_inference", case.source, case.name, problem, case.inputs, case.outputs, "float32")
    for name, rng in random_cases(5, "BatchNormalization"):
        values = [images(rng), *statistics(rng)]
        y = reference("BatchNormalization", values, epsilon=EPS)
        yield Truth("batch_norm_inference", "onnx reference", name, dict(eps=EPS), values, y, "float64")


def instance_norm() -> Iterator[Truth]:
    for case in frozen_of("InstanceNormalization"):
        problem = dict(eps=case.attributes.get("epsilon", 1e-5))
        yield Truth("instance_norm", case.source, case.name, problem, case.inputs, case.outputs, "float32")
    for name, rng in random_cases(5, "InstanceNormalization"):
        values = [images(rng), *affine(rng)]
        y = reference("InstanceNormalization", values, epsilon=EPS)
        yield Truth("instance_norm", "onnx reference", name, dict(eps=EPS), values, y, "float64")


def group_norm() -> Iterator[Truth]:
    for case in frozen_of("GroupNormalization"):
        a = case.attributes
        problem = dict(eps=a.get("epsilon", 1e-5), groups=a["num_groups"])
        yield Truth("group_norm", case.source, case.name, problem, case.inputs, case.outputs, "float32")
    for number, (name, rng) in enumerate(random_cases(5, "GroupNormalization")):
        groups = 2 + number % 2
        values = [images(rng, 6), *affine(rng, 6)]
        stash_type = 11  # double: without it the evaluator computes in float32
        y = reference("GroupNormalization", values, epsilon=EPS, num_groups=groups, stash_type=stash_type)
        yield Truth("group_norm", "onnx reference", name, dict(eps=EPS, groups=groups), values, y, "float64")


def local_response_norm() -> Iterator[Truth]:
    """ONNX divides alpha by the number of channels in the sum."""
    for case in frozen_of("LRN"):
        a = case.attributes
        problem = dict(
            radius=a["size"] // 2,
            alpha=a.get("alpha", 1e-4) / a["size"],
            beta=a.get("beta", 0.75),
            k=a.get("bias", 1.0),
        )
        yield Truth("local_response_norm", case.source, case.name, problem, case.inputs, case.outputs, "float32")
    for number, (name, rng) in enumerate(random_cases(5, "LRN")):
        radius = 1 + number % 2
        size = 2 * radius + 1
        x = rng.normal(0.5, 2.0, size=(5, 5, 2, 3))  # the evaluator of 1.22.0 counts images where it means channels
        y = reference("LRN", [x], size=size, alpha=0.25 * size, beta=0.75, bias=2.0)
        problem = dict(radius=radius, alpha=0.25, beta=0.75, k=2.0)
        yield Truth("local_response_norm", "onnx reference", name, problem, [x], y, "float64")


def weight_norm() -> Iterator[Truth]:
    """The gain times ONNX's rows of length 1."""
    for name, rng in random_cases(5, "LpNormalization"):
        direction, gain = rng.normal(size=(3, 5)), rng.normal(size=3)
        unit = reference("LpNormalization", [direction], axis=1, p=2)[0]
        yield Truth("weight_norm", "onnx reference", name, {}, [direction, gain], [gain[:, None] * unit], "float64")


def spectral_norm() -> Iterator[Truth]:
    """After many iterations: the first singular value and the vector that belongs to it, on the side of the first u."""
    for name, rng in random_cases(5, "svd"):
        weight, u = rng.normal(0.5, 0.1, size=(3, 5)), rng.normal(size=3)
        vectors, values, _ = linalg.svd(weight)
        first = vectors[:, 0] * np.sign(vectors[:, 0] @ u)
        expected = [weight / values[0], first]
        yield Truth("spectral_norm", "scipy", name, dict(iterations=60), [weight, u], expected, "float64")


def rms_norm() -> Iterator[Truth]:
    for case in frozen_of("RMSNormalization"):
        x, weight = case.inputs
        if x.ndim == 3 and case.attributes.get("axis", -1) in (-1, 2):  # the definition knows the last axis only
            eps = case.attributes.get("epsilon", 1e-5)
            yield Truth("rms_norm", case.source, case.name, dict(eps=eps), [x, weight], case.outputs, "float32")
    for name, rng in random_cases(5, "RMSNormalization"):
        x, weight = rng.normal(size=(2, 3, 5)), rng.normal(size=5)
        y = reference("RMSNormalization", [x, weight], opset=23, epsilon=2.0**-17)
        # It divides in float32, whatever its arguments' type (1.22.0 implements a stash_type of 1 only).
        yield Truth("rms_norm", "onnx reference", name, dict(eps=2.0**-17), [x, weight], y, "float32")
