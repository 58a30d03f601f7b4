"""Models in NumPy: the definition's own steps, each run by the oracle of its operation, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from impls.interface import Function, Models, as_tuple, implements, registered
from impls.numpy.elementary import ELEMENTARY
from impls.numpy.optimizers import UPDATES
from suite.workloads import WORKLOADS, Problem
from suite.workloads.models.definition import OPTIMIZER_STATES
from suite.workloads.models.network import Fill, Network, Step

Array = np.ndarray
Arrays = dict[str, Array]


def run(network: Network, tensors: Mapping[str, Array]) -> tuple[Arrays, Callable[[Arrays], Arrays]]:
    """Every value of the network by name; and its backward, from cotangents of some values to those of all before them."""
    values = dict(tensors)
    dtype = next(tensor.dtype for tensor in values.values() if tensor.dtype.kind == "f")
    backwards = []
    for step in network.steps:
        arguments = [_fill(one, dtype) if isinstance(one, Fill) else values[one] for one in step.inputs]
        results, backward = _operation(step)(*arguments)
        values |= zip((value.name for value in step.outputs), as_tuple(results), strict=True)
        backwards.append((step, backward))

    def pull(cotangents: Arrays) -> Arrays:
        found = dict(cotangents)
        for step, backward in reversed(backwards):
            flowing = [value.name for value in step.outputs[: _flowing(step)]]
            if not any(name in found for name in flowing):
                continue
            dys = [found[name] if name in found else np.zeros_like(values[name]) for name in flowing]
            for name, derivative in zip(step.inputs, backward(*dys), strict=True):
                if isinstance(name, str) and derivative is not None:
                    found[name] = found[name] + derivative if name in found else derivative
        return found

    return values, pull


def _fill(constant: Fill, dtype: Any) -> Array:
    kinds = {"int": np.int64, "bool": np.bool_}
    return np.full(constant.shape, constant.value, kinds.get(constant.kind, dtype))


def _operation(step: Step) -> Function:
    if step.operation in ELEMENTARY:
        function = ELEMENTARY[step.operation]
        return lambda *arguments: function(*arguments, **step.settings)
    return registered("impls.numpy", step.operation).bind(Problem(step.settings))


def _flowing(step: Step) -> int:
    """How many of its results a gradient flows from."""
    if step.operation in ELEMENTARY:
        return 1
    return len(WORKLOADS[step.operation].cotangents(Problem(step.settings)))


@dataclass
class NumpyModel:
    """The networks of both modes, and the values of parameters and states."""

    inference: Network
    training: Network
    longer: Callable[[int], Network]
    """The network of inference for so many tokens."""
    parameters: Arrays = field(default_factory=dict)
    states: Arrays = field(default_factory=dict)

    def generate(self, ids: Array, count: int) -> tuple[Array, Array]:
        """So many tokens, each the likeliest after the text, and the logits of the last; the whole text passes each time."""
        seq = ids.shape[1]
        for length in range(seq, seq + count):
            network = self.longer(length)
            values, _ = run(network, self._tensors(network, [ids]))
            logits = next(values[output.name] for output in network.outputs.values())[:, -1]
            ids = np.concatenate([ids, logits.argmax(axis=-1)[:, None]], axis=1)
        return ids[:, seq:], logits

    def infer(self, *inputs: Array) -> tuple[Array, ...]:
        values, _ = run(self.inference, self._tensors(self.inference, inputs))
        return tuple(values[output.name] for output in self.inference.outputs.values())

    def train(self, data: Sequence[Array], criterion: Function, inputs: int) -> tuple[Array, list[Array]]:
        """Loss and gradients; the states move."""
        loss, values, found = self.trace(data, criterion, inputs)
        self.states = {
            name: values[self.training.updates[name].name] if name in self.training.updates else value
            for name, value in self.states.items()
        }
        return loss, [found[name] if name in found else np.zeros_like(value) for name, value in self.parameters.items()]

    def trace(self, data: Sequence[Array], criterion: Function, inputs: int) -> tuple[Array, Arrays, Arrays]:
        """Loss, every value of the network, and the derivative of the loss by each of these on which it depends."""
        values, pull = run(self.training, self._tensors(self.training, data[:inputs]))
        names = [output.name for output in self.training.outputs.values()]
        outputs = tuple(values[name] for name in names)
        loss, backward = criterion(*outputs, *data[inputs:])
        cotangents = as_tuple(backward(np.ones_like(loss)))[: len(names)]
        return loss, values, pull(dict(zip(names, cotangents, strict=True)))

    def _tensors(self, network: Network, data: Sequence[Array]) -> Arrays:
        names = [name for name, tensor in network.tensors.items() if tensor.role in ("input", "mask")]
        return {**dict(zip(names, data, strict=True)), **self.parameters, **self.states}


class NumpyModels(Models):
    def make(
        self, build: Function, parameters: Mapping[str, Array], states: Mapping[str, Array], inputs: Sequence[Array]
    ) -> NumpyModel:
        model: NumpyModel = build()
        model.parameters, model.states = dict(parameters), dict(states)
        return model

    def load(
        self, model: NumpyModel, parameters: Mapping[str, Array], states: Mapping[str, Array] | None = None
    ) -> None:
        model.parameters = dict(parameters)
        model.states = dict(states) if states else model.states

    def infer(self, model: NumpyModel, mode: str) -> Function:
        return model.infer

    def gradient(self, model: NumpyModel, criterion: Function, inputs: int, mode: str) -> Function:
        def value_and_gradient(*data: Array) -> tuple[Array, ...]:
            loss, gradients = model.train(data, criterion, inputs)
            return (loss, *gradients, *model.states.values())

        return value_and_gradient

    def training(
        self,
        model: NumpyModel,
        criterion: Function,
        inputs: int,
        mode: str,
        optimizer: str,
        settings: Mapping[str, float],
        loss_scale: float,
    ) -> Function:
        """Without scaling: NumPy has no halves."""
        make_update = UPDATES[optimizer]
        kept = [
            [np.zeros_like(value) for _ in range(OPTIMIZER_STATES[optimizer])] for value in model.parameters.values()
        ]
        steps = 0

        def step(*data: Array) -> tuple[Array, ...]:
            nonlocal steps
            steps += 1
            loss, gradients = model.train(data, criterion, inputs)
            update = make_update(**settings, **({"step": steps} if optimizer == "adamw" else {}))
            for number, (name, gradient) in enumerate(zip(model.parameters, gradients, strict=True)):
                model.parameters[name], *kept[number] = update(model.parameters[name], gradient, *kept[number])
            return (loss, *model.parameters.values(), *model.states.values())

        return step

    def generation(
        self, model: NumpyModel, mode: str, task: str, ids: Array, new_tokens: int, cached: bool
    ) -> Function:
        if task == "next_token":
            text = np.concatenate([ids, model.generate(ids, 1)[0]], axis=1)
            return lambda ids: model.generate(text, 1)
        return lambda ids: model.generate(ids, new_tokens if task == "generate" else 1)

    def layers(
        self, model: NumpyModel, criterion: Function, inputs: int, data: Sequence[Array]
    ) -> tuple[Arrays, Arrays]:
        _, values, found = model.trace(data, criterion, inputs)
        names = {step.outputs[0].name for step in model.training.steps}
        return {n: values[n] for n in names}, {n: found[n] for n in names if n in found}


def _register(name: str) -> None:
    def build(**problem: Any) -> NumpyModel:
        network = WORKLOADS[name].network
        assert network is not None

        def longer(seq: int) -> Network:
            return network(Problem({**problem, "seq": seq}), False)

        return NumpyModel(network(Problem(problem), False), network(Problem(problem), True), longer)

    implements(name)(build)


for _name, _workload in WORKLOADS.items():
    if _workload.network:
        _register(_name)
