from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements


class Down(nn.Module):
    """Two convolutions of 3 × 3, normalised and rectified."""

    def __init__(self, inputs, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))


class Up(Down):
    """The same, of what comes from below, at twice the size, joined to what the level had on the way down."""

    def __init__(self, inputs, channels):
        super().__init__(2 * channels, channels)
        self.transpose = nn.ConvTranspose2d(inputs, channels, 2, 2)

    def forward(self, x, level):
        return super().forward(torch.cat([self.transpose(x), level], dim=1))


@implements("unet")
class UNet(nn.Module):
    def __init__(self, *, width, classes):
        super().__init__()
        self.down1, self.down2 = Down(3, width), Down(width, 2 * width)
        self.down3, self.down4 = Down(2 * width, 4 * width), Down(4 * width, 8 * width)
        self.bottom = Down(8 * width, 16 * width)
        self.up4, self.up3 = Up(16 * width, 8 * width), Up(8 * width, 4 * width)
        self.up2, self.up1 = Up(4 * width, 2 * width), Up(2 * width, width)
        self.final = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        level1 = self.down1(x)
        level2 = self.down2(F.max_pool2d(level1, 2))
        level3 = self.down3(F.max_pool2d(level2, 2))
        level4 = self.down4(F.max_pool2d(level3, 2))
        x = self.bottom(F.max_pool2d(level4, 2))
        x = self.up3(self.up4(x, level4), level3)
        return self.final(self.up1(self.up2(x, level2), level1))
