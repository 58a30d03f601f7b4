"""The definitions, one module a family. `WORKLOADS` maps each name to its definition."""

from suite.workloads import (
    activations,
    attention,
    convolution,
    linalg,
    linear,
    losses,
    normalization,
    optimizers,
    pooling,
    recurrent,
    reductions,
)

from suite.workloads import models  # isort: skip - made of the workloads above
from suite.workloads.definition import (
    GENERATION,
    JACOBIAN_ENTRIES,
    SMALLEST_NORMAL,
    TASKS,
    TRANSFORMS,
    UNIT_ROUNDOFF,
    WORKLOADS,
    Problem,
    Tensor,
    Workload,
)

__all__ = [
    "GENERATION",
    "JACOBIAN_ENTRIES",
    "SMALLEST_NORMAL",
    "TASKS",
    "TRANSFORMS",
    "UNIT_ROUNDOFF",
    "WORKLOADS",
    "Problem",
    "Tensor",
    "Workload",
    "activations",
    "attention",
    "convolution",
    "linalg",
    "linear",
    "losses",
    "models",
    "normalization",
    "optimizers",
    "pooling",
    "recurrent",
    "reductions",
]
