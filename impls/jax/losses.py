from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import xlogy

from impls.interface import implements


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    likelihoods = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(likelihoods, labels[:, None], axis=-1).mean()


@implements("token_cross_entropy")
def token_cross_entropy(logits, labels):
    likelihoods = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(likelihoods, labels[..., None], axis=-1).mean()


@implements("pixel_cross_entropy", layout={"logits": "N H W C"})
def pixel_cross_entropy(logits, labels):
    return token_cross_entropy(logits, labels)


@implements("cross_entropy")
def cross_entropy(logits, labels, weight, *, smoothing, ignore_index):
    classes = logits.shape[-1]
    counts = labels != ignore_index
    wanted = jax.nn.one_hot(labels, classes, dtype=logits.dtype) * (1 - smoothing) + smoothing / classes
    losses = -(wanted * weight * jax.nn.log_softmax(logits)).sum(axis=-1)
    return (counts * losses).sum() / (counts * weight[labels]).sum()


@implements("bce_with_logits")
def bce_with_logits(logits, targets):
    return -(targets * jax.nn.log_sigmoid(logits) + (1 - targets) * jax.nn.log_sigmoid(-logits)).mean()


@implements("mse")
def mse(predictions, targets):
    return jnp.square(predictions - targets).mean()


@implements("elbo")
def elbo(logits, mean, log_variance, targets):
    data = -(targets * jax.nn.log_sigmoid(logits) + (1 - targets) * jax.nn.log_sigmoid(-logits)).sum()
    code = (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum() / 2
    return (data + code) / len(logits)


@implements("flow_nll")
def flow_nll(code, logdet):
    constant = code.shape[1] / 2 * math.log(2 * math.pi)
    return ((code**2).sum(axis=1) / 2 - logdet).mean() + constant


@implements("mae")
def mae(predictions, targets):
    return jnp.abs(predictions - targets).mean()


@implements("huber")
def huber(predictions, targets, *, delta):
    sizes = jnp.abs(predictions - targets)
    return jnp.where(sizes <= delta, 0.5 * sizes**2, delta * (sizes - 0.5 * delta)).mean()


@implements("quantile")
def quantile(predictions, targets, *, q):
    rest = targets - predictions
    return jnp.maximum(q * rest, (q - 1) * rest).mean()


@implements("hinge")
def hinge(scores, targets):
    return jax.nn.relu(1 - targets * scores).mean()


@implements("focal")
def focal(logits, targets, *, alpha, gamma):
    losses = -(targets * jax.nn.log_sigmoid(logits) + (1 - targets) * jax.nn.log_sigmoid(-logits))
    probabilities = jax.nn.sigmoid(logits)
    rest = probabilities * (1 - targets) + (1 - probabilities) * targets
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    return (weights * rest**gamma * losses).mean()


@implements("kl_div")
def kl_div(log_probabilities, targets):
    # Not jax.scipy.special.kl_div, which takes probabilities and adds q − p.
    return (xlogy(targets, targets) - targets * log_probabilities).sum(axis=-1).mean()


@implements("dice")
def dice(probabilities, targets, *, eps):
    both = (probabilities * targets).sum(axis=-1)
    each = probabilities.sum(axis=-1) + targets.sum(axis=-1)
    return (1 - (2 * both + eps) / (each + eps)).mean()


@implements("triplet")
def triplet(anchor, positive, negative, *, margin, eps):
    near = jnp.linalg.norm(anchor - positive + eps, axis=-1)
    far = jnp.linalg.norm(anchor - negative + eps, axis=-1)
    return jax.nn.relu(near - far + margin).mean()


@implements("info_nce")
def info_nce(queries, keys, *, temperature):
    likelihoods = jax.nn.log_softmax(queries @ keys.T / temperature)
    return -jnp.diagonal(likelihoods).mean()


@implements("ctc")
def ctc(logits, targets, input_lengths, target_lengths):
    """The forward variables in logarithms, scanned over time: JAX itself has no function for it."""
    # The logarithm of 0: finite, for differences of infinities make gradients NaN; with room to add two of them.
    impossible = jnp.finfo(logits.dtype).min / 4
    batch, time, _ = logits.shape
    symbols = jnp.zeros((batch, 2 * targets.shape[1] + 1), dtype=targets.dtype).at[:, 1::2].set(targets)
    emissions = jnp.take_along_axis(jax.nn.log_softmax(logits), symbols[:, None, :], axis=2)  # B T S
    skips = jnp.where(symbols[:, 2:] != symbols[:, :-2], 0.0, impossible).astype(logits.dtype)

    def step(before, now):
        t, emission = now
        one = jnp.pad(before[:, :-1], ((0, 0), (1, 0)), constant_values=impossible)
        two = jnp.pad(before[:, :-2] + skips, ((0, 0), (2, 0)), constant_values=impossible)
        after = jax.nn.logsumexp(jnp.stack([before, one, two]), axis=0) + emission
        return jnp.where((t < input_lengths)[:, None], after, before), None

    start = jnp.full_like(emissions[:, 0], impossible).at[:, 0].set(0.0)  # before the first step: at the first blank
    last, _ = lax.scan(step, start, (jnp.arange(time), emissions.swapaxes(0, 1)))
    ends = jnp.take_along_axis(last, 2 * target_lengths[:, None] - jnp.arange(2), axis=1)
    return -jax.nn.logsumexp(ends, axis=-1).mean()
