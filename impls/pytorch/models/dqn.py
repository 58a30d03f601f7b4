from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from impls.interface import implements


@implements("dqn")
class Dqn(nn.Module):
    def __init__(self, *, size, width, hidden, actions):
        super().__init__()
        side = ((size - 8) // 4 + 1 - 4) // 2 + 1 - 2
        self.conv1, self.conv2 = nn.Conv2d(4, width, 8, 4), nn.Conv2d(width, 2 * width, 4, 2)
        self.conv3 = nn.Conv2d(2 * width, 2 * width, 3)
        self.fc1, self.fc2 = nn.Linear(2 * width * side**2, hidden), nn.Linear(hidden, actions)

    def forward(self, x):
        x = F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x))))))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))
