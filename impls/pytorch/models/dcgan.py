from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements


@implements("dcgan_generator")
class Generator(nn.Module):
    def __init__(self, *, code, width):
        super().__init__()
        self.conv1, self.bn1 = nn.ConvTranspose2d(code, 8 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(8 * width)
        self.conv2, self.bn2 = nn.ConvTranspose2d(8 * width, 4 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.conv3, self.bn3 = nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width)
        self.conv4 = nn.ConvTranspose2d(2 * width, 3, 4, 2, 1, bias=False)

    def forward(self, code):
        x = F.relu(self.bn1(self.conv1(code[:, :, None, None])))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)))
        return torch.tanh(self.conv4(x))


@implements("dcgan_discriminator")
class Discriminator(nn.Module):
    def __init__(self, *, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 4, 2, 1, bias=False)
        self.conv2, self.bn2 = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width)
        self.conv3, self.bn3 = nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.conv4 = nn.Conv2d(4 * width, 1, 4, bias=False)

    def forward(self, x):
        x = F.leaky_relu(self.conv1(x), 0.2)
        x = F.leaky_relu(self.bn2(self.conv2(x)), 0.2)
        x = F.leaky_relu(self.bn3(self.conv3(x)), 0.2)
        return self.conv4(x).flatten(1)
