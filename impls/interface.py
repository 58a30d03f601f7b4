"""The common interface: what a framework must offer (`Backend`), and the register of implementations.

An implementation is a pure function of native tensors, taking the definition's tensors in the definition's order and,
as keyword-only arguments, those of the problem's parameters that it needs:

    @implements("conv2d", layout={"x": "N H W C", "weight": "H W I O", "y": "N H W C"})
    def conv2d(x, weight, bias, *, stride, padding, dilation, groups): ...

`layout` names the axis order of each tensor that differs from the definition's; conversion happens before anything is
timed. NumPy's implementations return the result together with its backward function (see `impls/numpy/backend.py`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from suite.workloads import Problem

Native = Any
Function = Callable[..., Any]
Unsupported = Callable[[Problem, str, str, str], "str | None"]


def _nothing(problem: Problem, task: str, mode: str, precision: str) -> str | None:
    return None


@dataclass(frozen=True)
class Implementation:
    """One way of computing a workload in one framework.

    `unsupported(problem, task, mode, precision)` gives the reason where the framework cannot do it, else None.
    """

    workload: str
    variant: str
    function: Function
    layout: Mapping[str, str]
    unsupported: Unsupported

    def bind(self, problem: Problem) -> Function:
        """The function with its keyword-only arguments taken from the problem; with all of it where it takes any.

        `training` is for whoever calls a model.
        """
        parameters = inspect.signature(self.function).parameters.values()
        settings = {p.name: problem[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "training"}
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            settings = dict(problem)
        return partial(self.function, **settings) if settings else self.function


_REGISTER: dict[tuple[str, str, str], Implementation] = {}


def implements(
    workload: str,
    *,
    variant: str = "default",
    layout: Mapping[str, str] | None = None,
    unsupported: Unsupported = _nothing,
) -> Callable[[Function], Function]:
    """File the decorated function as an implementation of `workload` in the package that it is written in."""

    def register(function: Function) -> Function:
        package = function.__module__.rpartition(".")[0].removesuffix(".models")
        key = (package, workload, variant)
        if key in _REGISTER:
            raise ValueError(f"{package} implements {workload} ({variant}) twice")
        _REGISTER[key] = Implementation(workload, variant, function, dict(layout or {}), unsupported)
        return function

    return register


def registered(package: str, workload: str) -> Implementation:
    """The default implementation of `workload` in `package`, whose modules have been imported."""
    return _REGISTER[package, workload, "default"]


ON_REQUEST = ("diagnostics", "subject", "interpreter")
"""Modules of a framework's package that no run needs: what explains it, and what looks into a person's own model."""


def load(package: str) -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    """Import a package: its backend, and its implementations by workload and variant; not what is `ON_REQUEST`."""
    backend = importlib.import_module(f"{package}.backend").BACKEND
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if module.name.removeprefix(f"{package}.") not in ON_REQUEST:
            importlib.import_module(module.name)
    return backend(), {key[1:]: found for key, found in _REGISTER.items() if key[0] == package}


def conventions(package: str) -> Mapping[str, Function]:
    """The framework's probes by name: functions without arguments that each return what it does by default."""
    probes: Mapping[str, Function] = importlib.import_module(f"{package}.conventions").PROBES
    return probes


class Models(ABC):
    """How a framework holds a model, calls and trains it: its parameters live in the model, and calls take data alone.

    A model comes from `make`, and is the framework's own affair. Data are the definition's inputs and masks, then the
    targets. Where results hold parameters and states, these come in the order in which `make` was given them.
    """

    axes: Mapping[str, str] = {}
    """For axes of the definition, the order in which this framework's models hold them: `"O I H W": "H W I O"`."""

    @abstractmethod
    def make(
        self, build: Function, parameters: Mapping[str, Native], states: Mapping[str, Native], inputs: Sequence[Native]
    ) -> Any:
        """The model that `build()` gives, with these values by the definition's names; it will be called with such inputs.

        Raises ValueError, with the names, where it lacks one, has others, or has it in another shape.
        """

    @abstractmethod
    def load(self, model: Any, parameters: Mapping[str, Native], states: Mapping[str, Native] | None = None) -> None:
        """Replace the values of its parameters, and of its states where these are given."""

    @abstractmethod
    def infer(self, model: Any, mode: str) -> Function:
        """inputs ↦ outputs, by running statistics and without dropout."""

    @abstractmethod
    def gradient(self, model: Any, criterion: Function, inputs: int, mode: str) -> Function:
        """data ↦ (loss, gradients by the parameters …, states after it …), in training.

        The criterion takes the outputs and what follows the first `inputs` of the data.
        """

    @abstractmethod
    def training(
        self,
        model: Any,
        criterion: Function,
        inputs: int,
        mode: str,
        optimizer: str,
        settings: Mapping[str, float],
        loss_scale: float,
    ) -> Function:
        """data ↦ (loss, parameters after the step …, states after it …); `optimizer` names a workload of that family.

        Of `HALVES`, with the optimizer's own parameters in float32. The gradient is taken of `loss_scale` times the loss.
        """

    @abstractmethod
    def generation(self, model: Any, mode: str, task: str, ids: Native, new_tokens: int, cached: bool) -> Function:
        """A decoder's ids ↦ (tokens B T, logits of the last of them B C), for a task in `GENERATION` and ids of this shape.

        For `next_token` what these ids leave is made ready, and the function is for them alone.
        """

    @abstractmethod
    def layers(
        self, model: Any, criterion: Function, inputs: int, data: Sequence[Native]
    ) -> tuple[dict[str, Native], dict[str, Native]]:
        """What each layer with parameters gave in training, uncompiled, and the derivative of the loss by it; by its
        name."""


class Backend(ABC):
    """Everything in which frameworks differ but the workloads themselves.

    Functions here take and return native tensors; `positions` are the places of the arguments to differentiate by.
    """

    modes: tuple[str, ...]
    compiled_modes: tuple[str, ...] = ()
    """Those of all modes that begin by starting a compiler."""
    cuda_modes: tuple[str, ...] = ()
    """Further modes, which mean something on a GPU only."""
    forward_mode = True
    """Whether `jvp` and `hvp` are more than the gradient again."""
    models: Models
    """How models are held and trained."""

    @abstractmethod
    def start(self, threads: int) -> None:
        """Set the number of threads and the switches that hold for the whole process; called once, before any work."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The framework's version and those of what computes for it."""

    def build(self) -> dict[str, str]:
        """How this build was made and what it computes by, as far as it tells: `device` (CPU, CUDA 13.0), `compiler`,
        `flags`, `type` (Release), `blas`, `instructions` that its own kernels are chosen for."""
        return {}

    @abstractmethod
    def settings(self) -> dict[str, str | int | bool | None]:
        """Threads and precision switches as the framework itself reports them now. `threads` is checked by the worker."""

    def use(self, precision: str) -> None:  # noqa: B027 - most frameworks need nothing here
        """Set what must be switched for `precision`; called before a program is built and before each of its turns."""

    @abstractmethod
    def unsupported(self, precision: str, device: str) -> str | None:
        """The reason why this build cannot compute in `precision` on `device`, else None."""

    @abstractmethod
    def array(self, values: np.ndarray, precision: str, device: str, differentiable: bool = False) -> Native:
        """A native tensor of these values; class numbers keep an integer type, floats get `precision`."""

    @abstractmethod
    def numpy(self, tensor: Native) -> np.ndarray:
        """The values back, complete: waits for whatever still computes them. bfloat16 comes as float32."""

    @abstractmethod
    def precision_of(self, tensor: Native) -> str:
        """`float64`, `float32` …: the type that the tensor really has."""

    @abstractmethod
    def synchronize(self, outputs: Sequence[Native]) -> None:
        """Return when every one of `outputs` has been computed."""

    def compose(self, function: Function, criterion: Function, count: int) -> Function:
        """`criterion(function(first count arguments), remaining arguments)`."""

        def objective(*tensors: Native) -> Native:
            return criterion(function(*tensors[:count]), *tensors[count:])

        return objective

    @abstractmethod
    def contract(self, outputs: Native, *cotangents: Native) -> Native:
        """The scalar Σ outputs · cotangents; `outputs` is one tensor, or a tuple. Statistics, which come last in it, have
        no cotangent and are left out."""

    @abstractmethod
    def forward(self, function: Function, mode: str) -> Function:
        """`function` as `mode` executes it, with a tuple of outputs."""

    @abstractmethod
    def gradient(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """tensors ↦ (loss, gradients at `positions` …), by what the framework's users write."""

    def leading(self, function: Function, count: int) -> Function:
        """`function` with a tuple of its first `count` outputs: those that gradients flow from."""
        return lambda *tensors: as_tuple(function(*tensors))[:count]

    @abstractmethod
    def jvp(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        """(tensors …, tangents of those at `positions` …) ↦ (outputs …, their derivatives along the tangents …)."""

    @abstractmethod
    def hvp(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """(tensors …, tangents of those at `positions` …) ↦ (gradients …, their derivatives along the tangents …)."""

    @abstractmethod
    def jacobian(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        """tensors ↦ the derivative of each output by each tensor at `positions`, outputs first; axes likewise."""

    @abstractmethod
    def per_example_gradient(
        self, objective: Function, mode: str, positions: Sequence[int], axes: Sequence[int | None]
    ) -> Function:
        """tensors ↦ (losses, gradients at `positions` …) of batches of one example each, stacked along a new first axis.

        `axes` says for each tensor which of its axes counts the examples; None where all examples share it.
        """

    def refuses(self, error: BaseException) -> bool:
        """Whether the framework says with `error` that it has no kernel or no rule for what was asked."""
        return isinstance(error, NotImplementedError)

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError)

    def is_device_lost(self, error: BaseException) -> bool:
        """Whether nothing more can be computed in this process: CUDA repeats such an error at every later call.

        All frameworks show CUDA's own words. That a build lacks kernels for this GPU ruins nothing.
        """
        text = str(error)
        told = "CUDA_ERROR_" in text or "CUDA error" in text
        return told and "no kernel image" not in text and not self.is_out_of_memory(error)

    def release(self) -> None:  # noqa: B027 - most frameworks keep what they have once taken
        """Give device memory that is not in use back to the driver, for other processes."""

    def kernel_ns(self, call: Callable[[], Native], calls: int) -> float | None:
        """Nanoseconds that the device itself takes for one of `calls` calls, with no gap between them for want of work.

        None where the framework has no events to tell, or `call` waits for the device.
        """
        return None

    def peak_device_bytes(self, function: Function, arguments: Sequence[Native]) -> int | None:
        """What one call takes of the device's memory beyond what is there before it, by the framework's own counter.

        None where it has none, or none that tells of a single call.
        """
        return None

    def traces(self, function: Function) -> int | None:
        """How often `function` (made by `forward` or `gradient`) was traced or compiled; None where nobody counts."""
        return None


def place(data: Sequence[Native], parameters: Sequence[Native], positions: Sequence[int]) -> list[Native]:
    """All arguments in order: `parameters` at `positions`, `data` in the places between."""
    arguments: list[Native] = list(data)
    for position, parameter in sorted(zip(positions, parameters, strict=True), key=lambda pair: pair[0]):
        arguments.insert(position, parameter)
    return arguments


def of_leaves(
    function: Function, tensors: Sequence[Native], positions: Sequence[int]
) -> tuple[Function, tuple[Native, ...]]:
    """`function`, with a tuple of outputs, of the tensors at `positions` alone; and these."""
    data = [tensor for position, tensor in enumerate(tensors) if position not in positions]
    leaves = tuple(tensors[position] for position in positions)
    return lambda *moved: as_tuple(function(*place(data, moved, positions))), leaves


def as_tuple(outputs: Native) -> tuple[Native, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)
