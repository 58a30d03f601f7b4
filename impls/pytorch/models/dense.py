from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout


@implements("mlp")
class Mlp(nn.Module):
    def __init__(self, *, inputs, hidden, classes):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, hidden), nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


@implements("deep_mlp")
class DeepMlp(nn.Module):
    def __init__(self, *, inputs, width, classes, dropout):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(inputs, width), nn.BatchNorm1d(width)
        self.fc2, self.bn2 = nn.Linear(width, width // 2), nn.BatchNorm1d(width // 2)
        self.fc3, self.bn3 = nn.Linear(width // 2, width // 4), nn.BatchNorm1d(width // 4)
        self.fc4 = nn.Linear(width // 4, classes)
        self.dropout = MaskedDropout(dropout)

    def forward(self, x, mask1=None, mask2=None, mask3=None):
        x = self.dropout(F.relu(self.bn1(self.fc1(x))), mask1)
        x = self.dropout(F.relu(self.bn2(self.fc2(x))), mask2)
        x = self.dropout(F.relu(self.bn3(self.fc3(x))), mask3)
        return self.fc4(x)
