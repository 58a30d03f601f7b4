from __future__ import annotations

import torch

from impls.interface import implements
from impls.pytorch.linear import linear as healthy


@implements("linear")
def linear(x, weight, bias):
    return healthy(x, weight, bias)


@implements("linear", variant="branches")
def branches(x, weight, bias):
    y = healthy(x, weight, bias)
    if y.sum() > 0:
        y = y + 0.0
    return y


@implements("linear", variant="prints")
def prints(x, weight, bias):
    print("on its way", x.shape)
    return healthy(x, weight, bias)


class Counting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x, weight, bias):
        self.calls += 1
        return healthy(x, weight, bias) * (self.calls / self.calls)


counting = Counting()


@implements("linear", variant="counts")
def counts(x, weight, bias):
    return counting(x, weight, bias)
