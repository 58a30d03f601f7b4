"""Gradients in PyTorch that do not arrive, or hardly, and units that have stopped."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from tests.corpus.case import case

WIDTH = 8


def examples(count: int = 5, width: int = WIDTH) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(1))


@case("gradient flow", "encoder.weight")
def encoder_that_is_detached(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.encoder, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            code = self.encoder(x).tanh()
            return {"logits": self.head(code.detach() if faulty else code)}

    return {"model": Model(), "inputs": examples()}


@case("gradient flow", "table.weight")
def embedding_that_is_looked_up_by_rounded_codes(faulty: bool) -> dict[str, Any]:
    """Rounding has a slope of 0 everywhere; with a straight-through estimator the gradient passes it."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table, self.head = nn.Embedding(11, WIDTH), nn.Linear(WIDTH, 2)

        def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, None]:
            codes = self.table(ids).mean(1)
            return self.head((codes * 4).round() / 4 if faulty else codes), None

    return {"model": Model(), "inputs": torch.arange(12).reshape(4, 3) % 11}


@case("gradient flow", "second.weight")
def layer_that_is_never_called(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            nn.init.zeros_(self.second.weight)  # a residual branch that starts at nothing is no fault

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            other = self.first if faulty else self.second
            return x + other(self.first(x).relu())

    return {"model": Model(), "inputs": examples()}


@case("gradient flow", "0.weight")
def sigmoids_one_behind_another(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    layers = [layer for _ in range(10) for layer in (nn.Linear(WIDTH, WIDTH), nn.Sigmoid() if faulty else nn.ELU())]
    for layer in layers[::2]:
        nn.init.orthogonal_(layer.weight)
    return {"model": nn.Sequential(*layers), "inputs": examples()}


@case("gradient flow", "0.weight")
def sines_of_too_high_a_frequency(faulty: bool) -> dict[str, Any]:
    """sin(30 W x) has slopes of 30: its weights have to start smaller by that (Sitzmann et al. 2020, section 3.2)."""

    class Sine(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sin(30 * x)

    torch.manual_seed(0)
    layers = [layer for _ in range(5) for layer in (nn.Linear(WIDTH, WIDTH), Sine())]
    for layer in layers[::2]:
        limit = math.sqrt(6 / WIDTH) / (1 if faulty else 30)
        nn.init.uniform_(layer.weight, -limit, limit)
    return {"model": nn.Sequential(*layers), "inputs": examples()}


class Rectified(nn.Module):
    """One hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.activation, self.head = nn.Linear(WIDTH, 12), nn.ReLU(), nn.Linear(12, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.activation(self.hidden(x)))


@case("dead units", "activation")
def units_that_one_large_step_has_killed(faulty: bool) -> dict[str, Any]:
    model, x = Rectified(), examples(8)
    nn.init.ones_(model.head.weight)
    model(x + 3).sum().backward()
    with torch.no_grad():
        for each in model.hidden.parameters():
            each -= (3.0 if faulty else 0.001) * each.grad
            each.grad = None
    return {"model": model, "inputs": x + 3}


@case("dead units", "flow.py")
def convolution_whose_sign_slipped(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            energy = self.first(x).square()
            return self.second(torch.relu(-energy if faulty else energy - 0.1)).mean((2, 3))

    return {"model": Model(), "inputs": examples(4, 2 * 8 * 8).reshape(4, 2, 8, 8)}


@case("saturated gates", "recurrent")
def lstm_on_raw_sensor_readings(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.recurrent, self.head = nn.LSTM(3, WIDTH, batch_first=True), nn.Linear(WIDTH, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.recurrent(x if faulty else (x - 1000) / 50)[0])

    return {"model": Model(), "inputs": 1000 + 50 * examples(3, 5 * 3).reshape(3, 5, 3), "sequence": 1, "causal": True}


@case("saturated gates", "gate")
def gate_with_weights_of_size_ten(faulty: bool) -> dict[str, Any]:
    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Linear(WIDTH, WIDTH)
            nn.init.normal_(self.scores.weight, std=10.0 if faulty else 0.3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.sigmoid(self.scores(x))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.gate, self.head = Gate(), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.gate(x))

    return {"model": Model(), "inputs": examples()}
