from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout
from suite.workloads.models.mobilenet import STAGES


class Normalized(nn.Module):
    """Convolution without bias, batch normalisation, and min(max(·, 0), 6) where it is bounded."""

    def __init__(self, inputs, channels, kernel, stride=1, groups=1, bounded=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.bounded = bounded

    def forward(self, x):
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.bounded else x


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze = nn.Linear(channels, max(1, channels // 4))
        self.excite = nn.Linear(max(1, channels // 4), channels)

    def forward(self, x):
        y = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * y[:, :, None, None]


class Block(nn.Module):
    def __init__(self, inputs, expansion, channels, stride, gated):
        super().__init__()
        wide = expansion * inputs
        self.expand = nn.Identity() if expansion == 1 else Normalized(inputs, wide, 1)
        self.depthwise = Normalized(wide, wide, 3, stride, groups=wide)
        self.gate = Gate(wide) if gated else nn.Identity()
        self.project = Normalized(wide, channels, 1, bounded=False)
        self.residual = stride == 1 and inputs == channels

    def forward(self, x):
        y = self.project(self.gate(self.depthwise(self.expand(x))))
        return x + y if self.residual else y


@implements("mobilenet_v2")
class MobileNetV2(nn.Module):
    def __init__(self, *, divisor, classes, squeeze_excite):
        super().__init__()
        inputs, blocks = 32 // divisor, []
        self.stem = Normalized(3, inputs, 3, 2)
        for expansion, channels, count, stride in STAGES:
            for repeat in range(count):
                step = stride if repeat == 0 else 1
                blocks.append(Block(inputs, expansion, channels // divisor, step, squeeze_excite))
                inputs = channels // divisor
        self.blocks = nn.Sequential(*blocks)
        self.head = Normalized(inputs, 1280 // divisor, 1)
        self.dropout = MaskedDropout(0.2)
        self.fc = nn.Linear(1280 // divisor, classes)

    def forward(self, x, mask=None):
        x = self.head(self.blocks(self.stem(x))).mean(dim=(2, 3))
        return self.fc(self.dropout(x, mask))
