"""Frameworks with a slowdown of known size planted into the timed function: what the verdicts are proven with.

A share of 0.05 means that of a hundred calls five are made twice: 5 % more of the very same work.
"""

from __future__ import annotations

import os
from functools import wraps
from typing import Any

from impls.interface import Backend, Function, Implementation, Models, implements, load

SAMPLE_S = 0.01
WARM_UP_S = 0.5
"""Of a sample, and of the longest warm-up: everybody's."""
SHARES = (0.0, 0.03, 0.05, 0.10)
FRAMEWORKS = {"numpy": "eager", "pytorch": "eager", "jax": "jit"}
"""What is slowed down, and the mode in which it runs."""
WORKLOADS = ("linear", "conv2d", "softmax", "attention", "layer_norm", "mlp", "max_pool2d", "rms_norm")
PROBLEM = "small"
TOO_LONG = {("numpy", "conv2d"), ("numpy", "max_pool2d")}
PAIRS = [
    (framework, workload) for framework in FRAMEWORKS for workload in WORKLOADS if (framework, workload) not in TOO_LONG
]
"""Calls of 10 to 250 µs: short enough for 3 % of the calls of one sample to be more than one."""


def is_unsteady(framework: str, workload: str, threads: int) -> bool:
    """Whether the framework itself takes now one time and now another, up to three times as long, for a process' life.

    JAX shares calls of 10 to 40 µs among threads and gains nothing by it. Found by running 0.10.2 on two cores, idle ones
    kept awake: `rms_norm` takes 5, 9 or 18 µs. Why is not known. Such pairs are judged apart.
    """
    return threads > 1 and framework == "jax" and workload in ("mlp", "max_pool2d", "rms_norm")


def quarter() -> list[tuple[str, str, int]]:
    """Every fourth of the steady pairs, with one thread and with all, as framework, workload and threads: what the other
    tools get too."""
    counts = sorted({1, len(os.sched_getaffinity(0))})
    every = [(*pair, threads) for threads in counts for pair in PAIRS]
    return [problem for problem in every if not is_unsteady(*problem)][::4]


def package(framework: str, share: float) -> str:
    """What a worker loads for the framework with this slowdown; with share 0 nothing is planted, by the same code."""
    return f"tests.verdicts.planted.{framework}_{round(100 * share)}"


def slowed(function: Function, share: float) -> Function:
    """`function`, with `share` of the calls made twice, evenly spread."""
    due = 0.0

    def call(*arguments: Any) -> Any:
        nonlocal due
        due += share
        if due >= 1:
            due -= 1
            function(*arguments)
        return function(*arguments)

    return call


def plant(framework: str, share: float, module: str) -> type[Backend]:
    """The framework's backend, whose forward passes are slowed down; its implementations are filed for `module` too."""
    original, implementations = load(f"impls.{framework}")

    class Slowed(type(original)):  # type: ignore[misc]
        modes = (FRAMEWORKS[framework],)
        compiled_modes = ()
        models = _slowed_models(original.models, share)

        def forward(self, function: Function, mode: str) -> Function:
            return slowed(super().forward(function, mode), share)

        def traces(self, function: Function) -> int | None:
            return None  # what counts is inside

    for (workload, variant), found in implementations.items():
        if (framework, workload) in PAIRS:
            of_module = implements(workload, variant=variant, layout=found.layout, unsupported=found.unsupported)
            of_module(_in(module, found))
    return Slowed


def _slowed_models(models: Models, share: float) -> Models:
    class Slowed(type(models)):  # type: ignore[misc]
        def infer(self, model: Any, mode: str) -> Function:
            return slowed(super().infer(model, mode), share)

    return Slowed()


def _in(module: str, implementation: Implementation) -> Function:
    @wraps(implementation.function)  # its signature says what the problem has to give
    def function(*tensors: Any, **settings: Any) -> Any:
        return implementation.function(*tensors, **settings)

    function.__module__ = module
    return function
