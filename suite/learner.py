"""A model trained in earnest, on the worker's side: passes over examples, and what is measured after each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.interface import registered
from suite.model_program import ModelProgram

Array = np.ndarray
Examples = Mapping[str, Array]


def learn(
    step: ModelProgram, forward: ModelProgram, parts: Mapping[str, Examples], epochs: int, seed: int
) -> dict[str, Any]:
    """Train for so many passes over `parts["train"]`, in an order that follows from the seed; what is left over when the
    batches are full waits for the next pass.

    Returns the losses of the training and the validation part before the first pass and after each, both in inference;
    the accuracies of the validation part, where there are classes; and loss and accuracy of the test part at the end.
    Raises ValueError where the loss is not finite.
    """
    problem, tensors = step.problem, step.workload.tensors(step.problem)
    masks = {name: tensor for name, tensor in tensors.items() if tensor.role == "mask"}
    train = parts["train"]
    count, size = len(next(iter(train.values()))), problem.get("batch", 1)
    curves: dict[str, list[float]] = {"train": [], "validation": [], "accuracy": []}

    def look() -> None:
        for part in ("train", "validation"):
            loss, accuracy = evaluate(forward, parts[part])
            curves[part].append(loss)
        curves["accuracy"] += [] if accuracy is None else [accuracy]

    look()
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            batch = _batch(step, train, order[start : start + size])
            batch |= {name: np.asarray(mask.draw(rng, mask.shape)) for name, mask in masks.items()}
            results = step.function(*step.native(batch))
        if not np.isfinite(float(step.backend.numpy(results[0]))):
            raise ValueError(f"the loss is not finite after pass {epoch + 1}")
        moved = dict(zip(step.outputs, results, strict=True))
        parameters = {name: moved[name] for name in step.differentiated}
        states = {name: moved[name] for name in step.workload.states(problem)}
        forward.backend.models.load(forward.model, parameters, states)
        look()
    loss, accuracy = evaluate(forward, parts["test"])
    return {**curves, "test_loss": loss, "test_accuracy": accuracy}


def evaluate(forward: ModelProgram, examples: Examples) -> tuple[float, float | None]:
    """Mean loss, in float64 by the oracle, and the share of classes that are right; over as many full batches as there
    are."""
    workload, problem = forward.workload, forward.problem
    assert workload.loss is not None
    importlib.import_module("impls.numpy.losses")
    criterion = registered("impls.numpy", workload.loss).bind(problem)
    count, size = len(next(iter(examples.values()))), problem.get("batch", 1)
    losses, right = [], []
    for start in range(0, count - size + 1, size):
        batch = _batch(forward, examples, np.arange(start, start + size))
        outputs = forward.read(forward.function(*forward.native(batch)))
        wide = [output.astype(np.float64) for output in outputs.values()]
        targets = [batch[name] for name in workload.targets(problem)]
        losses.append(float(criterion(*wide, *targets)[0]))
        if "labels" in batch:
            right.append(float(np.mean(wide[0].argmax(axis=-1) == batch["labels"])))
    return float(np.mean(losses)), float(np.mean(right)) if right else None


def _batch(program: ModelProgram, examples: Examples, chosen: Array) -> dict[str, Array]:
    """These examples, in the shapes of the problem."""
    tensors = program.workload.tensors(program.problem)
    return {name: array[chosen].reshape(tensors[name].shape) for name, array in examples.items()}
