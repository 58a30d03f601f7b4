from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout
from suite.workloads.models.googlenet import BLOCKS


class Inception(nn.Module):
    def __init__(self, inputs, c1, r3, c3, r5, c5, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, c1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(inputs, r3, 1), nn.Conv2d(r3, c3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(inputs, r5, 1), nn.Conv2d(r5, c5, 5, padding=2)
        self.project = nn.Conv2d(inputs, projection, 1)

    def forward(self, x):
        parts = [
            self.conv1(x),
            self.conv3(F.relu(self.reduce3(x))),
            self.conv5(F.relu(self.reduce5(x))),
            self.project(F.max_pool2d(x, 3, 1, 1)),
        ]
        return F.relu(torch.cat(parts, dim=1))


@implements("googlenet")
class GoogLeNet(nn.Module):
    def __init__(self, *, divisor, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64 // divisor, 7, 2, 3)
        self.reduce2 = nn.Conv2d(64 // divisor, 64 // divisor, 1)
        self.conv2 = nn.Conv2d(64 // divisor, 192 // divisor, 3, padding=1)
        self.norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)  # it divides alpha by the size
        inputs = 192 // divisor
        for name, channels in BLOCKS.items():
            counts = [count // divisor for count in channels]
            self.add_module(f"inception{name}", Inception(inputs, *counts))
            inputs = counts[0] + counts[2] + counts[4] + counts[5]
        self.dropout = MaskedDropout(0.4)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x, mask=None):
        x = self.norm(F.max_pool2d(F.relu(self.conv1(x)), 3, 2, 1))
        x = F.relu(self.conv2(F.relu(self.reduce2(x))))
        x = F.max_pool2d(self.norm(x), 3, 2, 1)
        x = self.inception3b(self.inception3a(x))
        x = self.inception4b(self.inception4a(F.max_pool2d(x, 3, 2, 1)))
        x = self.inception4e(self.inception4d(self.inception4c(x)))
        x = self.inception5b(self.inception5a(F.max_pool2d(x, 3, 2, 1)))
        return self.fc(self.dropout(x.mean(dim=(2, 3)), mask))
