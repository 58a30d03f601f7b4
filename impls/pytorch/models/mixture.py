from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements


class Expert(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(features, hidden), nn.Linear(hidden, features)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


@implements("mixture_of_experts")
class MixtureOfExperts(nn.Module):
    def __init__(self, *, features, hidden, experts, chosen):
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.gate = nn.Linear(features, experts, bias=False)
        self.experts = nn.ModuleList(Expert(features, hidden) for _ in range(experts))
        self.chosen = chosen

    def forward(self, x):
        normal = self.norm(x)
        largest, places = self.gate(normal).softmax(dim=-1).topk(self.chosen, dim=-1)
        shares = largest / largest.sum(dim=-1, keepdim=True)
        gates = torch.zeros(*x.shape[:-1], len(self.experts), dtype=x.dtype, device=x.device).scatter(
            -1, places, shares
        )
        return x + sum(gates[..., number, None] * expert(normal) for number, expert in enumerate(self.experts))
