"""What a task takes in memory by its definition, and which batch would fit where it did not."""

from __future__ import annotations

from typing import Any

from suite.errors import UsageError
from suite.workloads import Problem, Workload
from suite.workloads.definition import ITEM_BYTES
from suite.workloads.models.definition import OPTIMIZER_STATES

GIB = 2.0**30
SIZES = {"int": 8, "bool": 1}
TAKEN = 2.6
"""Frameworks took 1.1 (PyTorch) to 2.6 times (a TensorFlow graph) the least in training steps of ResNet-18, VGG-16, BERT and
U-Net, so that a batch that is said to fit fits in all of them."""


def least_bytes(workload: Workload, problem: Problem, task: str, precision: str) -> float:
    """Bytes that must be there at once: arguments, results, and what the backward pass needs of the forward one.

    Of a model, that is every layer's result; and an optimizer keeps tensors of its own for each parameter. What a framework
    rearranges or computes in between comes on top.
    """
    item = ITEM_BYTES[precision]
    tensors = workload.tensors(problem)
    if task == "forward":
        tensors = {name: t for name, t in tensors.items() if t.role not in ("target", "mask")}
    total = float(sum(tensor.size * SIZES.get(tensor.draw.kind, item) for tensor in tensors.values()))
    total += item * sum(output.size for output in workload.outputs(problem).values())
    if task == "jacobian":
        return total + item * workload.jacobian_entries(problem)
    if task == "forward":
        return total
    total += item * sum(tensor.size for tensor in workload.differentiable(problem).values())
    if workload.network:
        total += item * workload.network(problem, True).kept
        if task == "train_step":
            total += item * OPTIMIZER_STATES[problem.optimizer] * workload.parameter_count(problem)
    return total


def advice(workload: Workload, problem: Problem, task: str, limit_bytes: float) -> str:
    """A sentence for who asked for too much: what it takes at least, and the largest batch that fits by the same estimate.

    In float64, in which every cell is checked.
    """
    least = least_bytes(workload, problem, task, "float64")
    words = f"by its definition it takes {least / GIB:.1f} GiB at least, checked in float64, and frameworks up to {TAKEN:g} "
    words += f"times that; a worker may have {limit_bytes / GIB:.1f}"
    if not isinstance(problem.get("batch"), int):
        return words
    batch = largest_batch(workload, problem, task, limit_bytes)
    return f"{words}; " + (f"batch={batch} would fit" if batch else "not even one example would fit")


def largest_batch(workload: Workload, problem: Problem, task: str, limit_bytes: float) -> int:
    """The largest power of two below the problem's batch with which what is taken stays within the limit; 0 if none does."""
    batch: int = 1 << (problem.batch - 1).bit_length()
    while batch := batch >> 1:
        changed: dict[str, Any] = {**problem, "batch": batch}
        try:
            fitting = TAKEN * least_bytes(workload, workload.problem(None, **changed), task, "float64") <= limit_bytes
        except UsageError:  # too small a batch to normalise by
            return 0
        if fitting:
            return batch
    return 0
