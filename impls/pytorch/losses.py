from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from impls.interface import implements
from suite.workloads import Problem


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels)


@implements("token_cross_entropy")
def token_cross_entropy(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


@implements("pixel_cross_entropy")
def pixel_cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels)


@implements("cross_entropy")
def cross_entropy(logits, labels, weight, *, smoothing, ignore_index):
    return F.cross_entropy(
        logits, labels, weight=weight, ignore_index=ignore_index, reduction="mean", label_smoothing=smoothing
    )


@implements("bce_with_logits")
def bce_with_logits(logits, targets):
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="mean")


def _no_second_derivative(p: Problem, task: str, mode: str, precision: str) -> str | None:
    if task == "hvp":
        return "F.mse_loss has no derivative by forward over reverse mode (pytorch/pytorch#123996)"
    return None


@implements("mse", unsupported=_no_second_derivative)
def mse(predictions, targets):
    return F.mse_loss(predictions, targets, reduction="mean")


@implements("elbo")
def elbo(logits, mean, log_variance, targets):
    data = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    code = (mean**2 + log_variance.exp() - 1 - log_variance).sum() / 2
    return (data + code) / len(logits)


@implements("flow_nll")
def flow_nll(code, logdet):
    constant = code.shape[1] / 2 * math.log(2 * math.pi)
    return ((code**2).sum(dim=1) / 2 - logdet).mean() + constant


@implements("mae")
def mae(predictions, targets):
    return F.l1_loss(predictions, targets, reduction="mean")


@implements("huber")
def huber(predictions, targets, *, delta):
    return F.huber_loss(predictions, targets, reduction="mean", delta=delta)


@implements("quantile")
def quantile(predictions, targets, *, q):
    rest = targets - predictions
    return torch.maximum(q * rest, (q - 1) * rest).mean()


@implements("hinge")
def hinge(scores, targets):
    # Not F.hinge_embedding_loss, which is another function.
    return F.relu(1 - targets * scores).mean()


@implements("focal")
def focal(logits, targets, *, alpha, gamma):
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probabilities = torch.sigmoid(logits)
    rest = probabilities * (1 - targets) + (1 - probabilities) * targets
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    return (weights * rest**gamma * losses).mean()


@implements("kl_div")
def kl_div(log_probabilities, targets):
    return F.kl_div(log_probabilities, targets, reduction="batchmean", log_target=False)


@implements("dice")
def dice(probabilities, targets, *, eps):
    both = (probabilities * targets).sum(dim=-1)
    each = probabilities.sum(dim=-1) + targets.sum(dim=-1)
    return (1 - (2 * both + eps) / (each + eps)).mean()


@implements("triplet")
def triplet(anchor, positive, negative, *, margin, eps):
    return F.triplet_margin_loss(anchor, positive, negative, margin=margin, p=2, eps=eps, swap=False, reduction="mean")


@implements("info_nce")
def info_nce(queries, keys, *, temperature):
    scores = queries @ keys.T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores), device=scores.device), reduction="mean")


def _breaks_the_graph(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.13.0: "Unsupported: Dynamic shape operator".
    if mode == "compile":
        return "torch.compile cannot keep F.ctc_loss in one graph: with lengths in tensors its shapes depend on their values"
    return None


@implements("ctc", layout={"logits": "T B C"}, unsupported=_breaks_the_graph)
def ctc(logits, targets, input_lengths, target_lengths):
    # reduction="mean" would first divide each loss by the number of its labels.
    losses = F.ctc_loss(
        logits.log_softmax(dim=-1),
        targets,
        input_lengths,
        target_lengths,
        blank=0,
        reduction="none",
        zero_infinity=False,
    )
    return losses.mean()
