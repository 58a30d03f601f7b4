from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout


class Convolution(nn.Module):
    def __init__(self, inputs, features):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(features, inputs)), nn.Parameter(torch.empty(features))

    def forward(self, adjacency, x):
        return adjacency @ F.linear(x, self.weight) + self.bias


@implements("gcn")
class Gcn(nn.Module):
    def __init__(self, *, features, hidden, classes):
        super().__init__()
        self.conv1, self.conv2 = Convolution(features, hidden), Convolution(hidden, classes)
        self.dropout = MaskedDropout(0.5)

    def forward(self, x, adjacency, mask=None):
        return self.conv2(adjacency, self.dropout(F.relu(self.conv1(adjacency, x)), mask))
