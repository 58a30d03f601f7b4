"""What only PyTorch's subject must do, and its part of the contract."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from impls.pytorch.subject import PytorchSubject
from impls.subject import Specimen, Subject, Unfit
from tests.impls.subjects.contract import ARRAYS, live_snapshot_moves


def subject() -> Subject:
    def make() -> Specimen:
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
        with torch.no_grad():
            for name, parameter in zip("AaBb", model.parameters(), strict=True):
                parameter.copy_(torch.from_numpy(ARRAYS[name].T.copy()))
        loss = nn.functional.mse_loss
        return Specimen(model, (ARRAYS["x"],), None, None, (ARRAYS["t"],), loss, snapshot=lambda m: m.state_dict())

    return PytorchSubject(make)


def check_a_snapshot_of_live_weights_moves_with_them() -> None:
    live_snapshot_moves(subject())


def check_a_snapshot_may_be_a_copy_of_the_model() -> None:
    copied = made(nn.Linear(2, 1), snapshot=copy.deepcopy)
    read = copied.kept()
    before = read()
    copied.load({"weight": np.zeros((1, 2), np.float32)})
    assert [each.shape for each in before] == [(1, 2), (1,)]
    assert all(np.array_equal(one, other) for one, other in zip(before, read(), strict=True))


def check_a_snapshot_without_tensors_is_none() -> None:
    try:
        made(nn.Linear(2, 1), snapshot=lambda model: "best.pt").kept()
    except Unfit as unfit:
        assert "no tensors" in str(unfit)
    else:
        raise AssertionError("it has a snapshot")


def check_a_step_that_gives_no_loss_gives_nan() -> None:
    assert math.isnan(made(nn.Linear(2, 1), step=lambda model, inputs, targets: None).step([np.ones((3, 2))], []))


def check_a_graph_is_known_by_what_holds_it() -> None:
    class Remembering(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.last = super().forward(x)
            return self.last.detach() if self.training else self.last

    model = Remembering(2, 1)
    found = made(model)
    assert "last" not in found.graphs()
    model(torch.ones(3, 2))
    once = found.graphs()
    assert next(iter(once)) == "last"
    model(model.last.expand(3, 2))
    assert found.graphs()["last"] > once["last"]


def check_a_model_that_fails_in_another_precision_is_unfit_for_it() -> None:
    class Strict(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) @ torch.ones(1, 1)

    found = made(Strict(2, 1))
    try:
        found.in_precision("float64")
    except Unfit as unfit:
        assert "in float64, in evaluation it raises RuntimeError" in str(unfit)
    else:
        raise AssertionError("it can be had")


def check_operations_bear_the_layer_the_line_and_what_is_differentiated() -> None:
    model = nn.Sequential()
    model.add_module("layer", nn.Linear(2, 2))
    model.add_module("gate", nn.Sequential(nn.ReLU(inplace=True)))
    found = made(model)
    operations = found.operations(found.inputs(), [], backward=True)
    (relu,) = [each for each in operations if each.name == "relu"]
    assert relu.where == "gate.0"
    backward = [each.where for each in operations if each.phase == "backward"]
    assert "gate.0, backward of relu" in backward
    assert "layer, backward of addmm" in backward


def check_recurrent_layers_and_attention_are_told_in_their_parts() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.attention = nn.LSTM(2, 2), nn.MultiheadAttention(2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.cells(x)[0]
            return self.attention(x, x, x, need_weights=False)[0]

    found = made(Both())
    operations = found.operations(found.inputs(), [])
    names = [(each.name, each.where.partition(" ")[0]) for each in operations]
    assert names.count(("sigmoid", "cells")) == 9  # three gates, three steps
    assert ("softmax", "attention") in names
    assert torch.backends.mkldnn.enabled


def check_strays_are_held_and_stay_held() -> None:
    class Holding(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 2)
            self.lists = [{"weight": torch.ones(2, 2)}]
            self.hidden = torch.zeros(2)
            self.register_buffer("known", torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = super().forward(x) @ self.lists[0]["weight"] + self.hidden + self.known + torch.tensor([1.0, 2.0])
            if self.training:
                self.hidden = x.detach().mean(0)
            return x

    (stray,) = made(Holding()).strays()
    assert stray.startswith("lists.0.weight of shape (2, 2), used in pytorch.py:")


def check_a_model_may_overwrite_its_inputs_and_is_told_the_mode() -> None:
    class Told(nn.Module):
        def forward(self, x: torch.Tensor, training: bool = False) -> torch.Tensor:
            return x.mul_(2 if training else 3)

    found = made(Told())
    inputs = found.inputs()
    assert np.all(found.call(inputs, training=True)[0] == 2)
    assert np.all(found.call(inputs)[0] == 3)
    assert found.gradients(inputs, []).inputs[0] is not None
    assert np.all(inputs[0] == 1)


def check_what_a_model_raises_makes_it_unfit_and_says_when() -> None:
    found = PytorchSubject(lambda: Specimen(nn.BatchNorm1d(2), (np.ones((1, 2), np.float32),)))
    assert found.call(found.inputs())[0].shape == (1, 2)
    try:
        found.call(found.inputs(), training=True)
    except Unfit as unfit:
        assert "in training it raises ValueError: Expected more than 1 value" in str(unfit)
    else:
        raise AssertionError("one example was normalised")


def check_a_copy_of_a_trace_has_gradients_of_its_own() -> None:
    found = made(torch.jit.trace(nn.Linear(2, 1), torch.ones(3, 2))).in_precision("float64")
    gradients = found.gradients(found.inputs(), found.targets()).parameters
    assert all(each is not None and each.any() for each in gradients.values())


def check_momenta_are_those_of_layers_that_training_moves() -> None:
    class Tuned(nn.Sequential):
        def train(self, mode: bool = True) -> Tuned:
            super().train(mode)
            self[1].eval()
            return self

    layers = [nn.BatchNorm1d(2, momentum=0.25), nn.BatchNorm1d(2)]
    assert made(Tuned(*layers)).momenta() == {"0.running_mean": 0.75, "0.running_var": 0.75}


def made(model: nn.Module, **more: Any) -> Subject:
    return PytorchSubject(lambda: Specimen(model, (np.ones((3, 2), np.float32),), **more))
