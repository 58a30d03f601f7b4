"""What a model's definition is made of: layers, each one of the operations that are workloads themselves.

A model is written once, as a function that calls `Network.apply` for one layer after the other. What comes out is plain
data, a list of steps: the parameters with their names and shapes follow from it, the operations that a call takes, what
a training step has to keep, and the NumPy oracle, which runs the steps forward and backward. Frameworks do not see it:
there the model is written again, as their users would, and takes the parameters by their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from suite.errors import UsageError
from suite.workloads.definition import WORKLOADS, Input, Role, Target, Tensor
from suite.workloads.distributions import Draw, Mask, Normal


@dataclass(frozen=True)
class Value:
    """A tensor on its way through a network. Inputs and parameters have the names of their tensors, results those of
    layers."""

    name: str
    axes: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        total = 1
        for extent in self.shape:
            total *= extent
        return total


@dataclass(frozen=True)
class Fill:
    """A constant argument: the same number everywhere. Stands for what a layer leaves out, such as a bias of zeros."""

    value: float
    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Step:
    """One operation: `operation` names a workload, whose problem is `settings`, or one of `ELEMENTARY`.

    `inputs` are the operation's arguments in their order, by name; `outputs` its results.
    """

    layer: str
    operation: str
    settings: Mapping[str, Any]
    inputs: tuple[str | Fill, ...]
    outputs: tuple[Value, ...]
    flops: float = 0.0
    gradient_flops: float = 0.0
    reduction: int = 1


ELEMENTARY = (
    *("reshape", "transpose", "concat", "slice", "pad", "broadcast"),
    *("add", "subtract", "multiply", "divide", "scale", "exp", "mean", "sum"),
    *("keep_columns", "keep_largest"),
)
"""What moves and joins tensors, or is too simple to be a workload of its own: `impls/numpy/elementary.py`."""
PRODUCTS = ("linear", "matmul", "conv1d", "conv2d", "conv_transpose2d")
"""The derivative by either factor costs as much as the value."""
VIEWS = ("reshape", "transpose", "slice", "broadcast")
"""Of these, what needs no memory of its own."""


@dataclass
class Network:
    """Records the steps of a model. In `training`, normalisation is by the batch and dropout masks are inputs."""

    training: bool
    tensors: dict[str, Tensor] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    layers: set[str] = field(default_factory=set)
    outputs: dict[str, Value] = field(default_factory=dict)
    updates: dict[str, Value] = field(default_factory=dict)
    """By the name of a state (a running mean), what it is after a training step."""
    moving: set[str | Fill] = field(default_factory=set)
    """Results that depend on a parameter."""

    def input(self, name: str, axes: str, shape: tuple[int, ...], draw: Draw | None = None) -> Value:
        """Data; no gradient is taken by it."""
        self._declare(name, Input(axes, shape, draw or Normal(), fixed=True))
        return Value(name, axes, shape)

    def target(self, name: str, axes: str, shape: tuple[int, ...], draw: Draw) -> None:
        """What the loss compares the outputs with."""
        self._declare(name, Target(axes, shape, draw))

    def parameter(self, name: str, axes: str, shape: tuple[int, ...], draw: Draw) -> Value:
        self._declare(name, Tensor(axes, shape, "parameter", draw))
        return Value(name, axes, shape)

    def output(self, name: str, value: Value, axes: str | None = None) -> None:
        self.outputs[name] = replace(value, axes=axes or value.axes)

    def apply(
        self,
        layer: str,
        operation: str,
        given: Mapping[str, Value],
        *,
        without: Mapping[str, float] | None = None,
        draws: Mapping[str, Draw] | None = None,
        owner: str | None = None,
        **problem: Any,
    ) -> Value:
        """The first result of a workload, as the layer `layer`.

        Its arguments are those `given`; the constants in `without`; its own parameters, which become `<owner>.<name>` of the
        model (the owner is the layer itself, but where several share their parameters), drawn by `draws` where these name
        them; and for any other floating argument a state of the model. Further results update the states of the same order.
        Raises UsageError where the problem makes no sense.
        """
        workload = WORKLOADS[operation]
        try:
            p = workload.problem(None, **problem)
        except UsageError as error:
            raise UsageError(f"in its layer {layer}, {error}") from None
        inputs: list[str | Fill] = []
        states = []
        for name, tensor in workload.arguments(p).items():
            if name in given:
                if given[name].shape != tensor.shape:
                    raise ValueError(
                        f"{layer}: {name} has shape {given[name].shape}, and {operation} takes {tensor.shape}"
                    )
                inputs.append(given[name].name)
            elif without and name in without:
                inputs.append(Fill(without[name], tensor.shape, tensor.draw.kind))
            else:
                own = f"{owner or layer}.{name}"
                draw = (draws or {}).get(name, tensor.draw)
                role: Role = "parameter" if tensor.role == "parameter" else "state"
                self._declare(own, Tensor(tensor.axes, tensor.shape, role, draw))
                inputs.append(own)
                states += [own] if role == "state" else []
        results = [
            Value(layer if number == 0 else f"{layer}.{name}'", output.axes, output.shape)
            for number, (name, output) in enumerate(workload.outputs(p).items())
        ]
        if self.training:
            self.updates |= dict(zip(states, results[1:], strict=False))
        cost = workload.cost(p)
        gradient = cost.gradient
        if cost.gradient_flops is None and operation in PRODUCTS:
            # Nobody asks for the derivative by what depends on no parameter.
            gradient -= cost.flops * sum(not self._moves(value.name) for value in given.values())
        self._append(Step(layer, operation, p, tuple(inputs), tuple(results), cost.flops, gradient, cost.reduction))
        return results[0]

    def _moves(self, name: str | Fill) -> bool:
        """Whether a tensor depends on a parameter."""
        known = self.tensors.get(name) if isinstance(name, str) else None
        return name in self.moving or (known is not None and known.role == "parameter")

    def elementary(
        self, layer: str, operation: str, inputs: list[Value], axes: str, shape: tuple[int, ...], /, **settings: Any
    ) -> Value:
        """The result, of this shape, of one of `ELEMENTARY`."""
        assert operation in ELEMENTARY
        result = Value(layer, axes, shape)
        arithmetic = operation in ("add", "subtract", "multiply", "divide", "scale", "exp", "mean", "sum")
        flops = float(max(value.size for value in inputs) * max(1, len(inputs) - 1)) if arithmetic else 0.0
        names = tuple(value.name for value in inputs)
        self._append(Step(layer, operation, settings, names, (result,), flops, 2 * flops))
        return result

    def mask(self, name: str, like: Value, keep: float) -> Value:
        """True where dropout keeps an entry: an input of its own, of training only."""
        self._declare(name, Tensor(like.axes, like.shape, "mask", Mask(keep)))
        return Value(name, like.axes, like.shape)

    def _declare(self, name: str, tensor: Tensor) -> None:
        """A parameter that several layers share is declared by each."""
        if self.tensors.setdefault(name, tensor) != tensor:
            raise ValueError(f"two tensors are called {name}")

    def _append(self, step: Step) -> None:
        if step.layer in self.layers:
            raise ValueError(f"two layers are called {step.layer}")
        self.layers.add(step.layer)
        self.steps.append(step)
        if any(map(self._moves, step.inputs)):
            self.moving |= {result.name for result in step.outputs}

    @property
    def flops(self) -> float:
        return sum(step.flops for step in self.steps)

    @property
    def gradient_flops(self) -> float:
        """Of value and gradient together."""
        return sum(step.gradient_flops for step in self.steps)

    @property
    def kept(self) -> int:
        """Numbers that the backward pass needs of the forward one: every layer's result, but for what is another's in
        other axes."""
        return sum(value.size for step in self.steps if step.operation not in VIEWS for value in step.outputs)
