"""Models in JAX: pure functions of nested dicts of parameters and states, which take the definition's by their paths.

def model(parameters, states, *data, training, ...): return outputs, new_states
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from impls.interface import Function, Models, Native, as_tuple
from impls.jax.generation import generation
from impls.jax.models.layers import Scope
from impls.jax.modes import as_mode, traced
from impls.jax.optimizers import UPDATES
from suite.workloads.models.definition import HALVES, OPTIMIZER_STATES

Tree = dict[str, Any]


@dataclass
class Held:
    """The function, the values of its parameters and states, and their names in the definition's order."""

    function: Callable[..., tuple[Any, Tree]]
    parameters: Tree
    states: Tree
    names: list[str]
    state_names: list[str]


@jax.tree_util.register_pytree_node_class
class Noted(dict[str, Any]):
    """A nested dict that notes which of its leaves are read; where JAX takes it apart, as jax.checkpoint does, too."""

    def __init__(self, tree: Tree, path: str, read: set[str]) -> None:
        super().__init__(
            {
                key: Noted(value, f"{path}{key}.", read) if isinstance(value, dict) else value
                for key, value in tree.items()
            }
        )
        self.path, self.read = path, read

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise ValueError(f"missing: {self.path}{key}")
        value = super().__getitem__(key)
        if not isinstance(value, dict):
            self.read.add(self.path + key)
        return value

    def tree_flatten(self) -> tuple[list[Any], tuple[Any, ...]]:
        return list(self.values()), (list(self), self.path, self.read)

    @classmethod
    def tree_unflatten(cls, kept: tuple[Any, ...], values: list[Any]) -> Noted:
        keys, path, read = kept
        return cls(dict(zip(keys, values, strict=True)), path, read)


class JaxModels(Models):
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
        read: set[str] = set()

        def look(parameters: Tree, states: Tree) -> Any:
            return build(Noted(parameters, "", read), Noted(states, "", read), *inputs, training=False)[0]

        model = Held(build, _nested(parameters), _nested(states), list(parameters), list(states))
        jax.eval_shape(look, model.parameters, model.states)
        if unread := [name for name in (*parameters, *states) if name not in read]:
            raise ValueError("; ".join(f"unexpected: {name}" for name in unread))
        return model

    def load(self, model: Held, parameters: Mapping[str, Native], states: Mapping[str, Native] | None = None) -> None:
        model.parameters = _nested(parameters)
        model.states = _nested(states) if states else model.states

    def infer(self, model: Held, mode: str) -> Function:
        def outputs(parameters: Tree, states: Tree, *data: jax.Array) -> tuple[jax.Array, ...]:
            return as_tuple(model.function(parameters, states, *data, training=False)[0])

        outputs = as_mode(outputs, mode)

        def infer(*data: jax.Array) -> tuple[jax.Array, ...]:
            return outputs(model.parameters, model.states, *data)

        return traced(infer, outputs, lambda *data: (model.parameters, model.states, *data))

    def gradient(self, model: Held, criterion: Function, inputs: int, mode: str) -> Function:
        differentiate = as_mode(_differentiated(model, criterion, inputs), mode)

        def value_and_gradient(*data: jax.Array) -> tuple[jax.Array, ...]:
            loss, gradients, states = differentiate(model.parameters, model.states, *data)
            return (loss, *_leaves(gradients, model.names), *_leaves(states, model.state_names))

        return traced(value_and_gradient, differentiate, lambda *data: (model.parameters, model.states, *data))

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
        differentiate = _differentiated(model, criterion, inputs, loss_scale)
        half = _leaves(model.parameters, model.names)[0].dtype
        mixed = half.name in HALVES

        def rounded(parameters: Tree) -> Tree:
            return jax.tree.map(lambda own: own.astype(half), parameters) if mixed else parameters

        def train(carry: tuple[Any, ...], *data: jax.Array) -> tuple[jax.Array, tuple[Any, ...], Tree | None]:
            parameters, states, kept, taken = carry
            loss, gradients, states = differentiate(rounded(parameters), states, *data)
            if mixed:
                gradients = jax.tree.map(lambda own: own.astype(jnp.float32) / loss_scale, gradients)
            taken = taken + 1
            update = make_update(**settings, **({"step": taken} if optimizer == "adamw" else {}))
            new = jax.tree.map(lambda *each: update(*each), parameters, gradients, *kept)
            parameters, *kept = jax.tree.transpose(jax.tree.structure(parameters), None, new)
            return loss, (parameters, states, kept, taken), rounded(parameters) if mixed else None

        # The memory of what was before is given to what comes after.
        train = as_mode(train, mode, donate_argnums=0)
        parameters, states = jax.tree.map(jnp.copy, (model.parameters, model.states))
        if mixed:
            parameters = jax.tree.map(lambda own: own.astype(jnp.float32), parameters)
        kept = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(OPTIMIZER_STATES[optimizer])]
        first = _leaves(parameters, model.names)[0]
        # On their device from the start, as after a step: jax.jit would compile twice.
        carry = jax.device_put((parameters, states, kept, jnp.zeros((), first.dtype)), first.sharding)

        def step(*data: jax.Array) -> tuple[jax.Array, ...]:
            nonlocal carry
            loss, carry, copies = train(carry, *data)
            parameters = carry[0] if copies is None else copies
            return (loss, *_leaves(parameters, model.names), *_leaves(carry[1], model.state_names))

        return traced(step, train, lambda *data: (carry, *data))

    def generation(self, model: Held, mode: str, task: str, ids: jax.Array, new_tokens: int, cached: bool) -> Function:
        return generation(model.function, model.parameters, mode, task, ids, new_tokens, cached)

    def layers(
        self, model: Held, criterion: Function, inputs: int, data: Sequence[Native]
    ) -> tuple[dict[str, Native], dict[str, Native]]:
        def loss_of(shifts: Mapping[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
            found: dict[str, jax.Array] = {}
            parameters = Scope(model.parameters, "", found, shifts)
            outputs, _ = model.function(parameters, model.states, *data[:inputs], training=True)
            return criterion(*as_tuple(outputs), *data[inputs:]), found

        _, found = loss_of({})
        # A layer's derivative is that by something added to it.
        zeros = {name: jnp.zeros_like(value) for name, value in found.items()}
        return found, jax.grad(loss_of, has_aux=True)(zeros)[0]


def _differentiated(model: Held, criterion: Function, inputs: int, scale: float = 1.0) -> Function:
    def loss_of(parameters: Tree, states: Tree, *data: jax.Array) -> tuple[jax.Array, tuple[jax.Array, Tree]]:
        outputs, states = model.function(parameters, states, *data[:inputs], training=True)
        loss = criterion(*as_tuple(outputs), *data[inputs:])
        return loss if scale == 1.0 else scale * loss.astype(jnp.float32), (loss, states)

    differentiate = jax.grad(loss_of, has_aux=True)

    def value_and_gradient(parameters: Tree, states: Tree, *data: jax.Array) -> tuple[jax.Array, Tree, Tree]:
        gradients, (loss, states) = differentiate(parameters, states, *data)
        return loss, gradients, states

    return value_and_gradient


def _nested(values: Mapping[str, Native]) -> Tree:
    """`{"layer1.0.weight": w}` as `{"layer1": {"0": {"weight": w}}}`."""
    tree: Tree = {}
    for name, value in values.items():
        *path, leaf = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[leaf] = value
    return tree


def _leaves(tree: Tree, names: list[str]) -> list[jax.Array]:
    found = []
    for name in names:
        place: Any = tree
        for part in name.split("."):
            place = place[part]
        found.append(place)
    return found
