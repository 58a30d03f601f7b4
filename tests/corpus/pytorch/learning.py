"""PyTorch models that do not learn, or learn what cannot be known."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.corpus.case import case
from tests.corpus.pytorch.training import CLASSES, FEATURES, classifier, features, labels, plain_step

VOCABULARY = 6


@case("learning sanity", "0.weight")
def optimizer_of_layers_that_were_replaced(faulty: bool) -> dict[str, Any]:
    model = classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    if faulty:
        for place in (0, 2):
            model[place] = nn.Linear(model[place].in_features, model[place].out_features)
    step = plain_step(optimizer)
    return {"model": model, "inputs": features(), "targets": labels(), "loss": F.cross_entropy, "step": step}


@case("learning sanity", "step")
def update_with_the_wrong_sign(faulty: bool) -> dict[str, Any]:
    model = classifier()

    def step(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        model.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        with torch.no_grad():
            for weights in model.parameters():
                weights += (0.1 if faulty else -0.1) * weights.grad
        return loss.item()

    return {"model": model, "inputs": features(), "targets": labels(), "loss": F.cross_entropy, "step": step}


@case("learning sanity", "loss")
def first_weights_that_are_far_too_large(faulty: bool) -> dict[str, Any]:
    model = classifier()
    with torch.no_grad():
        model[2].weight.normal_(0.0, 10.0 if faulty else 0.1, generator=torch.Generator().manual_seed(2))
    return {
        "model": model,
        "inputs": features(),
        "targets": labels(),
        "loss": F.cross_entropy,
        "classes": CLASSES,
    }


@case("learning sanity", "loss")
def mean_that_is_divided_once_more(faulty: bool) -> dict[str, Any]:
    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        mean = F.cross_entropy(outputs, targets)
        return mean / len(targets) if faulty else mean

    return {"model": classifier(), "inputs": features(), "targets": labels(), "loss": loss, "classes": CLASSES}


@case("learning sanity", "loss")
def tokens_that_are_their_own_targets(faulty: bool) -> dict[str, Any]:
    """A language model whose loss forgets to shift them by one."""
    torch.manual_seed(0)
    ids = torch.randint(VOCABULARY, (4, 7))

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if not faulty:
            logits, targets = logits[:, :-1], targets[:, 1:]
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    model = nn.Sequential(
        nn.Embedding(VOCABULARY, 8), nn.Linear(8, FEATURES), nn.Tanh(), nn.Linear(FEATURES, VOCABULARY)
    )
    return {"model": model, "inputs": ids, "targets": ids, "loss": loss, "classes": VOCABULARY}


@case("learning sanity", "loss")
def attention_that_sees_the_next_token(faulty: bool) -> dict[str, Any]:
    """The targets are the tokens that come next, and the mask lets one of them through."""

    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embedding = nn.Embedding(VOCABULARY, 12)
            self.scores = nn.Parameter(torch.zeros(7, 7))
            self.out = nn.Linear(24, VOCABULARY)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.embedding(ids)
            ahead = torch.ones(7, 7).triu(2 if faulty else 1).bool()
            mixed = self.scores.masked_fill(ahead, float("-inf")).softmax(-1) @ x
            return self.out(torch.cat([x, mixed], -1))

    torch.manual_seed(0)
    ids = torch.randint(VOCABULARY, (8, 8))
    return {
        "model": Mixer(),
        "inputs": ids[:, :-1],
        "targets": ids[:, 1:],
        "loss": lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()),
        "classes": VOCABULARY,
    }
