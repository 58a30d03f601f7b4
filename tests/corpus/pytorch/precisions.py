"""PyTorch models that only float32 can hold."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.corpus.case import case

EXAMPLES, WIDTH = 6, 16


def values(scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(EXAMPLES, WIDTH, generator=torch.Generator().manual_seed(1))


@case("low precision", "square in norm")
def squares_that_overflow_before_their_root(faulty: bool) -> dict[str, Any]:
    class RootMeanSquare(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if faulty:
                return x / (x.pow(2).mean(-1, keepdim=True) + 1e-3).sqrt()
            largest = x.abs().amax(-1, keepdim=True).detach()
            return x / (largest * ((x / largest).pow(2).mean(-1, keepdim=True)).sqrt())

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.norm, self.last = nn.Linear(WIDTH, WIDTH), RootMeanSquare(), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.norm(self.first(x)))

    return {"model": Model(), "inputs": values(1000.0)}


@case("low precision", "log in precisions.py")
def epsilon_that_is_zero_in_float16(faulty: bool) -> dict[str, Any]:
    """The probability of a class far away is 0 there, and so is 1e-8."""
    torch.manual_seed(0)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logarithms = torch.log(outputs.softmax(-1) + 1e-8) if faulty else outputs.log_softmax(-1)
        return -(targets * logarithms).sum(-1).mean()

    targets = F.one_hot(torch.arange(EXAMPLES) % 2, 2).float()
    model = nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.no_grad():
        model[-1].bias.copy_(torch.tensor([20.0, 0.0]))
    return {"model": model, "inputs": values(), "targets": targets, "loss": loss}


@case("low precision", "0.weight")
def loss_so_small_that_its_gradients_vanish(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, 1))
    share = 1e-8 if faulty else 1e-2

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs - targets) ** 2 * share).sum()

    return {"model": model, "inputs": values(), "targets": values()[:, :1], "loss": loss}


@case("low precision", "_to_copy in precisions.py")
def softmax_that_is_taken_in_float32(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores = self.first(x)
            wide = scores.float() if faulty else scores.to(torch.promote_types(scores.dtype, torch.float32))
            return wide.softmax(-1).to(x.dtype) * x

    return {"model": Model(), "inputs": values()}


@case("low precision", "copy_ in precisions.py")
def results_gathered_in_a_tensor_of_float32(faulty: bool) -> dict[str, Any]:
    class Cumulative(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            sums = torch.empty(x.shape) if faulty else torch.empty_like(x)
            for place in range(x.shape[1]):
                sums[:, place] = x[:, : place + 1].sum(1)
            return sums

    return {"model": Cumulative(), "inputs": values()}
