"""Pooling and resampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.truth.outside import Frozen, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from pooling("max_pool2d", "MaxPool")
    yield from pooling("avg_pool2d", "AveragePool")
    yield from global_avg_pool2d()
    yield from resize("resize_bilinear", mode="linear")
    yield from resize("resize_nearest", mode="nearest", nearest_mode="round_prefer_ceil")
    yield from pixel_shuffle()


ROUNDED = ("test_averagepool_2d_ceil_last_window_starts_on_pad",)  # its expected values have four decimals


def square_pool(case: Frozen) -> dict[str, Any] | None:
    """The problem of a frozen case; None for what the definitions do not cover: other ranks, dilation, padding by name
    or to one side, padding of more than half a kernel, numbers that were rounded."""
    a = case.attributes
    kernel, strides = a["kernel_shape"], a.get("strides", [1, 1])
    pads = a.get("pads", [0, 0, 0, 0])
    if (
        case.name in ROUNDED
        or case.inputs[0].ndim != 4
        or case.inputs[0].dtype != np.float32
        or "auto_pad" in a
        or "dilations" in a
    ):
        return None
    if len({*kernel}) > 1 or len({*strides}) > 1 or len({*pads}) > 1 or pads[0] > kernel[0] // 2:
        return None
    return dict(
        kernel=kernel[0],
        stride=strides[0],
        padding=pads[0],
        ceil_mode=bool(a.get("ceil_mode", 0)),
        count_include_pad=bool(a.get("count_include_pad", 0)),
    )


def pooling(workload: str, op: str) -> Iterator[Truth]:
    for case in frozen_of(op):
        if problem := square_pool(case):
            yield Truth(workload, case.source, case.name, problem, case.inputs, case.outputs[:1], "float32")
    settings = [(3, 2, 1), (2, 3, 1), (3, 4, 1), (2, 2, 0), (4, 3, 2)]
    for number, (name, rng) in enumerate(random_cases(20, op)):
        kernel, stride, padding = settings[number % 5]
        ceil_mode, count_include_pad = bool(number // 5 % 2), bool(number // 10)
        x = rng.normal(size=(2, 3, *rng.integers(6, 10, 2)))
        counting = {"count_include_pad": int(count_include_pad)} if op == "AveragePool" else {}
        y = reference(
            op,
            [x],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[padding] * 4,
            ceil_mode=int(ceil_mode),
            **counting,
        )
        problem = dict(
            kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad
        )
        yield Truth(workload, "onnx reference", name, problem, [x], y, "float64")


def global_avg_pool2d() -> Iterator[Truth]:
    for case in frozen_of("GlobalAveragePool"):
        y = case.outputs[0][:, :, 0, 0]
        yield Truth("global_avg_pool2d", case.source, case.name, {}, case.inputs, [y], "float32")
    for name, rng in random_cases(5, "GlobalAveragePool"):
        x = rng.normal(size=(2, 3, 4, 5))
        y = reference("GlobalAveragePool", [x])[0][:, :, 0, 0]
        yield Truth("global_avg_pool2d", "onnx reference", name, {}, [x], [y], "float64")


def resize(workload: str, mode: str, **attributes: Any) -> Iterator[Truth]:
    for case in frozen_of("Resize"):
        a = case.attributes
        # Whole sizes in order only: with scales, the places are spaced by the scale and not by the sizes' ratio.
        known = ("half_pixel", "pytorch_half_pixel") if mode == "linear" else ("half_pixel",)
        if a["mode"] != mode or "axes" in a or "keep_aspect_ratio_policy" in a or a.get("antialias"):
            continue
        if a.get("coordinate_transformation_mode", "half_pixel") not in known:
            continue
        out = case.outputs[0].shape[2:]
        if a.get("coordinate_transformation_mode") == "pytorch_half_pixel" and 1 in out:
            continue  # a single pixel is then taken from the corner
        sizes = case.inputs[0].shape[2:]
        scales = case.inputs[2] if len(case.inputs) > 2 else None
        if scales is not None and not np.array_equal(np.multiply(sizes, scales[2:]), out):
            continue
        if mode == "nearest":
            if a.get("nearest_mode", "round_prefer_floor") == "ceil":
                continue
            if any((2 * i + 1) * n % (2 * m) == 0 for n, m in zip(sizes, out, strict=True) for i in range(m)):
                continue  # ties, which are rounded down there
        problem = dict(out_height=out[0], out_width=out[1])
        yield Truth(workload, case.source, case.name, problem, case.inputs[:1], case.outputs, "float32")
    # Ratios that the evaluator's floating scales hold exactly, up and down.
    for number, (name, rng) in enumerate(random_cases(8, f"Resize {mode}")):
        height, width = [(4, 8), (8, 16), (5, 3), (16, 4)][number % 4]
        out_height, out_width = [(7, 13), (5, 9), (10, 9), (3, 11)][number % 4]
        if mode == "nearest" and number % 4 == 2:
            out_width = 6
        x = rng.normal(size=(2, 3, height, width))
        sizes = np.array([2, 3, out_height, out_width], dtype=np.int64)
        y = reference(
            "Resize", [x, None, None, sizes], mode=mode, coordinate_transformation_mode="half_pixel", **attributes
        )
        problem = dict(out_height=out_height, out_width=out_width)
        yield Truth(workload, "onnx reference", name, problem, [x], y, "float64")


def pixel_shuffle() -> Iterator[Truth]:
    for case in frozen_of("DepthToSpace"):
        if case.attributes["mode"] == "CRD":  # the other order is that of TensorFlow
            problem = dict(upscale=case.attributes["blocksize"])
            yield Truth("pixel_shuffle", case.source, case.name, problem, case.inputs, case.outputs, "float32")
    for number, (name, rng) in enumerate(random_cases(5, "DepthToSpace")):
        upscale = 2 + number % 2
        x = rng.normal(size=(2, 3 * upscale**2, 2, 5))
        y = reference("DepthToSpace", [x], blocksize=upscale, mode="CRD")
        yield Truth("pixel_shuffle", "onnx reference", name, dict(upscale=upscale), [x], y, "float64")
