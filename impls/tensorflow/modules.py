"""Models in TensorFlow: a `tf.Module` whose variables take the definition's parameters by their paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import tensorflow as tf

from impls.interface import Function, Models, Native, as_tuple
from impls.tensorflow.generation import generation
from impls.tensorflow.models.layers import floating
from impls.tensorflow.modes import as_mode, traced
from impls.tensorflow.optimizers import UPDATES
from suite.workloads.models.definition import HALVES, OPTIMIZER_STATES


@dataclass
class Held:
    """The module, with its parameters and states in the definition's order."""

    module: tf.Module
    parameters: list[tf.Variable]
    states: list[tf.Variable]


class TensorflowModels(Models):
    axes = {
        "N C H W": "N H W C",
        "N C W": "N W C",
        "O I H W": "H W I O",
        "I O H W": "H W O I",
        "O I W": "W I O",
        "O I": "I O",
        "A Q": "Q A",
        "A K": "K A",
    }

    def make(
        self, build: Function, parameters: Mapping[str, Native], states: Mapping[str, Native], inputs: Sequence[Native]
    ) -> Held:
        with floating(next(iter(parameters.values())).dtype):
            module = build()
        own, given = _variables(module), {**parameters, **states}
        wrong = [f"missing: {name}" for name in own if name not in given]
        wrong += [f"unexpected: {name}" for name in given if name not in own]
        shared = [name for name in own if name in given and own[name].shape != given[name].shape]
        wrong += [f"{name} has shape {given[name].shape}, not {own[name].shape}" for name in shared]
        if wrong:
            raise ValueError("; ".join(wrong))
        for name, value in given.items():
            own[name].assign(value)
        return Held(module, [own[name] for name in parameters], [own[name] for name in states])

    def load(self, model: Held, parameters: Mapping[str, Native], states: Mapping[str, Native] | None = None) -> None:
        for own, value in zip(model.parameters, parameters.values(), strict=True):
            own.assign(value)
        for own, value in zip(model.states, states.values() if states else model.states, strict=True):
            own.assign(value)

    def infer(self, model: Held, mode: str) -> Function:
        function = as_mode(lambda *data: as_tuple(model.module(*data, training=False)), mode)

        def outputs(*data: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return function(*data)

        return traced(outputs, function)

    def gradient(self, model: Held, criterion: Function, inputs: int, mode: str) -> Function:
        differentiate = as_mode(_differentiated(model, criterion, inputs), mode)

        def value_and_gradient(*data: tf.Tensor) -> tuple[Native, ...]:
            return (*differentiate(*data), *model.states)

        return traced(value_and_gradient, differentiate)

    def training(
        self,
        model: Held,
        criterion: Function,
        inputs: int,
        mode: str,
        optimizer: str,
        settings: Mapping[str, float],
        loss_scale: float,
    ) -> Function:
        make_update = UPDATES[optimizer]
        mixed = model.parameters[0].dtype.name in HALVES
        masters = [tf.Variable(tf.cast(own, tf.float32)) for own in model.parameters] if mixed else model.parameters
        kept = [[tf.Variable(tf.zeros_like(own)) for _ in range(OPTIMIZER_STATES[optimizer])] for own in masters]
        taken = tf.Variable(tf.zeros((), masters[0].dtype))
        differentiate = _differentiated(model, criterion, inputs, loss_scale)

        def train(*data: tf.Tensor) -> tf.Tensor:
            loss, *gradients = differentiate(*data)
            if mixed:
                gradients = [tf.cast(gradient, tf.float32) / loss_scale for gradient in gradients]
            counted = {"step": taken.assign_add(tf.ones_like(taken))} if optimizer == "adamw" else {}
            update = make_update(**settings, **counted)
            for own, gradient, state in zip(masters, gradients, kept, strict=True):
                for variable, value in zip((own, *state), update(own, gradient, *state), strict=True):
                    variable.assign(value)
            if mixed:
                for parameter, own in zip(model.parameters, masters, strict=True):
                    parameter.assign(tf.cast(own, parameter.dtype))
            return loss

        train = as_mode(train, mode)

        def step(*data: tf.Tensor) -> tuple[Native, ...]:
            return (train(*data), *model.parameters, *model.states)

        return traced(step, train)

    def generation(self, model: Held, mode: str, task: str, ids: tf.Tensor, new_tokens: int, cached: bool) -> Function:
        return generation(model.module, mode, task, ids, new_tokens, cached)

    def layers(
        self, model: Held, criterion: Function, inputs: int, data: Sequence[Native]
    ) -> tuple[dict[str, Native], dict[str, Native]]:
        with _noted(model.module) as found, tf.GradientTape() as tape:
            loss = criterion(*as_tuple(model.module(*data[:inputs], training=True)), *data[inputs:])
        gradients = tape.gradient(loss, found)
        return found, {name: gradient for name, gradient in gradients.items() if gradient is not None}


@contextmanager
def _noted(module: tf.Module) -> Iterator[dict[str, tf.Tensor]]:
    """What the modules within `module` return meanwhile, by their paths."""
    within = module._flatten(predicate=lambda each: isinstance(each, tf.Module), with_path=True)
    names = {id(each): ".".join(map(str, path)) for path, each in within}
    found: dict[str, tf.Tensor] = {}

    def noting(call: Function) -> Function:
        def noted(self: tf.Module, *arguments: Native, **settings: Native) -> Native:
            output = call(self, *arguments, **settings)
            if id(self) in names and tf.is_tensor(output):
                found[names[id(self)]] = output
            return output

        return noted

    calls = {type(each): type(each).__call__ for _, each in within}
    for kind, call in calls.items():
        kind.__call__ = noting(call)
    try:
        yield found
    finally:
        for kind, call in calls.items():
            kind.__call__ = call


def _variables(module: tf.Module) -> dict[str, tf.Variable]:
    """By path, such as `layer1.0.conv1.weight`; a variable that is shared counts where it comes first."""
    found = module._flatten(predicate=lambda each: isinstance(each, tf.Variable), with_path=True)
    return {".".join(map(str, path)): variable for path, variable in found}


def _differentiated(model: Held, criterion: Function, inputs: int, scale: float = 1.0) -> Function:
    def value_and_gradient(*data: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(model.parameters)
            loss = criterion(*as_tuple(model.module(*data[:inputs], training=True)), *data[inputs:])
        seed = None if scale == 1.0 else tf.fill(loss.shape, tf.cast(scale, loss.dtype))
        gradients = tape.gradient(loss, model.parameters, output_gradients=seed)
        return (loss, *(tf.convert_to_tensor(each) for each in gradients))  # those of tf.gather come as slices

    return value_and_gradient
