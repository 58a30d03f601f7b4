"""The definitions, one module a family. `WORKLOADS` maps each name to its definition."""

from suite.workloads import attention, convolution, dense, linear, losses, normalization
from suite.workloads.definition import TASKS, UNIT_ROUNDOFF, WORKLOADS, Problem, Tensor, Workload

__all__ = [
    "TASKS",
    "UNIT_ROUNDOFF",
    "WORKLOADS",
    "Problem",
    "Tensor",
    "Workload",
    "attention",
    "convolution",
    "dense",
    "linear",
    "losses",
    "normalization",
]
