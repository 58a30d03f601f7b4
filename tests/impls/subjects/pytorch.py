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


def made(model: nn.Module, **more: Any) -> Subject:
    return PytorchSubject(lambda: Specimen(model, (np.ones((3, 2), np.float32),), **more))
