"""Keras Applications' ResNet50, VGG16, DenseNet121 and MobileNetV2, with the definition's weights.

Their configurations are edited where Keras departs from the definition without need: eps of the normalisations, biases
of convolutions that a normalisation follows, the place of ResNet's stride, and the softmax at the end. Everything that
computes is Keras's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from suite.workloads import Problem

Values = dict[str, np.ndarray]
EPS = 1e-5
DENSE_BLOCKS = (6, 12, 24, 16)
RESNET_BLOCKS = (3, 4, 6, 3)
INVERTED_BLOCKS = 17


@dataclass(frozen=True)
class Yardstick:
    """The application, how its layers' names follow from the definition's, and a problem of the application's own width."""

    application: Callable[..., keras.Model]
    names: Callable[[], dict[str, str]]
    problem: dict[str, Any]
    edit: Callable[[str, dict[str, Any]], None] = lambda name, config: None

    def model(self, problem: Problem, values: Values, dtype: str) -> keras.Model:
        """With these weights. Raises KeyError where the definition lacks a layer, ValueError where a shape is another."""
        keras.config.set_floatx(dtype)
        size, classes = problem.size, problem.classes
        original = self.application(
            weights=None, input_shape=(size, size, 3), classes=classes, classifier_activation=None
        )
        config = original.get_config()
        for layer in config["layers"]:
            if layer["class_name"] == "BatchNormalization":
                layer["config"]["epsilon"] = EPS
            self.edit(layer["name"], layer["config"])
        model = keras.Model.from_config(config)
        names = self.names()
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(_weights(layer, values, names[layer.name]))
        return model


def _weights(layer: keras.Layer, values: Values, name: str) -> list[np.ndarray]:
    """In Keras's order and layout."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [values[f"{name}.{kind}"] for kind in ("weight", "bias", "running_mean", "running_var")]
    weight = values[f"{name}.weight"]
    order = {4: (2, 3, 1, 0), 2: (1, 0)}[weight.ndim]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        order = (2, 3, 0, 1)
    bias = [values[f"{name}.bias"]] if layer.use_bias else []
    return [weight.transpose(order), *bias]


def _resnet_names() -> dict[str, str]:
    names = {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}
    for stage, count in enumerate(RESNET_BLOCKS):
        for number in range(count):
            theirs, ours = f"conv{stage + 2}_block{number + 1}", f"layer{stage + 1}.{number}"
            names |= {f"{theirs}_{part}_conv": f"{ours}.conv{part}" for part in (1, 2, 3)}
            names |= {f"{theirs}_{part}_bn": f"{ours}.bn{part}" for part in (1, 2, 3)}
            names |= {f"{theirs}_0_conv": f"{ours}.downsample.0", f"{theirs}_0_bn": f"{ours}.downsample.1"}
    return names


def _edit_resnet(name: str, config: dict[str, Any]) -> None:
    """The stride is in the convolution of 3 × 3."""
    if name.endswith("_conv"):
        config["use_bias"] = False
    if re.fullmatch(r"conv[345]_block1_1_conv", name):
        config["strides"] = (1, 1)
    if re.fullmatch(r"conv[345]_block1_2_conv", name):
        config["strides"] = (2, 2)


def _vgg_names() -> dict[str, str]:
    counts = (2, 2, 3, 3, 3)
    convolutions = {
        f"block{stage}_conv{number}": f"conv{stage}_{number}"
        for stage, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    }
    return {**convolutions, "fc1": "fc1", "fc2": "fc2", "predictions": "fc3"}


def _densenet_names() -> dict[str, str]:
    names = {"conv1_conv": "conv0", "conv1_bn": "norm0", "bn": "norm5", "predictions": "classifier"}
    for block, count in enumerate(DENSE_BLOCKS, 1):
        for number in range(1, count + 1):
            theirs, ours = f"conv{block + 1}_block{number}", f"denseblock{block}.denselayer{number}"
            names |= {f"{theirs}_0_bn": f"{ours}.norm1", f"{theirs}_1_conv": f"{ours}.conv1"}
            names |= {f"{theirs}_1_bn": f"{ours}.norm2", f"{theirs}_2_conv": f"{ours}.conv2"}
        names |= {f"pool{block + 1}_bn": f"transition{block}.norm", f"pool{block + 1}_conv": f"transition{block}.conv"}
    return names


def _mobilenet_names() -> dict[str, str]:
    names = {"Conv1": "stem.conv", "bn_Conv1": "stem.norm", "Conv_1": "head.conv", "Conv_1_bn": "head.norm"}
    names["predictions"] = "fc"
    for number in range(INVERTED_BLOCKS):
        theirs = "expanded_conv" if number == 0 else f"block_{number}"
        for part in ("expand", "depthwise", "project"):
            names |= {f"{theirs}_{part}": f"blocks.{number}.{part}.conv"}
            names |= {f"{theirs}_{part}_BN": f"blocks.{number}.{part}.norm"}
    return names


# Where the stride of a padded convolution is 2, images are of odd size: there Keras's "same" padding is as much before as
# behind.
YARDSTICKS = {
    "resnet50": Yardstick(
        keras.applications.ResNet50, _resnet_names, dict(batch=2, size=65, width=64, classes=10), _edit_resnet
    ),
    "vgg16": Yardstick(keras.applications.VGG16, _vgg_names, dict(batch=2, size=32, width=64, hidden=4096, classes=10)),
    "densenet121": Yardstick(
        keras.applications.DenseNet121, _densenet_names, dict(batch=2, size=64, growth=32, classes=10)
    ),
    "mobilenet_v2": Yardstick(
        keras.applications.MobileNetV2,
        _mobilenet_names,
        dict(batch=2, size=65, divisor=1, classes=10, squeeze_excite=False),
    ),
}
