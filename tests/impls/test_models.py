"""Models: how many parameters they have, and that each framework takes the definition's by name, or says which is wrong."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from impls.interface import Backend, Implementation, load
from suite.cases import FRAMEWORK_MODES
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw

# Of the published configurations: torchvision's models (and the papers', where these differ), and sums of the layers.
COUNTS = {
    "lenet5[small]": 61_706,
    "alexnet[imagenet]": 60_965_224,
    "vgg16[imagenet]": 138_357_544,
    "googlenet[imagenet]": 6_998_552,
    "resnet18[imagenet]": 11_689_512,
    "resnet50[imagenet]": 25_557_032,
    "densenet121[imagenet]": 7_978_856,
    "mobilenet_v2[imagenet]": 3_504_872,
    "unet[large]": 31_043_586,
}


@pytest.mark.parametrize("selector", COUNTS)
def test_the_published_models_have_as_many_parameters_as_published(selector: str) -> None:
    name, _, problem = selector.removesuffix("]").partition("[")
    assert WORKLOADS[name].parameter_count(WORKLOADS[name].problem(problem)) == COUNTS[selector]


@cache
def loaded(framework: str) -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    return load(f"impls.{framework}")


def made(framework: str, **changes: Any) -> Any:
    """The tiny deep_mlp with some of its parameters changed; None takes one away."""
    backend, implementations = loaded(framework)
    workload = WORKLOADS["deep_mlp"]
    problem = workload.problem("tiny")
    values: dict[str, Any] = {**draw(workload, problem, seed=0), **{k.replace("__", "."): v for k, v in changes.items()}}
    tensors = workload.tensors(problem)
    axes = backend.models.axes

    def native(role: str) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            if value is not None and (tensors[name].role if name in tensors else "parameter") == role:
                transposed = name in tensors and axes.get(tensors[name].axes, "") == "I O"
                found[name] = backend.array(value.T.copy() if transposed else value, "float64", "cpu")
        return found

    backend.use("float64")
    build = implementations["deep_mlp", "default"].bind(problem)
    return backend.models.make(build, native("parameter"), native("state"), list(native("input").values()))


FRAMEWORKS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORK_MODES if name != "numpy"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_definitions_parameters_are_the_models(framework: str) -> None:
    assert made(framework) is not None


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_parameter_that_is_missing_is_named(framework: str) -> None:
    with pytest.raises(ValueError, match=r"fc2\.weight"):
        made(framework, fc2__weight=None)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_parameter_too_many_is_named(framework: str) -> None:
    with pytest.raises(ValueError, match=r"fc9\.weight"):
        made(framework, fc9__weight=np.zeros((2, 3)))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_transposed_parameter_is_refused(framework: str) -> None:
    shape = WORKLOADS["deep_mlp"].tensors(WORKLOADS["deep_mlp"].problem("tiny"))["fc2.weight"].shape
    with pytest.raises((ValueError, TypeError)):
        made(framework, fc2__weight=np.zeros(shape[::-1]))
