from __future__ import annotations

import torch
from torch import nn

from impls.interface import implements


def _perceptron(features, hidden):
    layers = {"fc1": nn.Linear(features, hidden), "fc2": nn.Linear(hidden, hidden), "fc3": nn.Linear(hidden, features)}
    return nn.ModuleDict(layers)


def _apply(layers, x):
    x = torch.relu(layers["fc1"](x))
    return layers["fc3"](torch.relu(layers["fc2"](x)))


class Coupling(nn.Module):
    """Keeps the features of one parity, and changes the others by what it makes of these."""

    def __init__(self, features, hidden, parity):
        super().__init__()
        self.s, self.t = _perceptron(features, hidden), _perceptron(features, hidden)
        self.parity = parity

    def scale_and_shift(self, x):
        """What is kept, which features these are, and scale and shift of the others."""
        kept = (torch.arange(x.shape[1], device=x.device) % 2 == self.parity).to(x.dtype)
        fixed = x * kept
        return fixed, kept, torch.tanh(_apply(self.s, fixed)) * (1 - kept), _apply(self.t, fixed) * (1 - kept)

    def forward(self, x):
        fixed, kept, s, t = self.scale_and_shift(x)
        return fixed + x * (1 - kept) * s.exp() + t, s.sum(dim=1)

    def inverse(self, y):
        fixed, kept, s, t = self.scale_and_shift(y)
        return fixed + (y * (1 - kept) - t) * (-s).exp(), -s.sum(dim=1)


class Flow(nn.Module):
    def __init__(self, *, features, hidden, couplings):
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(features, hidden, number % 2) for number in range(couplings))


@implements("realnvp")
class RealNvp(Flow):
    def __init__(self, *, features, hidden, couplings):
        super().__init__(features=features, hidden=hidden, couplings=couplings)

    def forward(self, x):
        logdet = x.new_zeros(len(x))
        for coupling in self.couplings:
            x, own = coupling(x)
            logdet = logdet + own
        return x, logdet


@implements("realnvp_inverse")
class RealNvpInverse(Flow):
    def __init__(self, *, features, hidden, couplings):
        super().__init__(features=features, hidden=hidden, couplings=couplings)

    def forward(self, code):
        logdet = code.new_zeros(len(code))
        for coupling in reversed(self.couplings):
            code, own = coupling.inverse(code)
            logdet = logdet + own
        return code, logdet
