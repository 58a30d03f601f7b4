"""A cell of a model made ready: the model holds its parameters, and what is timed is called with data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impls.interface import Backend, Native
from suite.program import Array, Implementations, Program, find, permute
from suite.workloads import GENERATION, Problem, Workload
from suite.workloads.models.definition import LOSS_SCALE, OPTIMIZERS
from suite.workloads.models.network import Value


class ModelProgram(Program):
    """A `Program` whose arguments are inputs, masks and targets. The results of `gradient` and `train_step` end with the
    states: running statistics after the call."""

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
        self.variant, self.precision, self.device = variant, precision, device
        tensors = workload.tensors(problem)
        self._axes = {name: tensor.axes for name, tensor in (tensors | workload.outputs(problem)).items()}
        self._layout = {name: backend.models.axes.get(axes, axes) for name, axes in self._axes.items()}
        of_data = task in ("forward", *GENERATION)
        roles = ("input",) if of_data else ("input", "mask")
        inputs = [name for name, tensor in tensors.items() if tensor.role in roles]
        self._names = inputs + ([] if of_data else list(workload.targets(problem)))
        self.differentiated = [name for name, tensor in tensors.items() if tensor.role == "parameter"]
        self.positions = []

        backend.use(precision)
        self.arguments = self.native(values)
        states = {name: self._native(name, values) for name in workload.states(problem)}
        shown = [
            argument
            for name, argument in zip(self._names, self.arguments, strict=True)
            if tensors[name].role == "input"
        ]
        self.model = backend.models.make(implementation.bind(problem), self._parameters(values), states, shown)
        self.function, self.outputs = self._task(implementations, len(inputs), list(states))

    def _task(self, implementations: Implementations, inputs: int, states: list[str]) -> tuple[Any, list[str]]:
        """The task as the mode executes it, and the names of its results."""
        models, workload, problem = self.backend.models, self.workload, self.problem
        if self.task == "forward":
            return models.infer(self.model, self.mode), list(workload.outputs(problem))
        if self.task in GENERATION:
            ids, cached = self.arguments[0], self.variant != "uncached"
            function = models.generation(self.model, self.mode, self.task, ids, problem.new_tokens, cached)
            return function, ["tokens", "logits"]
        assert workload.loss is not None
        self.inputs, self.criterion = inputs, implementations[workload.loss, "default"].bind(problem)
        names = ["loss", *self.differentiated, *states]
        if self.task == "gradient":
            return models.gradient(self.model, self.criterion, inputs, self.mode), names
        settings = {"learning_rate": problem.learning_rate, **OPTIMIZERS[problem.optimizer]}
        scale = LOSS_SCALE.get(self.precision, 1.0)
        step = models.training(self.model, self.criterion, inputs, self.mode, problem.optimizer, settings, scale)
        return step, names

    def layers(self) -> dict[str, Array]:
        """What each layer gives, as `forward <layer>`, and the derivative of the loss by it, as `backward <layer>`, in
        the axes of the definition; of those that bear a name of its (a `gradient` program)."""
        assert self.workload.network is not None
        known = {step.outputs[0].name: step.outputs[0] for step in self.workload.network(self.problem, True).steps}
        pairs = self.backend.models.layers(self.model, self.criterion, self.inputs, self.arguments)
        arrays = {}
        for direction, found in zip(("forward", "backward"), pairs, strict=True):
            for name, tensor in found.items():
                if name in known and (array := self._as_defined(self.backend.numpy(tensor), known[name])) is not None:
                    arrays[f"{direction} {name}"] = array
        return arrays

    def _as_defined(self, array: Array, value: Value) -> Array | None:
        """In the shape of the definition, which may hold as rows what the framework holds as sequences."""
        axes = self.backend.models.axes.get(value.axes, value.axes)
        if array.ndim == len(axes.split()):
            array = permute(array, axes, value.axes)
        return array.reshape(value.shape) if array.size == value.size else None

    def value_and_gradient(self, values: Mapping[str, Array]) -> tuple[float, dict[str, Array]]:
        self.backend.models.load(self.model, self._parameters(values))
        arrays = self.read(self.call())
        return float(arrays["loss"]), {name: arrays[name] for name in self.differentiated}

    def directional(self, values: Mapping[str, Array], direction: Mapping[str, Array]) -> float | None:
        return None

    @property
    def contracts(self) -> bool:
        return False

    def _parameters(self, values: Mapping[str, Array]) -> dict[str, Native]:
        return {name: self._native(name, values) for name in self.differentiated}

    def _native(self, name: str, values: Mapping[str, Array]) -> Native:
        return self.backend.array(permute(values[name], *self._axes_of(name)), self.precision, self.device)
