"""Training steps in PyTorch that keep, add up or apply too much."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.corpus.case import case

EXAMPLES, FEATURES, CLASSES = 8, 4, 3
Step = Callable[[nn.Module, torch.Tensor, torch.Tensor], Any]


def features() -> torch.Tensor:
    return torch.randn(EXAMPLES, FEATURES, generator=torch.Generator().manual_seed(1))


def labels() -> torch.Tensor:
    return torch.arange(EXAMPLES) % CLASSES


def classifier() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, CLASSES))


def plain_step(optimizer: torch.optim.Optimizer, loss_of: Callable[..., torch.Tensor] = F.cross_entropy) -> Step:
    def step(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@case("stale graph and aliasing", "hidden")
def state_that_is_carried_with_its_graph(faulty: bool) -> dict[str, Any]:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.cell, self.out = nn.GRUCell(FEATURES, 8), nn.Linear(8, CLASSES)
            self.hidden = torch.zeros(1, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.cell(x, self.hidden.to(x.dtype).expand(len(x), -1))
            if self.training:
                last = hidden[-1:]
                self.hidden = last if faulty else last.detach()
            return self.out(hidden)

    return {"model": Recurrent(), "inputs": features(), "targets": labels(), "loss": F.cross_entropy}


@case("stale graph and aliasing", "that AddBackward0 made")
def sum_of_losses_that_are_no_numbers(faulty: bool) -> dict[str, Any]:
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    total: dict[str, Any] = {"loss": 0.0}

    def step(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total["loss"] = total["loss"] + (loss if faulty else loss.item())
        return loss.item()

    return {"model": model, "inputs": features(), "targets": labels(), "loss": F.cross_entropy, "step": step}


@case("stale graph and aliasing", "0.weight")
def best_weights_that_are_the_live_ones(faulty: bool) -> dict[str, Any]:
    def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
        weights = model.state_dict()
        return weights if faulty else copy.deepcopy(weights)

    model = classifier()
    step = plain_step(torch.optim.SGD(model.parameters(), lr=0.1))
    return {
        "model": model,
        "inputs": features(),
        "targets": labels(),
        "loss": F.cross_entropy,
        "step": step,
        "snapshot": snapshot,
    }


@case("double work", "log_softmax in training.py")
def softmax_before_a_loss_that_takes_logits(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = classifier()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x).softmax(-1) if faulty else self.body(x)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.nll_loss(outputs.log_softmax(-1), targets)

    return {"model": Model(), "inputs": features(), "targets": labels(), "loss": loss, "classes": CLASSES}


@case("double work", "softmax in routing")
def weights_of_experts_normalised_again(faulty: bool) -> dict[str, Any]:
    class Routing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Linear(FEATURES, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weights = self.scores(x).softmax(-1)
            chosen = weights.contiguous().view(len(x), 5)
            return chosen.softmax(-1) if faulty else chosen / chosen.sum(-1, keepdim=True)

    class Mixture(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.experts, self.routing = nn.Linear(FEATURES, 5), Routing()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.experts(x) * self.routing(x)).sum(-1)

    return {"model": Mixture(), "inputs": features()}


@case("double work", "2.weight")
def penalty_in_the_loss_and_decay_in_the_optimizer(faulty: bool) -> dict[str, Any]:
    model = classifier()

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(outputs, targets) + 1e-2 * sum(p.pow(2).sum() for p in model.parameters())

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2 if faulty else 0.0)
    return {
        "model": model,
        "inputs": features(),
        "targets": labels(),
        "loss": loss,
        "step": plain_step(optimizer, loss),
        "optimizer": optimizer,
    }


@case("double work", "0.weight")
def gradients_that_are_never_set_to_zero(faulty: bool) -> dict[str, Any]:
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def step(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not faulty:
            optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return {"model": model, "inputs": features(), "targets": labels(), "loss": F.cross_entropy, "step": step}
