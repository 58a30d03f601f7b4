"""A cell made ready to run in this process: definition, implementation and numbers put together by a backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impls.interface import Backend, Implementation, Native
from suite.timing import Timed
from suite.workloads import WORKLOADS, Problem, Workload
from suite.workloads.draw import COTANGENT

Array = np.ndarray
Implementations = Mapping[tuple[str, str], Implementation]


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
        implementation = _find(backend, implementations, workload, problem, task, mode, variant, precision, device)
        self.backend, self.workload, self.problem, self.task, self.mode = backend, workload, problem, task, mode
        self.precision, self.device = precision, device
        self._layout = dict(implementation.layout)
        self._axes = {name: t.axes for name, t in (workload.tensors(problem) | workload.outputs(problem)).items()}
        if workload.loss and task != "forward":
            self._layout |= {
                n: a for n, a in implementations[workload.loss, "default"].layout.items() if n in self._axes
            }

        tensors = workload.arguments(problem)
        self._names = list(tensors)
        function = implementation.bind(problem)
        if task != "forward":
            function = self._objective(function, implementations)
        self.objective = function
        wanted = "parameter" if task == "train_step" else None
        self.positions = [
            position
            for position, name in enumerate(self._names)
            if name in tensors and tensors[name].differentiable and wanted in (None, tensors[name].role)
        ]
        self.differentiated = [self._names[position] for position in self.positions]

        backend.use(precision)
        arguments = self.native(values)
        self.arguments: list[Native] = arguments
        if task == "forward":
            self.function = backend.forward(function, mode)
            self.outputs = list(workload.outputs(problem))
        elif task == "gradient":
            self.function = backend.gradient(function, mode, self.positions)
            self.outputs = ["loss", *self.differentiated]
        else:
            rate = problem.learning_rate
            self.function = backend.training(function, mode, arguments, self.positions, rate)
            self.arguments = [a for position, a in enumerate(arguments) if position not in self.positions]
            self.outputs = ["loss", *self.differentiated]

    def _objective(self, function: Any, implementations: Implementations) -> Any:
        """The scalar loss as a function of all tensors; what it needs beyond the arguments is added to their names."""
        count = len(self._names)
        if self.workload.loss:
            self._names += list(self.workload.targets(self.problem))
            criterion = implementations[self.workload.loss, "default"].bind(self.problem)
            return self.backend.compose(function, criterion, count)
        if self.workload.is_scalar(self.problem):
            return function
        self._names += [COTANGENT + name for name in self.workload.cotangents(self.problem)]
        return self.backend.compose(function, self.backend.contract, count)

    def native(self, values: Mapping[str, Array]) -> list[Native]:
        """The arguments as native tensors, in the implementation's layout."""
        arguments = []
        for position, name in enumerate(self._names):
            plain = name.removeprefix(COTANGENT)
            array = _permute(values[name], self._axes[plain], self._layout.get(plain, self._axes[plain]))
            differentiable = self.task != "forward" and position in self.positions
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
            array = self.backend.numpy(tensor)
            if name in self._axes:
                array = _permute(array, self._layout.get(name, self._axes[name]), self._axes[name])
            arrays[name] = array
        return arrays

    def wrong_types(self, outputs: tuple[Native, ...]) -> str | None:
        """A sentence where a result has not the precision that was asked for."""
        wanted = "float32" if self.precision == "tf32" else self.precision
        for name, tensor in zip(self.outputs, outputs, strict=False):
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

    def directional(self, values: Mapping[str, Array], direction: Mapping[str, Array]) -> float | None:
        """The loss's derivative along `direction`, by forward mode of the uncompiled objective; None where there is none."""
        tangents = []
        for name in self.differentiated:
            array = _permute(direction[name], self._axes[name], self._layout.get(name, self._axes[name]))
            tangents.append(self.backend.array(array, self.precision, self.device))
        derivative = self.backend.directional(self.objective, self.native(values), self.positions, tangents)
        return None if derivative is None else float(self.backend.numpy(derivative))


def _find(
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
    if mode not in backend.modes:
        raise Unsupported(f"there is no mode {mode} here (there is: {', '.join(backend.modes)})")
    reason = backend.unsupported(precision, device) or implementation.unsupported(problem, task, mode, precision)
    if reason:
        raise Unsupported(reason)
    return implementation


def _permute(array: Array, source: str, destination: str) -> Array:
    """`array` with its axes, named `source`, in the order `destination`, contiguous."""
    if source == destination:
        return array
    order = source.split()
    return np.ascontiguousarray(array.transpose([order.index(axis) for axis in destination.split()]))


def definition(name: str, parameters: Mapping[str, Any]) -> tuple[Workload, Problem]:
    return WORKLOADS[name], Problem(parameters)
