from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from impls.interface import implements


@implements("autoencoder")
class Autoencoder(nn.Module):
    def __init__(self, *, inputs, hidden, code):
        super().__init__()
        self.encoder1, self.encoder2 = nn.Linear(inputs, hidden), nn.Linear(hidden, code)
        self.decoder1, self.decoder2 = nn.Linear(code, hidden), nn.Linear(hidden, inputs)

    def forward(self, x):
        code = self.encoder2(F.relu(self.encoder1(x)))
        return self.decoder2(F.relu(self.decoder1(code)))


@implements("vae")
class Vae(nn.Module):
    def __init__(self, *, inputs, hidden, code):
        super().__init__()
        self.encoder = nn.Linear(inputs, hidden)
        self.mean, self.log_variance = nn.Linear(hidden, code), nn.Linear(hidden, code)
        self.decoder1, self.decoder2 = nn.Linear(code, hidden), nn.Linear(hidden, inputs)

    def forward(self, x, noise):
        hidden = F.relu(self.encoder(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        code = mean + (log_variance / 2).exp() * noise
        return self.decoder2(F.relu(self.decoder1(code))), mean, log_variance
