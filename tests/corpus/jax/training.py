"""Losses and training steps in JAX that are not what was meant."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.corpus.case import case

Tree = Any
CLASSES = 5


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def labels(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, CLASSES, shape)


def network(parameters: Tree, x: jax.Array) -> jax.Array:
    return jnp.tanh(x @ parameters["first"]) @ parameters["second"]


def weights(outputs: int) -> Tree:
    return {"first": drawn(4, 6) / 2, "second": drawn(6, outputs, seed=2) / 3}


def cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)
    return -picked.mean()


@case("broadcast", "subtract in mean_square")
def targets_without_the_outputs_last_axis(faulty: bool) -> dict[str, Any]:
    def mean_square(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return ((outputs - (targets if faulty else targets[:, None])) ** 2).mean()

    fields = {"model": network, "parameters": weights(1), "inputs": drawn(6, 4, seed=1)}
    return {**fields, "targets": drawn(6, seed=3), "loss": mean_square}


@case("double work", "log_softmax in cross_entropy")
def softmax_before_a_loss_of_logits(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, x: jax.Array) -> jax.Array:
        logits = network(parameters, x)
        return jax.nn.softmax(logits) if faulty else logits

    fields = {"model": model, "parameters": weights(CLASSES), "inputs": drawn(6, 4, seed=1), "targets": labels(6)}
    return {**fields, "loss": cross_entropy, "classes": CLASSES}


@case("double work", "second")
def decay_in_the_loss_and_in_the_step(faulty: bool) -> dict[str, Any]:
    def model(parameters: Tree, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return network(parameters, x), parameters["second"]

    def loss(outputs: tuple[jax.Array, jax.Array], targets: jax.Array) -> jax.Array:
        logits, weight = outputs
        return cross_entropy(logits, targets) + (0.5 * 0.01 * (weight**2).sum() if faulty else 0.0)

    @jax.jit
    def step(parameters: Tree, inputs: jax.Array, targets: jax.Array) -> tuple[Tree, jax.Array]:
        found, gradients = jax.value_and_grad(lambda own: loss(model(own, inputs), targets))(parameters)
        return jax.tree.map(lambda own, g: own - 0.3 * (g + 0.01 * own), parameters, gradients), found

    fields = {"model": model, "parameters": weights(CLASSES), "inputs": drawn(6, 4, seed=1), "targets": labels(6)}
    return {**fields, "loss": loss, "step": step, "optimizer": {"weight_decay": 0.01}, "classes": CLASSES}


@case("accumulation", "loss")
def mean_over_what_each_micro_batch_counts(faulty: bool) -> dict[str, Any]:
    """Tokens that count are more in some examples than in others; a share of all positions is the same for all."""

    def loss(logits: jax.Array, targets: jax.Array) -> jax.Array:
        counts = targets >= 0
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.maximum(targets, 0)[..., None], -1)[..., 0]
        return -(picked * counts).sum() / (counts.sum() if faulty else counts.size)

    targets = np.where(np.arange(6) < np.array([[1], [6], [3], [5]]), labels(4, 6), -1)
    fields = {"model": network, "parameters": weights(CLASSES), "inputs": drawn(4, 6, 4, seed=1), "targets": targets}
    return {**fields, "loss": loss}


@case("stale graph and aliasing", "second")
def best_weights_that_go_on_training(faulty: bool) -> dict[str, Any]:
    """Arrays of JAX never change, but the dictionary does that they are put into."""

    def step(parameters: Tree, inputs: jax.Array, targets: jax.Array) -> tuple[Tree, jax.Array]:
        found, gradients = jax.value_and_grad(lambda own: cross_entropy(network(own, inputs), targets))(parameters)
        for name in parameters:
            parameters[name] = parameters[name] - 0.3 * gradients[name]
        return parameters, found

    def keep(parameters: Tree) -> Tree:
        return parameters if faulty else dict(parameters)

    fields = {"model": network, "parameters": weights(CLASSES), "inputs": drawn(6, 4, seed=1), "targets": labels(6)}
    return {**fields, "loss": cross_entropy, "step": step, "snapshot": keep, "classes": CLASSES}


@case("learning sanity", "first, second")
def step_that_gives_back_the_old_weights(faulty: bool) -> dict[str, Any]:
    """Nothing is updated in place: whoever forgets to return what is new goes on with what is old."""

    @jax.jit
    def step(parameters: Tree, inputs: jax.Array, targets: jax.Array) -> tuple[Tree, jax.Array]:
        found, gradients = jax.value_and_grad(lambda own: cross_entropy(network(own, inputs), targets))(parameters)
        new = jax.tree.map(lambda own, gradient: own - 0.5 * gradient, parameters, gradients)
        return parameters if faulty else new, found

    fields = {"model": network, "parameters": weights(CLASSES), "inputs": drawn(6, 4, seed=1), "targets": labels(6)}
    return {**fields, "loss": cross_entropy, "step": step, "classes": CLASSES}


@case("learning sanity", "loss")
def inputs_that_hold_the_targets(faulty: bool) -> dict[str, Any]:
    """A language model whose targets are its inputs, not those that come next."""

    def model(parameters: Tree, tokens: jax.Array) -> jax.Array:
        return parameters["embedding"][tokens] @ parameters["out"]

    tokens = labels(4, 7)
    fields = {"model": model, "parameters": {"embedding": drawn(CLASSES, 8) / 2, "out": drawn(8, CLASSES, seed=2) / 3}}
    targets = tokens[:, :-1] if faulty else tokens[:, 1:]
    return {**fields, "inputs": tokens[:, :-1], "targets": targets, "loss": cross_entropy, "classes": CLASSES}
