from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    batch = np.arange(len(labels))
    shifted = logits - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    totals = exponentials.sum(axis=-1, keepdims=True)
    loss = (np.log(totals[:, 0]) - shifted[batch, labels]).mean()

    def backward(dloss):
        dlogits = exponentials / totals
        dlogits[batch, labels] -= 1
        return dlogits * (dloss / len(labels)).astype(logits.dtype), None

    return np.asarray(loss), backward


def _sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@implements("token_cross_entropy")
def token_cross_entropy(logits, labels):
    loss, backward = softmax_cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.ravel())
    return loss, lambda dloss: (backward(dloss)[0].reshape(logits.shape), None)


@implements("pixel_cross_entropy")
def pixel_cross_entropy(logits, labels):
    loss, backward = token_cross_entropy(np.moveaxis(logits, 1, -1), labels)
    return loss, lambda dloss: (np.moveaxis(backward(dloss)[0], -1, 1), None)


@implements("cross_entropy")
def cross_entropy(logits, labels, weight, *, smoothing, ignore_index):
    batch, classes = logits.shape
    likelihoods = _log_softmax(logits)
    counts = (labels != ignore_index).astype(logits.dtype)
    wanted = np.full_like(logits, smoothing / classes)
    wanted[np.arange(batch), labels] += 1 - smoothing
    wanted *= weight * counts[:, None] / (weight[labels] * counts).sum()

    def backward(dloss):
        dlogits = np.exp(likelihoods) * wanted.sum(axis=-1, keepdims=True) - wanted
        return dloss * dlogits, None, None

    return np.asarray(-(wanted * likelihoods).sum()), backward


@implements("bce_with_logits")
def bce_with_logits(logits, targets):
    losses = np.logaddexp(0, logits) - targets * logits

    def backward(dloss):
        return dloss * (_sigmoid(logits) - targets) / logits.size, None

    return np.asarray(losses.mean()), backward


@implements("mse")
def mse(predictions, targets):
    errors = predictions - targets

    def backward(dloss):
        return dloss * 2 * errors / errors.size, None

    return np.asarray((errors**2).mean()), backward


@implements("elbo")
def elbo(logits, mean, log_variance, targets):
    batch = len(logits)
    variance = np.exp(log_variance)
    data = np.maximum(logits, 0) - targets * logits + np.log1p(np.exp(-np.abs(logits)))
    code = mean**2 + variance - 1 - log_variance

    def backward(dloss):
        probabilities = (1 + np.tanh(logits / 2)) / 2
        scale = (dloss / batch).astype(logits.dtype)
        return scale * (probabilities - targets), scale * mean, scale * (variance - 1) / 2, None

    return np.asarray((data.sum() + code.sum() / 2) / batch), backward


@implements("flow_nll")
def flow_nll(code, logdet):
    batch, features = code.shape
    constant = features / 2 * np.log(2 * np.pi)

    def backward(dloss):
        scale = (dloss / batch).astype(code.dtype)
        return scale * code, np.full_like(logdet, -scale)

    return np.asarray(((code**2).sum() / 2 - logdet.sum()) / batch + code.dtype.type(constant)), backward


@implements("mae")
def mae(predictions, targets):
    errors = predictions - targets

    def backward(dloss):
        return dloss * np.sign(errors) / errors.size, None

    return np.asarray(np.abs(errors).mean()), backward


@implements("huber")
def huber(predictions, targets, *, delta):
    errors = predictions - targets
    sizes = np.abs(errors)
    losses = np.where(sizes <= delta, errors**2 / 2, delta * (sizes - delta / 2))

    def backward(dloss):
        return dloss * np.clip(errors, -delta, delta) / errors.size, None

    return np.asarray(losses.mean()), backward


@implements("quantile")
def quantile(predictions, targets, *, q):
    rest = targets - predictions

    def backward(dloss):
        slopes = np.where(rest > 0, -q, 1 - q).astype(predictions.dtype)
        return dloss * slopes / rest.size, None

    return np.asarray(np.maximum(q * rest, (q - 1) * rest).mean()), backward


@implements("hinge")
def hinge(scores, targets):
    short = 1 - targets * scores

    def backward(dloss):
        return dloss * np.where(short > 0, -targets, 0) / short.size, None

    return np.asarray(np.maximum(short, 0).mean()), backward


@implements("focal")
def focal(logits, targets, *, alpha, gamma):
    signs = 2 * targets - 1
    margins = signs * logits  # p is the sigmoid of these
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    cross_entropies = np.logaddexp(0, -margins)
    factors = weights * _sigmoid(-margins) ** gamma

    def backward(dloss):
        # d(1 − p)^gamma = −gamma p (1 − p)^gamma, d(−log p) = −(1 − p), by the margin.
        slopes = -factors * (gamma * _sigmoid(margins) * cross_entropies + _sigmoid(-margins))
        return dloss * signs * slopes / logits.size, None

    return np.asarray((factors * cross_entropies).mean()), backward


@implements("kl_div")
def kl_div(log_probabilities, targets):
    batch = len(targets)
    logarithms = np.log(np.where(targets > 0, targets, 1))  # 0 log 0 = 0

    def backward(dloss):
        return -dloss * targets / batch, None

    return np.asarray((targets * (logarithms - log_probabilities)).sum() / batch), backward


@implements("dice")
def dice(probabilities, targets, *, eps):
    batch = len(targets)
    above = 2 * (probabilities * targets).sum(axis=-1, keepdims=True) + eps
    below = (probabilities + targets).sum(axis=-1, keepdims=True) + eps

    def backward(dloss):
        return -dloss * (2 * targets / below - above / below**2) / batch, None

    return np.asarray((1 - above / below).mean()), backward


@implements("triplet")
def triplet(anchor, positive, negative, *, margin, eps):
    batch = len(anchor)
    to_positive, to_negative = anchor - positive + eps, anchor - negative + eps
    near = np.sqrt((to_positive**2).sum(axis=-1, keepdims=True))
    far = np.sqrt((to_negative**2).sum(axis=-1, keepdims=True))
    short = near - far + margin

    def backward(dloss):
        active = dloss * (short > 0) / batch
        dpositive, dnegative = -active * to_positive / near, active * to_negative / far
        return (-dpositive - dnegative).astype(anchor.dtype), dpositive, dnegative

    return np.asarray(np.maximum(short, 0).mean()), backward


@implements("info_nce")
def info_nce(queries, keys, *, temperature):
    batch = len(queries)
    likelihoods = _log_softmax(queries @ keys.T / temperature)

    def backward(dloss):
        dscores = dloss * (np.exp(likelihoods) - np.eye(batch, dtype=queries.dtype)) / (batch * temperature)
        return dscores @ keys, dscores.T @ queries

    return np.asarray(-np.diagonal(likelihoods).mean()), backward


@implements("ctc")
def ctc(logits, targets, input_lengths, target_lengths):
    """Forward and backward variables in logarithms, over the targets with a blank before, between and after them."""
    batch, time, _ = logits.shape
    rows, states = np.arange(batch), 2 * targets.shape[1] + 1
    likelihoods = _log_softmax(logits)
    symbols = np.zeros((batch, states), dtype=targets.dtype)
    symbols[:, 1::2] = targets
    emissions = np.take_along_axis(likelihoods, symbols[:, None, :], axis=2)  # B T S
    skips = np.full((batch, states), -np.inf, dtype=logits.dtype)
    skips[:, 2:][symbols[:, 2:] != symbols[:, :-2]] = 0  # a blank between two labels that differ may be left out

    forward = np.full_like(emissions, -np.inf)
    forward[:, 0, :2] = emissions[:, 0, :2]
    for t in range(1, time):
        before = forward[:, t - 1]
        arriving = before.copy()
        arriving[:, 1:] = np.logaddexp(arriving[:, 1:], before[:, :-1])
        arriving[:, 2:] = np.logaddexp(arriving[:, 2:], before[:, :-2] + skips[:, 2:])
        forward[:, t] = arriving + emissions[:, t]
    ends = forward[rows, input_lengths - 1]
    totals = np.logaddexp(ends[rows, 2 * target_lengths], ends[rows, 2 * target_lengths - 1])

    def backward(dloss):
        final = np.full((batch, states), -np.inf, dtype=logits.dtype)
        final[rows, 2 * target_lengths] = final[rows, 2 * target_lengths - 1] = 0
        remaining = np.full_like(emissions, -np.inf)
        for t in reversed(range(time)):
            if t < time - 1:
                after = remaining[:, t + 1] + emissions[:, t + 1]
                leaving = after.copy()
                leaving[:, :-1] = np.logaddexp(leaving[:, :-1], after[:, 1:])
                leaving[:, :-2] = np.logaddexp(leaving[:, :-2], after[:, 2:] + skips[:, 2:])
                remaining[:, t] = leaving
            last = input_lengths - 1 == t
            remaining[last, t] = final[last]
        occupied = np.exp(forward + remaining - totals[:, None, None])  # probability of each state at each step
        dlogits = np.exp(likelihoods)
        for s in range(states):
            dlogits[rows, :, symbols[:, s]] -= occupied[:, :, s]
        dlogits[np.arange(time) >= input_lengths[:, None]] = 0
        return dloss * dlogits / batch, None, None, None

    return np.asarray(-totals.mean()), backward
