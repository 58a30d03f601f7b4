"""The definitions, one module a family. `WORKLOADS` maps each name to its definition."""

from suite.workloads import (
    activations,
    attention,
    convolution,
    dense,
    linalg,
    linear,
    losses,
    normalization,
    optimizers,
    pooling,
    recurrent,
    reductions,
)
from suite.workloads.definition import TASKS, UNIT_ROUNDOFF, WORKLOADS, Problem, Tensor, Workload

__all__ = [
    "TASKS",
    "UNIT_ROUNDOFF",
    "WORKLOADS",
    "Problem",
    "Tensor",
    "Workload",
    "activations",
    "attention",
    "convolution",
    "dense",
    "linalg",
    "linear",
    "losses",
    "normalization",
    "optimizers",
    "pooling",
    "recurrent",
    "reductions",
]
