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
    """Bytes that must be there at once: the sum of all `parts`. What a framework rearranges or computes in between comes on
    top."""
    return sum(parts(workload, problem, task, precision).values())


def parts(workload: Workload, problem: Problem, task: str, precision: str) -> dict[str, float]:
    """Bytes that must be there at once, by what they are for: `data`, `parameters` and `results`; `gradients`; the
    `activations` that the backward pass needs of the forward one, of a model every layer's result; and what the `optimizer`
    keeps for each parameter. A part that the task has not is left out."""
    item = ITEM_BYTES[precision]
    found = {"data": 0.0, "parameters": 0.0}
    for tensor in workload.tensors(problem).values():
        if task != "forward" or tensor.role not in ("target", "mask"):
            part = "parameters" if tensor.role == "parameter" else "data"
            found[part] += tensor.size * SIZES.get(tensor.draw.kind, item)
    found["results"] = float(item * sum(output.size for output in workload.outputs(problem).values()))
    if task == "jacobian":
        found["results"] += item * workload.jacobian_entries(problem)
    elif task != "forward":
        found["gradients"] = float(item * sum(tensor.size for tensor in workload.differentiable(problem).values()))
        if workload.network:
            found["activations"] = float(item * workload.network(problem, True).kept)
            if task == "train_step":
                found["optimizer"] = float(
                    item * OPTIMIZER_STATES[problem.optimizer] * workload.parameter_count(problem)
                )
    return {part: bytes for part, bytes in found.items() if bytes}


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
