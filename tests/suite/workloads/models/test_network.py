from __future__ import annotations

import pytest

from suite.errors import UsageError
from suite.workloads import WORKLOADS
from suite.workloads.models import layers
from suite.workloads.models.network import Fill, Network, Value


def image(net: Network, channels: int = 4, size: int = 8) -> Value:
    return net.input("x", "N C H W", (2, channels, size, size))


def test_a_layers_parameters_are_named_after_it() -> None:
    net = Network(training=True)
    layers.conv2d(net, "stem.conv", image(net), 6, 3, padding=1)
    assert {name: t.shape for name, t in net.tensors.items() if t.role == "parameter"} == {
        "stem.conv.weight": (6, 4, 3, 3),
        "stem.conv.bias": (6,),
    }


def test_what_a_layer_is_without_is_a_constant() -> None:
    net = Network(training=True)
    layers.conv2d(net, "conv", image(net), 6, 3, bias=False)
    assert [name for name, t in net.tensors.items() if t.role == "parameter"] == ["conv.weight"]
    bias = net.steps[-1].inputs[2]
    assert isinstance(bias, Fill)
    assert bias.value == 0


def test_batch_norm_has_states_that_training_moves() -> None:
    for training in (True, False):
        net = Network(training)
        layers.batch_norm(net, "bn", image(net))
        states = [name for name, t in net.tensors.items() if t.role == "state"]
        assert states == ["bn.running_mean", "bn.running_var"]
        assert list(net.updates) == (states if training else [])


def test_dropout_takes_a_mask_in_training_only() -> None:
    net = Network(training=True)
    x = net.input("x", "B D", (3, 5))
    assert layers.dropout(net, "drop", x, 0.5).name == "drop"
    assert net.tensors["drop.mask"].role == "mask"
    inference = Network(training=False)
    x = inference.input("x", "B D", (3, 5))
    assert layers.dropout(inference, "drop", x, 0.5) is x


def test_layers_of_one_owner_share_its_parameters() -> None:
    net = Network(training=True)
    x = net.input("x", "B I", (3, 5))
    sizes = dict(batch=3, in_features=5, out_features=5)
    y = net.apply("first", "linear", {"x": x}, owner="shared", **sizes)
    net.apply("second", "linear", {"x": y}, owner="shared", **sizes)
    assert [name for name, t in net.tensors.items() if t.role == "parameter"] == ["shared.weight", "shared.bias"]


def test_two_layers_of_one_name_are_refused() -> None:
    net = Network(training=True)
    x = net.input("x", "B I", (3, 5))
    layers.linear(net, "fc", x, 5)
    with pytest.raises(ValueError, match="two layers are called fc"):
        layers.linear(net, "fc", x, 5)


def test_a_layer_that_does_not_fit_is_refused() -> None:
    net = Network(training=True)
    with pytest.raises(ValueError, match="x has shape"):
        net.apply("fc", "linear", {"x": net.input("rows", "B I", (3, 5))}, batch=3, in_features=6, out_features=2)
    with pytest.raises(UsageError, match="spans 9 rows"):
        layers.conv2d(net, "conv", image(net), 6, 9)


def test_a_models_cost_is_that_of_its_layers() -> None:
    lenet = WORKLOADS["lenet5"]
    problem = lenet.problem("small", batch=1)
    products = 2 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10)
    assert products < lenet.cost(problem).flops < 1.05 * products  # the activations and means are the rest
