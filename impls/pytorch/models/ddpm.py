from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import SelfAttention


class Residual(nn.Module):
    def __init__(self, inputs, channels, times, groups):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, inputs), nn.Conv2d(inputs, channels, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(groups, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.time = nn.Linear(times, channels)
        self.shortcut = nn.Identity() if inputs == channels else nn.Conv2d(inputs, channels, 1)

    def forward(self, x, when):
        y = self.conv1(F.silu(self.norm1(x))) + self.time(when)[:, :, None, None]
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(y)))


class Down(Residual):
    """Followed, for the next level, by a convolution to half the size."""

    def __init__(self, inputs, channels, times, groups, *, last):
        super().__init__(inputs, channels, times, groups)
        if not last:
            self.shrink = nn.Conv2d(channels, channels, 3, 2, 1)


class Up(Residual):
    """Followed, for the next level, by the nearest pixel and a convolution."""

    def __init__(self, inputs, channels, times, groups, *, last):
        super().__init__(inputs, channels, times, groups)
        if not last:
            self.smooth = nn.Conv2d(channels, channels, 3, padding=1)


class Attention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm, self.attend = nn.GroupNorm(groups, channels), SelfAttention(channels, 1)

    def forward(self, x):
        y = self.attend(self.norm(x).flatten(2).transpose(1, 2))  # B T D
        return x + y.transpose(1, 2).reshape(x.shape)


@implements("ddpm_unet")
class DdpmUnet(nn.Module):
    def __init__(self, *, channels, width, groups, steps):
        super().__init__()
        times = 4 * width
        self.steps = nn.Embedding(steps, width)
        self.time1, self.time2 = nn.Linear(width, times), nn.Linear(times, times)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down1 = Down(width, width, times, groups, last=False)
        self.down2 = Down(width, 2 * width, times, groups, last=False)
        self.down3 = Down(2 * width, 2 * width, times, groups, last=True)
        self.attention = Attention(2 * width, groups)
        self.up3 = Up(4 * width, 2 * width, times, groups, last=False)
        self.up2 = Up(4 * width, 2 * width, times, groups, last=False)
        self.up1 = Up(3 * width, width, times, groups, last=True)
        self.norm, self.last = nn.GroupNorm(groups, width), nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x, step):
        when = F.silu(self.time2(F.silu(self.time1(self.steps(step)[:, 0]))))
        level1 = self.down1(self.first(x), when)
        level2 = self.down2(self.down1.shrink(level1), when)
        level3 = self.down3(self.down2.shrink(level2), when)
        x = self.up3(torch.cat([self.attention(level3), level3], dim=1), when)
        x = self.up3.smooth(F.interpolate(x, scale_factor=2))
        x = self.up2(torch.cat([x, level2], dim=1), when)
        x = self.up2.smooth(F.interpolate(x, scale_factor=2))
        x = self.up1(torch.cat([x, level1], dim=1), when)
        return self.last(F.silu(self.norm(x)))
