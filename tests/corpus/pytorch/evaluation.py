"""Models in PyTorch whose evaluation is none, and statistics that are updated too often."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.corpus.case import case
from tests.corpus.pytorch.flow import WIDTH, examples


@case("evaluation determinism", "head")
def dropout_that_never_hears_of_evaluation(faulty: bool) -> dict[str, Any]:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = F.dropout(x, 0.5) if faulty else F.dropout(x, 0.5, training=self.training)
            return self.layer(x)

    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("body", nn.Linear(WIDTH, WIDTH))
    model.add_module("head", Head())
    return {"model": model, "inputs": examples()}


def traced(model: nn.Module, training: bool) -> nn.Module:
    model.train(training)
    return torch.jit.trace(model, examples(), check_trace=False).eval()


@case("evaluation determinism", "evaluation.py")
def dropout_in_a_trace_that_was_made_in_training(faulty: bool) -> dict[str, Any]:
    class Traced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = traced(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.3), nn.Linear(WIDTH, 2)), faulty)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

    return {"model": Traced(), "inputs": examples()}


@case("evaluation mode", "1.running_mean")
def normalisation_in_a_trace_that_was_made_in_training(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "model": traced(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Linear(WIDTH, 2)), faulty),
        "inputs": examples(),
    }


class Normalised(nn.Module):
    """A layer, normalised over the batch."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.head = nn.Linear(WIDTH, 6), nn.BatchNorm1d(6), nn.Linear(6, 2)

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.first(x)).tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(x))


@case("evaluation mode", "norm.running_var")
def normalisation_that_is_kept_in_training(faulty: bool) -> dict[str, Any]:
    class Stubborn(Normalised):
        def train(self, mode: bool = True) -> Stubborn:
            super().train(mode)
            if faulty:
                self.norm.train()
            return self

    return {"model": Stubborn(), "inputs": examples()}


@case("running statistics", "norm.running_mean")
def statistics_that_two_passes_update(faulty: bool) -> dict[str, Any]:
    class Twice(Normalised):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if faulty and self.training:
                self.hidden(x)  # for the shapes
            return super().forward(x)

    return {"model": Twice(), "inputs": examples()}


@case("running statistics", "norm.running_var")
def statistics_that_a_checkpoint_updates_again(faulty: bool) -> dict[str, Any]:
    class Checkpointed(Normalised):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if faulty:
                return self.head(checkpoint(self.hidden, x, use_reentrant=False))
            return self.head(self.norm(checkpoint(self.first, x, use_reentrant=False)).tanh())

    return {"model": Checkpointed(), "inputs": examples()}


@case("running statistics", "norm.running_mean")
def statistics_that_training_never_updates(faulty: bool) -> dict[str, Any]:
    class Still(Normalised):
        def hidden(self, x: torch.Tensor) -> torch.Tensor:
            if not faulty:
                return super().hidden(x)
            mean, variance = self.norm.running_mean, self.norm.running_var
            return F.batch_norm(self.first(x), mean, variance, self.norm.weight, self.norm.bias).tanh()

    return {"model": Still(), "inputs": examples()}
