"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import signal

from tests.truth.outside import Array, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from frozen_convolutions()
    yield from conv()
    yield from same_padding()
    yield from no_padding()
    yield from depthwise()
    yield from separable()
    yield from frozen_transposed()
    yield from transposed()


def frozen_convolutions() -> Iterator[Truth]:
    for case in frozen_of("Conv"):
        x, weight = case.inputs[:2]
        bias = case.inputs[2] if len(case.inputs) > 2 else np.zeros(weight.shape[0], weight.dtype)
        problem = _settings(case.attributes)
        if problem is None:  # a stride, or a padding, that is not the same on all sides
            continue
        axes = x.ndim - 2
        auto_pad = problem.pop("auto_pad")
        if axes != 2:
            assert auto_pad == "explicit"
            yield Truth(f"conv{axes}d", case.source, case.name, problem, [x, weight, bias], case.outputs, "float32")
            continue
        full = problem | {"auto_pad": auto_pad}
        yield Truth("conv2d", case.source, case.name, full, [x, weight, bias], case.outputs, "float32")
        if "depthwise" in case.name:
            channels = x.shape[1]
            kernels = weight.reshape(channels, -1, *weight.shape[2:])
            values = [x, kernels, bias]
            yield Truth("depthwise_conv2d", case.source, case.name, problem, values, case.outputs, "float32")


def conv() -> Iterator[Truth]:
    """Random weights, sizes that differ in every axis, groups of several channels, and all settings at once."""
    kernels = {1: (4,), 2: (3, 2), 3: (2, 3, 1)}
    for axes, kernel in kernels.items():
        for name, rng in random_cases(5, f"Conv{axes}d"):
            groups, stride, dilation, padding = (int(n) for n in rng.integers([1, 1, 1, 0], [4, 4, 3, 3]))
            x = rng.normal(size=(2, 2 * groups, *[7, 8, 6][:axes]))
            weight = rng.normal(size=(3 * groups, 2, *kernel))
            bias = rng.normal(size=3 * groups)
            problem: dict[str, Any] = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
            y = reference(
                "Conv",
                [x, weight, bias],
                strides=[stride] * axes,
                dilations=[dilation] * axes,
                pads=[padding] * (2 * axes),
                group=groups,
            )
            if axes == 2:
                problem["auto_pad"] = "explicit"
            yield Truth(f"conv{axes}d", "onnx reference", name, problem, [x, weight, bias], y, "float64")


def same_padding() -> Iterator[Truth]:
    """An odd number of zeros to share out, by an even kernel or by a stride; the frozen data have none such.

    The evaluator of onnx 1.22.0 takes the sizes of batch and channels for those of the image here, so all four are equal
    and there are no groups.
    """
    cases = [(6, 3, 2, 1), (5, 2, 1, 1), (5, 4, 1, 1), (8, 5, 2, 1), (5, 2, 1, 3)]
    for auto_pad in ("same_upper", "same_lower"):
        for (size, kernel, stride, dilation), (name, rng) in zip(cases, random_cases(5, auto_pad), strict=True):
            x, weight = rng.normal(size=(size,) * 4), rng.normal(size=(3, size, kernel, kernel))
            bias = rng.normal(size=3)
            problem = dict(stride=stride, padding=0, dilation=dilation, groups=1, auto_pad=auto_pad)
            settings: dict[str, Any] = dict(strides=[stride] * 2, dilations=[dilation] * 2, auto_pad=auto_pad.upper())
            y = reference("Conv", [x, weight, bias], **settings)
            yield Truth("conv2d", "onnx reference", name, problem, [x, weight, bias], y, "float64")


def no_padding() -> Iterator[Truth]:
    """By SciPy, as the evaluator of onnx 1.22.0 pads for VALID as for SAME_UPPER."""
    for name, rng in random_cases(5, "valid"):
        stride = int(rng.integers(1, 4))
        x, weight, bias = rng.normal(size=(2, 3, 6, 7)), rng.normal(size=(4, 3, 3, 2)), rng.normal(size=4)
        y = np.array([[signal.correlate(image, kernel, "valid", "direct")[0] for kernel in weight] for image in x])
        y = y[:, :, ::stride, ::stride] + bias[:, None, None]
        problem = dict(stride=stride, padding=0, dilation=1, groups=1, auto_pad="valid")
        yield Truth("conv2d", "scipy", name, problem, [x, weight, bias], [y], "float64")


def depthwise() -> Iterator[Truth]:
    for name, rng in random_cases(5, "depthwise"):
        multiplier, stride, dilation, padding = (int(n) for n in rng.integers([1, 1, 1, 0], [4, 3, 3, 3]))
        x, bias = rng.normal(size=(2, 3, 7, 8)), rng.normal(size=3 * multiplier)
        weight = rng.normal(size=(3, multiplier, 3, 2))
        y = _depthwise(x, weight, bias, stride, padding, dilation)
        problem = dict(stride=stride, padding=padding, dilation=dilation)
        yield Truth("depthwise_conv2d", "onnx reference", name, problem, [x, weight, bias], y, "float64")


def separable() -> Iterator[Truth]:
    """ONNX's two convolutions, one after the other."""
    for name, rng in random_cases(5, "separable"):
        multiplier, stride, padding = (int(n) for n in rng.integers([1, 1, 0], [4, 3, 3]))
        x, weight = rng.normal(size=(2, 3, 7, 8)), rng.normal(size=(3, multiplier, 3, 2))
        pointwise, bias = rng.normal(size=(5, 3 * multiplier)), rng.normal(size=5)
        h = _depthwise(x, weight, np.zeros(3 * multiplier), stride, padding, 1)
        y = reference("Conv", [h[0], pointwise[:, :, None, None], bias])
        problem = dict(stride=stride, padding=padding)
        yield Truth("separable_conv2d", "onnx reference", name, problem, [x, weight, pointwise, bias], y, "float64")


def frozen_transposed() -> Iterator[Truth]:
    for case in frozen_of("ConvTranspose"):
        x, weight = case.inputs[:2]
        attributes = dict(case.attributes)
        added = set(attributes.pop("output_padding", [0]))
        problem = _settings(attributes)
        if x.ndim != 4 or problem is None or len(added) > 1 or "output_shape" in attributes:
            continue  # one size for both axes, and no size that is asked for by itself
        if problem.pop("dilation") > 1 or problem.pop("auto_pad") != "explicit":
            continue
        groups = problem["groups"]
        bias = case.inputs[2] if len(case.inputs) > 2 else np.zeros(weight.shape[1] * groups, weight.dtype)
        problem |= {"output_padding": added.pop()}
        yield Truth("conv_transpose2d", case.source, case.name, problem, [x, weight, bias], case.outputs, "float32")


def transposed() -> Iterator[Truth]:
    """Groups are taken one by one, as the evaluator fails on most of them together."""
    for name, rng in random_cases(8, "ConvTranspose"):
        groups, stride, padding = (int(n) for n in rng.integers([1, 1, 0], [4, 4, 2]))
        added = int(rng.integers(0, stride))
        x, weight = rng.normal(size=(2, 2 * groups, 4, 3)), rng.normal(size=(2 * groups, 3, 3, 4))
        bias = rng.normal(size=3 * groups)
        parts = [
            reference(
                "ConvTranspose",
                [x[:, 2 * g : 2 * g + 2], weight[2 * g : 2 * g + 2], bias[3 * g : 3 * g + 3]],
                strides=[stride] * 2,
                pads=[padding] * 4,
                output_padding=[added] * 2,
            )[0]
            for g in range(groups)
        ]
        problem = dict(stride=stride, padding=padding, output_padding=added, groups=groups)
        y = [np.concatenate(parts, axis=1)]
        yield Truth("conv_transpose2d", "onnx reference", name, problem, [x, weight, bias], y, "float64")


def _depthwise(x: Array, weight: Array, bias: Array, stride: int, padding: int, dilation: int) -> list[Any]:
    channels, multiplier, *kernel = weight.shape
    return reference(
        "Conv",
        [x, weight.reshape(channels * multiplier, 1, *kernel), bias],
        strides=[stride] * 2,
        dilations=[dilation] * 2,
        pads=[padding] * 4,
        group=channels,
    )


def _settings(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """stride, padding, dilation, groups and auto_pad; None where they are not the same along every axis."""
    strides, pads = set(attributes.get("strides", [1])), set(attributes.get("pads", [0]))
    dilations = set(attributes.get("dilations", [1]))
    if max(len(strides), len(pads), len(dilations)) > 1:
        return None
    return dict(
        stride=strides.pop(),
        padding=pads.pop(),
        dilation=dilations.pop(),
        groups=attributes.get("group", 1),
        auto_pad=attributes.get("auto_pad", "NOTSET").lower().replace("notset", "explicit"),
    )
