"""Models in PyTorch that nobody may accuse: what looks like a fault in them is meant."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

WIDTH = 6


def _examples(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _seeded(layers: list[nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    for layer in layers:
        for each in layer.modules():
            if hasattr(each, "reset_parameters"):
                each.reset_parameters()
    return nn.Sequential(*layers)


def outputs_of_many_kinds() -> dict[str, Any]:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 2)

        def forward(self, x: torch.Tensor) -> dict[str, Any]:
            return {"first": self.first(x), "others": (self.second(x), None, 3)}

    return {"model": Heads(), "inputs": _examples(4, WIDTH)}


def language_model() -> dict[str, Any]:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embed, self.cells, self.out = nn.Embedding(7, WIDTH), nn.LSTM(WIDTH, 5), nn.Linear(5, 7)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.out(self.cells(self.embed(ids).transpose(0, 1))[0].transpose(0, 1))

    ids = torch.arange(20).reshape(4, 5) * 3 % 7
    return {
        "model": Recurrent(),
        "inputs": ids[:, :-1],
        "targets": ids[:, 1:],
        "loss": lambda logits, labels: F.cross_entropy(logits.flatten(0, 1), labels.flatten()),
        "sequence": 1,
        "causal": True,
        "classes": 7,
    }


def no_parameters() -> dict[str, Any]:
    return {"model": lambda x: 2 * x.tanh(), "inputs": _examples(4, WIDTH)}


def one_example_for_a_batch_norm() -> dict[str, Any]:
    layers = [nn.Linear(WIDTH, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1)]
    return {"model": _seeded(layers), "inputs": _examples(1, WIDTH)}


def only_training_is_written() -> dict[str, Any]:
    class Unfinished(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(WIDTH, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.training:
                raise NotImplementedError("only training is written")
            return self.layer(x)

    return {"model": Unfinished(), "inputs": _examples(4, WIDTH)}


def relus_in_place() -> dict[str, Any]:
    layers = [nn.ReLU(inplace=True), nn.Linear(WIDTH, 8), nn.ReLU(inplace=True), nn.Linear(8, 2)]
    return {"model": _seeded(layers), "inputs": _examples(4, WIDTH)}


def residual_network() -> dict[str, Any]:
    layers = [nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return {
        "model": _seeded([*layers, nn.Linear(8, 4)]),
        "inputs": _examples(4, 3, 16, 16),
        "equivariant": "translation",
    }


def image_to_image() -> dict[str, Any]:
    """Normalised over each image, and halved: it follows a shift by two."""
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.GELU(), nn.Conv2d(4, 6, 4, 2, 1), nn.InstanceNorm2d(6), nn.GELU()]
    model = _seeded([*layers, nn.ConvTranspose2d(6, 2, 4, 2, 1)])
    return {"model": model, "inputs": _examples(3, 2, 16, 16), "equivariant": "translation"}


def encoder_without_places() -> dict[str, Any]:
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return {"model": model, "inputs": _examples(3, 5, 8), "sequence": 1, "equivariant": "permutation"}


def noise_in_training() -> dict[str, Any]:
    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.encoder, self.decoder = nn.Linear(WIDTH, 4), nn.Linear(2, WIDTH)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            mean, spread = self.encoder(x).chunk(2, -1)
            code = mean + torch.randn_like(mean) * (spread / 2).exp() if self.training else mean
            return self.decoder(code), mean, spread

    return {"model": Autoencoder(), "inputs": _examples(4, WIDTH)}


def pair_of_low_rank_that_starts_at_zero() -> dict[str, Any]:
    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.frozen = nn.Linear(WIDTH, WIDTH).requires_grad_(False)
            self.down, self.up = nn.Parameter(torch.randn(WIDTH, 2)), nn.Parameter(torch.zeros(2, WIDTH))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.frozen(x) + x @ self.down @ self.up

    return {"model": Adapted(), "inputs": _examples(4, WIDTH)}


def weights_made_of_others() -> dict[str, Any]:
    model = _seeded([nn.Linear(WIDTH, 5), nn.ReLU(), nn.Linear(5, 1)])
    nn.utils.parametrizations.spectral_norm(model[0])
    nn.utils.parametrizations.weight_norm(model[2])
    return {"model": model, "inputs": _examples(4, WIDTH)}


def script() -> dict[str, Any]:
    model = torch.jit.script(_seeded([nn.Linear(WIDTH, 5), nn.Tanh(), nn.Linear(5, 1)]))
    return {"model": model, "inputs": _examples(4, WIDTH)}


def statistics_that_are_frozen() -> dict[str, Any]:
    class Tuned(nn.Sequential):
        def train(self, mode: bool = True) -> Tuned:
            super().train(mode)
            self[1].eval()
            return self

    layers = [nn.Linear(WIDTH, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1)]
    return {"model": Tuned(*_seeded(layers)), "inputs": _examples(4, WIDTH)}
