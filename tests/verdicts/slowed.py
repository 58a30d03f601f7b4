"""Frameworks with a slowdown of known size planted into the timed function: what the verdicts are proven with.

A share of 0.05 means that of a hundred calls five are made twice: 5 % more of the very same work.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from impls.interface import Backend, Function, Implementation, implements, load

SHARES = (0.0, 0.03, 0.05, 0.10)
MODES = {f"slower_{round(100 * share)}": share for share in SHARES}
"""The modes of a slowed backend. `slower_0` plants nothing, by the same code."""

FRAMEWORKS = {"numpy": "eager", "pytorch": "eager", "jax": "jit"}
"""What is slowed down, and the mode in which it runs."""
WORKLOADS = ("linear", "conv2d", "softmax", "attention", "layer_norm", "mlp", "max_pool2d", "rms_norm")
PROBLEM = "small"
TOO_LONG = {("numpy", "conv2d"), ("numpy", "max_pool2d")}
PAIRS = [
    (framework, workload) for framework in FRAMEWORKS for workload in WORKLOADS if (framework, workload) not in TOO_LONG
]
"""Calls of 10 to 250 µs: short enough for 3 % of the calls of one sample of 20 ms to be two or more."""


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


def backend(framework: str) -> type[Backend]:
    """The framework's backend, with the modes above for `forward`."""
    original = type(load(f"impls.{framework}")[0])
    mode = FRAMEWORKS[framework]

    class Slowed(original):  # type: ignore[misc, valid-type]
        modes = tuple(MODES)
        compiled_modes: Sequence[str] = ()

        def forward(self, function: Function, asked: str) -> Function:
            return slowed(super().forward(function, mode), MODES[asked])

        def gradient(self, objective: Function, asked: str, positions: Sequence[int]) -> Function:
            return super().gradient(objective, mode, positions)

        def traces(self, function: Function) -> int | None:
            return None

    return Slowed


def borrow(framework: str, package: str) -> None:
    """File the framework's implementations of what is slowed down as those of `package`."""
    for (workload, variant), found in load(f"impls.{framework}")[1].items():
        if (framework, workload) in PAIRS:
            of_package = implements(workload, variant=variant, layout=found.layout, unsupported=found.unsupported)
            of_package(_in(package, found))


def _in(package: str, implementation: Implementation) -> Function:
    @wraps(implementation.function)  # its signature says what the problem has to give
    def function(*tensors: Any, **settings: Any) -> Any:
        return implementation.function(*tensors, **settings)

    function.__module__ = f"{package}.borrowed"
    return function
