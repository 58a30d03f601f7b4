"""What only PyTorch's subject must do, and its part of the contract."""

from __future__ import annotations

import torch
from torch import nn

from impls.pytorch.subject import PytorchSubject
from impls.subject import Specimen, Subject
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
