from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from suite.workloads.models.densenet import BLOCKS


class Layer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        y = self.conv2(F.relu(self.norm2(y)))
        return torch.cat([x, y], dim=1)


class Transition(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


@implements("densenet121")
class DenseNet121(nn.Module):
    def __init__(self, *, growth, classes):
        super().__init__()
        channels = 2 * growth
        self.conv0, self.norm0 = nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels)
        for block, count in enumerate(BLOCKS, 1):
            layers = {f"denselayer{n + 1}": Layer(channels + n * growth, growth) for n in range(count)}
            self.add_module(f"denseblock{block}", nn.Sequential(OrderedDict(layers)))
            channels += count * growth
            if block < len(BLOCKS):
                self.add_module(f"transition{block}", Transition(channels))
                channels //= 2
        self.norm5 = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm0(self.conv0(x))), 3, 2, 1)
        x = self.transition1(self.denseblock1(x))
        x = self.transition2(self.denseblock2(x))
        x = self.transition3(self.denseblock3(x))
        x = F.relu(self.norm5(self.denseblock4(x)))
        return self.classifier(x.mean(dim=(2, 3)))
