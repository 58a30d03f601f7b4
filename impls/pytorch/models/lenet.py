from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout


@implements("lenet5")
class LeNet5(nn.Module):
    def __init__(self, *, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc3(torch.tanh(self.fc2(x)))


class Classifier(nn.Module):
    """Two hidden layers with dropout of a half, and one for the classes, above the features that a subclass finds."""

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)
        self.dropout = MaskedDropout(0.5)

    def forward(self, x, mask1=None, mask2=None):
        x = self.features(x).flatten(1)
        x = self.dropout(F.relu(self.fc1(x)), mask1)
        x = self.dropout(F.relu(self.fc2(x)), mask2)
        return self.fc3(x)


@implements("alexnet")
class AlexNet(Classifier):
    def __init__(self, *, size, width, hidden, classes):
        wide = width * 8 // 3
        side = (((size - 11) // 4 - 2) // 2 + 1 - 3) // 2 + 1  # after two of the three maxima
        super().__init__(wide * ((side - 3) // 2 + 1) ** 2, hidden, classes)
        self.conv1 = nn.Conv2d(3, width, 11, 4)
        self.conv2 = nn.Conv2d(width, wide, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(wide, 4 * width, 3, padding=1)
        self.conv4 = nn.Conv2d(4 * width, 4 * width, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(4 * width, wide, 3, padding=1, groups=2)
        self.norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)  # it divides alpha by the size

    def features(self, x):
        x = F.max_pool2d(self.norm(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(self.norm(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv4(F.relu(self.conv3(x))))
        return F.max_pool2d(F.relu(self.conv5(x)), 3, 2)


@implements("vgg16")
class Vgg16(Classifier):
    def __init__(self, *, size, width, hidden, classes):
        super().__init__(8 * width * (size // 32) ** 2, hidden, classes)
        inputs = 3
        for stage, (factor, count) in enumerate(zip((1, 2, 4, 8, 8), (2, 2, 3, 3, 3), strict=True), 1):
            for number in range(1, count + 1):
                self.add_module(f"conv{stage}_{number}", nn.Conv2d(inputs, width * factor, 3, padding=1))
                inputs = width * factor

    def features(self, x):
        x = F.relu(self.conv1_2(F.relu(self.conv1_1(x))))
        x = F.relu(self.conv2_2(F.relu(self.conv2_1(F.max_pool2d(x, 2)))))
        x = F.relu(self.conv3_3(F.relu(self.conv3_2(F.relu(self.conv3_1(F.max_pool2d(x, 2)))))))
        x = F.relu(self.conv4_3(F.relu(self.conv4_2(F.relu(self.conv4_1(F.max_pool2d(x, 2)))))))
        x = F.relu(self.conv5_3(F.relu(self.conv5_2(F.relu(self.conv5_1(F.max_pool2d(x, 2)))))))
        return F.max_pool2d(x, 2)
