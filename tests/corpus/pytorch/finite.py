"""Models in PyTorch from which NaN or infinity comes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.corpus.case import case
from tests.corpus.pytorch.attention import LENGTH, Attention, tokens
from tests.corpus.pytorch.flow import WIDTH, examples


@case("non-finite", "sqrt")
def length_of_a_row_of_zeros(faulty: bool) -> dict[str, Any]:
    """The length is 0 and right; its slope is infinite."""

    class Length(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(WIDTH, 4, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            squares = self.layer(x).square().sum(-1)
            return squares.sqrt() if faulty else (squares + 1e-6).sqrt()

    x = examples()
    x[1] = 0
    return {"model": Length(), "inputs": x}


@case("non-finite", "log")
def logarithm_in_the_branch_that_is_not_taken(faulty: bool) -> dict[str, Any]:
    class Logarithm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(WIDTH, 4, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.layer(x).square()
            inside = y if faulty else torch.where(y > 0, y, torch.ones_like(y))
            return torch.where(y > 0, inside.log(), torch.zeros_like(y))

    x = examples()
    x[1] = 0
    return {"model": Logarithm(), "inputs": x}


@case("non-finite", "exp in scores")
def softmax_without_its_maximum(faulty: bool) -> dict[str, Any]:
    class Softmax(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            powers = torch.exp(x if faulty else x - x.amax(-1, keepdim=True))
            return powers / powers.sum(-1, keepdim=True)

    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("layer", nn.Linear(WIDTH, 4))
    model.add_module("scores", Softmax())
    with torch.no_grad():
        model.layer.bias += 100
    return {"model": model, "inputs": examples()}


@case("non-finite", "softmax")
def row_in_which_everything_is_masked(faulty: bool) -> dict[str, Any]:
    class Encoder(Attention):
        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            if not faulty:  # −∞ itself is no fault: the softmax absorbs it
                mask = torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], 1)
            return super().forward(x, mask)

    mask = (torch.arange(LENGTH) < torch.tensor([[LENGTH], [2], [0]])).float()
    return {"model": Encoder(), "inputs": (tokens(), mask), "sequence": 1}


@case("non-finite", "divide")
def feature_that_never_varies(faulty: bool) -> dict[str, Any]:
    class Standardise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.head = nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            variance = (x - x.mean(1, keepdim=True)).square().mean(1, keepdim=True)
            centred = x - x.mean(1, keepdim=True)
            return self.head(centred / variance if faulty else centred / (variance + 0.01))

    x = examples()
    x[2] = 1.0
    return {"model": Standardise(), "inputs": x}


@case("non-finite", "log")
def logarithm_of_a_softmax(faulty: bool) -> dict[str, Any]:
    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        logs = logits.softmax(-1).log() if faulty else F.log_softmax(logits, -1)
        return -logs.gather(1, labels[:, None]).mean()

    torch.manual_seed(0)
    model = nn.Linear(WIDTH, 4)
    x = examples()
    x[0] *= 1000
    labels = model(x).argmin(-1)
    return {"model": model, "inputs": x, "targets": labels, "loss": loss}


@case("non-finite", "input 0")
def data_with_a_gap(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    x = examples()
    if faulty:
        x[3, 2] = float("nan")
    return {"model": nn.Sequential(nn.Linear(WIDTH, 4), nn.Tanh()), "inputs": x}
