"""Weights in PyTorch that no optimizer finds."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.corpus.case import case
from tests.corpus.pytorch.flow import WIDTH, examples


@case("registration", "registration.py")
def layer_that_is_made_in_forward(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = nn.Linear(WIDTH, WIDTH)
            self.second = None if faulty else nn.Linear(WIDTH, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            second = self.second or nn.Linear(WIDTH, 3)
            return second(self.first(x).relu())

    return {"model": Model(), "inputs": examples()}


@case("registration", "heads.1.weight")
def heads_in_a_list(faulty: bool) -> dict[str, Any]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.body = nn.Linear(WIDTH, WIDTH)
            heads = [nn.Linear(WIDTH, 2) for _ in range(3)]
            self.heads = heads if faulty else nn.ModuleList(heads)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            hidden = self.body(x).relu()
            return tuple(head(hidden) for head in self.heads)

    return {"model": Model(), "inputs": examples()}


@case("registration", "mix.table")
def matrix_that_is_no_parameter(faulty: bool) -> dict[str, Any]:
    class Mix(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            table = torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(2))
            self.table = table if faulty else nn.Parameter(table)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.table + torch.tensor([0.5] * WIDTH)  # a constant that is made here is no fault

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.mix, self.head = Mix(), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.mix(x).tanh())

    return {"model": Model(), "inputs": examples()}
