"""Axes in PyTorch that a reshape mixes up, and fields smaller than meant."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.corpus.case import case
from tests.corpus.pytorch.attention import BATCH, HEADS, LENGTH, WIDTH, Attention, tokens


@case("permutation equivariance", "axis 1")
def heads_that_are_split_by_a_reshape(faulty: bool) -> dict[str, Any]:
    class Split(Attention):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not faulty:
                return super().forward(x)
            shape = (BATCH, HEADS, LENGTH, WIDTH // HEADS)
            query, key, value = (each.reshape(shape) for each in self.project(x).chunk(3, -1))
            scores = query @ key.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5
            return self.out((scores.softmax(-1) @ value).reshape(x.shape))

    return {"model": Split(), "inputs": tokens(), "sequence": 1, "equivariant": "permutation"}


@case("permutation equivariance", "axis 1")
def set_whose_members_are_pooled_with_their_features(faulty: bool) -> dict[str, Any]:
    class Pool(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embed, self.head = nn.Linear(3, WIDTH), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            members = self.embed(x).relu()
            batch, count, width = members.shape
            features = members.view(batch, width, count) if faulty else members.transpose(1, 2)
            return self.head(features.mean(-1))

    return {"model": Pool(), "inputs": tokens()[..., :3], "sequence": 1, "equivariant": "permutation"}


@case("permutation equivariance", "axis 1")
def graph_whose_neighbours_are_summed_along_the_features(faulty: bool) -> dict[str, Any]:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(LENGTH, 4)

        def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
            return self.layer(x @ adjacency if faulty else adjacency @ x).tanh()

    adjacency = (torch.rand(BATCH, LENGTH, LENGTH, generator=torch.Generator().manual_seed(3)) < 0.5).float()
    return {
        "model": Graph(),
        "inputs": (tokens()[..., :LENGTH], adjacency),
        "sequence": 1,
        "equivariant": "permutation",
    }


@case("translation equivariance", "axis 1")
def sequence_that_is_viewed_as_channels_first(faulty: bool) -> dict[str, Any]:
    class Smooth(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Conv1d(4, 6, 3, padding=1), nn.Conv1d(6, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            batch, length, width = x.shape
            maps = x.view(batch, width, length) if faulty else x.transpose(1, 2)
            return self.second(self.first(maps).relu()).transpose(1, 2)

    x = torch.randn(3, 24, 4, generator=torch.Generator().manual_seed(1))
    return {"model": Smooth(), "inputs": x, "sequence": 1, "equivariant": "translation"}


@case("translation equivariance", "axis 3")
def image_whose_pixels_come_back_in_another_order(faulty: bool) -> dict[str, Any]:
    class PerPixel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.stem, self.mix = nn.Conv2d(2, 4, 4, stride=2, padding=1), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = self.stem(x)
            batch, _, height, width = maps.shape
            pixels = self.mix(maps.flatten(2).transpose(1, 2).relu())
            if faulty:
                return pixels.reshape(batch, 3, height, width)
            return pixels.transpose(1, 2).reshape(batch, 3, height, width)

    x = torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    return {"model": PerPixel(), "inputs": x, "equivariant": "translation"}


@case("receptive field", "axis 2")
def dilations_that_stay_one(faulty: bool) -> dict[str, Any]:
    """1 + 2 · (1 + 2 + 4 + 8) = 31 positions are meant; without dilation it sees 9."""

    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layers = nn.ModuleList(nn.Conv1d(4, 4, 3, dilation=1 if faulty else 2**n) for n in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(F.pad(x, (2 * layer.dilation[0], 0))).relu() + x
            return x

    x = torch.randn(3, 4, 40, generator=torch.Generator().manual_seed(1))
    return {"model": Causal(), "inputs": x, "sequence": 2, "causal": True, "receptive_field": 31}


@case("receptive field", "axis 3")
def kernel_that_is_flat(faulty: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    shape, padding = ((3, 1), (1, 0)) if faulty else ((3, 3), (1, 1))
    layers = [nn.Conv2d(2, 4, shape, padding=padding), nn.GELU(), nn.Conv2d(4, 2, 3, padding=1)]
    x = torch.randn(3, 2, 9, 9, generator=torch.Generator().manual_seed(1))
    return {"model": nn.Sequential(*layers), "inputs": x, "receptive_field": 5, "equivariant": "translation"}
