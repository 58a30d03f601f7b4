"""A cell made ready to run in this process: definition, implementation and numbers put together by a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.interface import Backend, Implementation, Native
from suite.timing import Timed
from suite.workloads import WORKLOADS, Problem, Workload
from suite.workloads.draw import COTANGENT, TANGENT

Array = np.ndarray
Implementations = Mapping[tuple[str, str], Implementation]

OF_SCALAR = ("gradient", "hvp", "per_example_gradient")
"""Tasks that are asked of a scalar, to which other outputs are contracted; the others are asked of the outputs."""


class Unsupported(Exception):
    """The framework cannot do it; the text says why."""


class Program:
    """`function(*arguments)` is the timed work; `call` runs it once, `read` brings results back to the definition's axes.

    `values` are the drawn arrays, already rounded to the precision (see `suite.workloads.draw`).
    """

    def __init__(
        self,
        backend: Backend,
        implementations: Implementations,
        workload: Workload,
        problem: Problem,
        *,
        task: str,
        mode: str,
        variant: str,
        precision: str,
        device: str,
        values: Mapping[str, Array],
    ) -> None:
        implementation = find(backend, implementations, workload, problem, task, mode, variant, precision, device)
        self.backend, self.workload, self.problem, self.task, self.mode = backend, workload, problem, task, mode
        self.precision, self.device = precision, device
        self._layout = dict(implementation.layout)
        self._axes = {name: t.axes for name, t in (workload.tensors(problem) | workload.outputs(problem)).items()}

        tensors = workload.arguments(problem)
        self._names = list(tensors)
        function = implementation.bind(problem)
        if self.contracts:
            function = backend.compose(function, backend.contract, len(self._names))
            self._names += [COTANGENT + name for name in workload.cotangents(problem)]
        self.objective = function
        moved = [name for name, tensor in workload.differentiable(problem).items() if name in tensors]
        if task == "per_example_gradient":
            moved = [name for name in moved if tensors[name].role == "parameter"]
        self.differentiated = moved
        self.positions = [self._names.index(name) for name in moved]
        if task in ("jvp", "hvp"):
            self._names += [TANGENT + name for name in moved]

        backend.use(precision)
        self.arguments: list[Native] = self.native(values)
        self.function, self.outputs = self._ready(function)

    def _ready(self, function: Any) -> tuple[Any, list[str]]:
        """The task as the mode executes it, and the names of its results."""
        backend, mode, positions, names = self.backend, self.mode, self.positions, self.differentiated
        flowing = list(self.workload.cotangents(self.problem))
        match self.task:
            case "forward":
                return backend.forward(function, mode), list(self.workload.outputs(self.problem))
            case "gradient":
                return backend.gradient(function, mode, positions), ["loss", *names]
            case "jvp":
                outputs = backend.leading(function, len(flowing))
                return backend.jvp(outputs, mode, positions), [*flowing, *(TANGENT + name for name in flowing)]
            case "hvp":
                return backend.hvp(function, mode, positions), [*names, *(TANGENT + name for name in names)]
            case "jacobian":
                outputs = backend.leading(function, len(flowing))
                blocks = [f"{output} by {name}" for output in flowing for name in names]
                return backend.jacobian(outputs, mode, positions), blocks
            case "per_example_gradient":
                axes = [self._batch_axis(name) for name in self._names]
                return backend.per_example_gradient(function, mode, positions, axes), ["loss", *names]
        raise Unsupported(f"{self.workload.name} has no task {self.task}")

    @property
    def contracts(self) -> bool:
        """Whether the scalar is the contraction of the outputs with their cotangents."""
        return self.task in OF_SCALAR and not self.workload.is_scalar(self.problem)

    def native(self, values: Mapping[str, Array]) -> list[Native]:
        """The arguments as native tensors, in the implementation's layout."""
        arguments = []
        for position, name in enumerate(self._names):
            array = permute(values[name], *self._axes_of(name))
            differentiable = self.task == "gradient" and position in self.positions
            arguments.append(self.backend.array(array, self.precision, self.device, differentiable))
        return arguments

    def timed(self) -> Timed:
        return Timed(self.function, self.arguments, self.backend.synchronize)

    def call(self) -> tuple[Native, ...]:
        outputs: tuple[Native, ...] = self.function(*self.arguments)
        self.backend.synchronize(outputs)
        return outputs

    def read(self, outputs: tuple[Native, ...]) -> dict[str, Array]:
        """Results by name, in the definition's axes. Raises ValueError where their number is not the definition's."""
        if len(outputs) != len(self.outputs):
            raise ValueError(f"{len(outputs)} results came, not the {len(self.outputs)} of the definition")
        arrays = {}
        for name, tensor in zip(self.outputs, outputs, strict=True):
            of_definition, of_framework = self._axes_of_result(name)
            arrays[name] = permute(self.backend.numpy(tensor), of_framework, of_definition)
        return arrays

    def _axes_of(self, name: str) -> tuple[str, str]:
        """The axes of an argument or an output as the definition orders them, and as the framework does."""
        plain = name.removeprefix(COTANGENT).removeprefix(TANGENT)
        axes = self._axes.get(plain, "")  # the loss has none
        return axes, self._layout.get(plain, axes)

    def _axes_of_result(self, name: str) -> tuple[str, str]:
        """Likewise, for what the task makes of them."""
        if self.task == "per_example_gradient" and name in self.differentiated:
            of_definition, of_framework = self._axes_of(name)
            return f"example {of_definition}", f"example {of_framework}"
        if self.task == "jacobian":
            output, argument = (self._axes_of(part) for part in name.split(" by "))
            return _product(output[0], argument[0]), _product(output[1], argument[1])
        return self._axes_of(name)

    def _batch_axis(self, name: str) -> int | None:
        """Where the framework's argument counts the examples."""
        axes = self._axes_of(name)[1].split()
        batch = self.workload.batch_axis(self.problem)
        return axes.index(batch) if batch in axes and name not in self.differentiated else None

    def wrong_types(self, outputs: tuple[Native, ...]) -> str | None:
        """A sentence where a result has not the precision that was asked for."""
        wanted = "float32" if self.precision == "tf32" else self.precision
        for name, tensor in zip(self.outputs, outputs, strict=False):
            if name == "tokens":  # whole numbers
                continue
            found = self.backend.precision_of(tensor)
            if found != wanted:
                return f"{name} came as {found}, not as {wanted}"
        return None

    def value_and_gradient(self, values: Mapping[str, Array]) -> tuple[float, dict[str, Array]]:
        """Loss and gradients at other values (a `gradient` program)."""
        outputs = self.function(*self.native(values))
        self.backend.synchronize(outputs)
        arrays = self.read(outputs)
        return float(arrays.pop("loss")), arrays

    def hessian_times(self, values: Mapping[str, Array], direction: Mapping[str, Array]) -> dict[str, Array]:
        """The second derivative of the loss along `direction`, by name (an `hvp` program)."""
        tangents = {TANGENT + name: direction[name] for name in self.differentiated}
        outputs = self.function(*self.native({**values, **tangents}))
        self.backend.synchronize(outputs)
        arrays = self.read(outputs)
        return {name: arrays[TANGENT + name] for name in self.differentiated}

    def directional(self, values: Mapping[str, Array], direction: Mapping[str, Array]) -> float | None:
        """The loss's derivative along `direction`, by forward mode of the uncompiled objective; None where there is none."""
        if not self.backend.forward_mode:
            return None
        tangents = [
            self.backend.array(permute(direction[name], *self._axes_of(name)), self.precision, self.device)
            for name in self.differentiated
        ]
        pushforward = self.backend.jvp(self.objective, "eager", self.positions)
        return float(self.backend.numpy(pushforward(*self.native(values), *tangents)[1]))


def find(
    backend: Backend,
    implementations: Implementations,
    workload: Workload,
    problem: Problem,
    task: str,
    mode: str,
    variant: str,
    precision: str,
    device: str,
) -> Implementation:
    implementation = implementations.get((workload.name, variant))
    if implementation is None:
        known = ", ".join(v for name, v in implementations if name == workload.name) or "none"
        raise Unsupported(f"{workload.name} has no implementation '{variant}' here (there is: {known})")
    modes = backend.modes if device == "cpu" else (*backend.modes, *backend.cuda_modes)
    if mode not in modes:
        raise Unsupported(f"there is no mode {mode} here (there is: {', '.join(modes)})")
    reason = backend.unsupported(precision, device) or implementation.unsupported(problem, task, mode, precision)
    if reason:
        raise Unsupported(reason)
    return implementation


def _product(output: str, argument: str) -> str:
    """The axes of a block of a Jacobian; those of the argument are primed."""
    return " ".join([*output.split(), *(f"{axis}'" for axis in argument.split())])


def permute(array: Array, source: str, destination: str) -> Array:
    """`array` with its axes, named `source`, in the order `destination`, contiguous."""
    if source == destination:
        return array
    order = source.split()
    return np.ascontiguousarray(array.transpose([order.index(axis) for axis in destination.split()]))


def definition(name: str, parameters: Mapping[str, Any]) -> tuple[Workload, Problem]:
    return WORKLOADS[name], Problem(parameters)
