"""Losses in PyTorch that are not what was meant: joined to a table, cut into parts that do not add up."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.corpus.case import case

EXAMPLES, FEATURES, CLASSES, PADDED = 8, 4, 3, -100


def features() -> torch.Tensor:
    return torch.randn(EXAMPLES, FEATURES, generator=torch.Generator().manual_seed(1))


def regressor(outputs: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, outputs))


@case("broadcast", "mse_loss")
def column_against_row_in_a_library_loss(faulty: bool) -> dict[str, Any]:
    targets = features().sum(1)
    return {
        "model": regressor(),
        "inputs": features(),
        "targets": targets if faulty else targets[:, None],
        "loss": F.mse_loss,
    }


@case("broadcast", "subtract in losses.py")
def column_against_row_in_a_loss_of_ones_own(faulty: bool) -> dict[str, Any]:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        outputs = outputs if faulty else outputs.squeeze(1)
        return torch.log(torch.cosh(outputs - targets)).mean()

    return {"model": regressor(), "inputs": features(), "targets": features().sum(1), "loss": loss}


@case("broadcast", "multiply in losses.py")
def weights_of_examples_against_a_column_of_losses(faulty: bool) -> dict[str, Any]:
    """The mended twin compares all pairs of examples besides, which is meant."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        each = (outputs - targets) ** 2
        if faulty:
            return (each * weights).mean()
        score, wanted = outputs.squeeze(1), targets.squeeze(1)
        ranks = F.softplus(-(score[:, None] - score) * torch.sign(wanted[:, None] - wanted[None])).mean()
        return (each.squeeze(1) * weights).mean() + ranks

    targets, weights = features().sum(1, keepdim=True), torch.linspace(0.5, 1.5, EXAMPLES)
    return {"model": regressor(), "inputs": features(), "targets": (targets, weights), "loss": loss}


@case("accumulation", "loss")
def mean_over_tokens_that_are_not_padding(faulty: bool) -> dict[str, Any]:
    """Each part is divided by its own count: examples in a part of little padding count for less."""
    torch.manual_seed(0)
    ids = torch.arange(EXAMPLES * 5).reshape(EXAMPLES, 5) % 7
    targets = torch.where(torch.arange(5) > torch.arange(EXAMPLES)[:, None], PADDED, ids % CLASSES)

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        reduction = "mean" if faulty else "sum"
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PADDED, reduction=reduction)

    model = nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, CLASSES))
    return {"model": model, "inputs": ids, "targets": targets, "loss": loss}


@case("accumulation", "loss")
def root_of_the_mean_of_squares(faulty: bool) -> dict[str, Any]:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        squares = F.mse_loss(outputs, targets)
        return squares.sqrt() if faulty else squares

    return {"model": regressor(), "inputs": features(), "targets": features().sum(1, keepdim=True), "loss": loss}


@case("accumulation", "output 0")
def statistics_of_the_batch_in_evaluation(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(FEATURES, track_running_stats=not faulty)
    model = nn.Sequential(norm, nn.Linear(FEATURES, 1))
    return {"model": model, "inputs": features(), "targets": features().sum(1, keepdim=True), "loss": F.mse_loss}
