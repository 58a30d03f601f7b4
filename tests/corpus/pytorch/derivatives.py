"""Backward passes in PyTorch that are not the derivative."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.corpus.case import case


@case("gradient check", "input 0")
def custom_function_that_forgets_a_factor(faulty: bool) -> dict[str, Any]:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
            context.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
            (x,) = context.saved_tensors
            return gradient * x * (1 if faulty else 2)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(Square.apply(x))

    return {"model": Model(), "inputs": torch.linspace(-1, 1, 12).reshape(3, 4)}
