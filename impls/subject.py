"""A person's own model as probes see it: what it is fed and claims to be (`Specimen`), and what a framework must offer so
that it can be looked into (`Subject`).
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from suite.errors import UsageError

Native = Any
Array = np.ndarray
Phase = Literal["forward", "loss", "backward"]


class Unfit(Exception):
    """A probe cannot be made of this model; the text says why."""


@dataclass(frozen=True)
class Specimen:
    """What a person hands over. Axis 0 of all inputs, targets and outputs counts the examples."""

    model: Any
    """An `nn.Module`, a Keras model, a `tf.Module`, or in JAX a function of parameters, states where there are any, and
    inputs. It is told `training` where it takes that, and in JAX given a new `key` for each call in training."""
    inputs: tuple[Any, ...]
    """Example arguments, as NumPy arrays or the framework's own tensors."""
    parameters: Any = None
    """JAX: the tree of parameters; None where the function has none."""
    states: Any = None
    """JAX: the tree of running statistics; then the function returns its outputs and the new ones."""
    targets: tuple[Any, ...] = ()
    loss: Callable[..., Any] | None = None
    """`loss(outputs, *targets)`, a scalar."""
    step: Callable[..., Any] | None = None
    """The person's own training step: `step(model, inputs, targets)` gives the loss. In JAX `step(carry, inputs, targets)`
    gives the new carry and the loss. A carry is the parameters, or begins with them, then the states where there are any."""
    carry: Any = None
    """JAX: what the first step is given, where that is more than the parameters."""
    optimizer: Any = None
    """That of the step, where weight decay shall be looked at. JAX: its settings, such as `{"weight_decay": 0.01}`."""
    snapshot: Callable[[Any], Any] | None = None
    """How the best weights are kept: `snapshot(model)`, anything that holds tensors. JAX: of the tree of parameters."""
    sequence: int | None = None
    """The axis of the first input and of the output that counts positions."""
    causal: bool = False
    """Whether no output may depend on later positions."""
    mask: int | None = None
    """Which input says where there is something (1, true) and where padding (0)."""
    equivariant: Literal["", "permutation", "translation"] = ""
    """Whether the positions' order, or where something lies, must not matter."""
    receptive_field: int | None = None
    """How many positions of the input an output is meant to see."""
    classes: int | None = None
    """Of a classifier: chance is log(classes)."""


CLAIMS = ("sequence", "causal", "mask", "equivariant", "receptive_field", "classes")
"""What can be claimed from the command line."""


def specimen(made: Any, inputs: Sequence[Any], claims: Mapping[str, Any]) -> Specimen:
    """Of what a factory made: a model, or a dictionary with the fields of a `Specimen`. `inputs` and `claims` that are given
    go before its own.

    Raises UsageError for fields that are none, and where there are no inputs.
    """
    fields = dict(made) if isinstance(made, Mapping) else {"model": made}
    known = [field.name for field in dataclasses.fields(Specimen)]
    if wrong := [name for name in fields if name not in known]:
        raise UsageError(f"a model to be probed has no '{wrong[0]}'; it has {', '.join(known)}")
    if "model" not in fields:
        raise UsageError("what is to be probed has no 'model'")
    fields |= claims
    if inputs:
        fields["inputs"] = tuple(inputs)
    if "inputs" not in fields:
        raise UsageError(
            "nothing says what the model takes: --input 8x3x32x32, or a factory that gives model and inputs"
        )
    for name in ("inputs", "targets"):
        if name in fields and not isinstance(fields[name], (tuple, list)):
            fields[name] = (fields[name],)
    return Specimen(**{**fields, "inputs": tuple(fields["inputs"]), "targets": tuple(fields.get("targets", ()))})


NAMED = """
softmax log_softmax cross_entropy relu sigmoid tanh add subtract multiply divide square product expand random
""".split()
"""Operations that probes know: `product` is that of matrices or a convolution, `expand` a repetition along an axis."""


@dataclass(frozen=True)
class Operation:
    """One operation as it was run. Operations that only rearrange, copy or convert give their result its input's token, so
    that tokens tell where a value came from."""

    name: str
    """One of `NAMED`, else the framework's own name."""
    where: str
    """The layer or the line of code, as well as the framework tells."""
    phase: Phase
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    input_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]


@dataclass(frozen=True)
class Gradients:
    """Of a loss, by parameters and inputs; None where the loss does not depend on them, or they are integers."""

    loss: float
    parameters: dict[str, Array | None]
    inputs: list[Array | None]


class Subject(ABC):
    """A model that was made ready to be looked into. Arrays go in and come out; floating ones in `precision`.

    Where the specimen has no loss, it is the sum of all outputs, each entry times a number that is drawn once.
    """

    precision = "float32"
    channels = -1
    """The axis that counts the units of a layer's output."""

    def __init__(self, make: Callable[[], Specimen]) -> None:
        self.make = make
        self.specimen = make()

    @abstractmethod
    def in_precision(self, precision: str) -> Subject:
        """The same model with the same weights in another precision. Raises Unfit, now or when it is asked something, where
        it cannot be had, or the person's code raises in it."""

    @abstractmethod
    def inputs(self) -> list[Array]:
        """The specimen's inputs."""

    @abstractmethod
    def targets(self) -> list[Array]:
        """The specimen's targets."""

    @abstractmethod
    def parameters(self) -> dict[str, Array]:
        """The trainable ones, by name, from input to output as well as the framework tells."""

    @abstractmethod
    def states(self) -> dict[str, Array]:
        """What training moves beside them, such as running statistics."""

    @abstractmethod
    def load(self, parameters: Mapping[str, Array], states: Mapping[str, Array] | None = None) -> None:
        """Put other values in; those that are not named stay."""

    @abstractmethod
    def call(self, inputs: Sequence[Array], training: bool = False) -> tuple[Array, ...]:
        """The outputs, flattened from whatever holds them. In training the states move."""

    @abstractmethod
    def gradients(self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False) -> Gradients:
        """Loss and gradients, by reverse mode."""

    def loss(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        """In evaluation."""
        return self.gradients(inputs, targets).loss

    @abstractmethod
    def operations(
        self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False, backward: bool = False
    ) -> list[Operation]:
        """What is run, in its order: the model, its loss, and with `backward` what differentiates it."""

    @abstractmethod
    def token(self, parameter: str) -> int | None:
        """The token that a parameter has in `operations`, as they were last asked for."""

    @abstractmethod
    def strays(self) -> list[str]:
        """Floating tensors of one axis or more that the model computes with and that are neither inputs, nor registered: by
        name where they have one, with their shape."""

    @abstractmethod
    def momenta(self) -> dict[str, float]:
        """By how much a state's old value counts after one update (0.9), for states of which the framework tells."""

    @abstractmethod
    def step(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        """One training step, and its loss (NaN where the person's step gives none): the specimen's own, else one of Adam
        with learning rate 1e-2 on its loss. Raises Unfit where it has neither."""

    @abstractmethod
    def kept_gradients(self) -> dict[str, Array]:
        """What gradients the last step left in the model, by parameter; nothing where the framework keeps none."""

    def graphs(self) -> dict[str, int]:
        """The nodes of all graphs of differentiation that something still holds, by the model's attribute that holds them,
        then by what else does; nothing where the framework's steps leave none."""
        return {}

    @abstractmethod
    def decay(self) -> float | None:
        """The weight decay of the specimen's optimizer; None where there is none, or it does not tell."""

    @abstractmethod
    def kept(self) -> Callable[[], list[Array]]:
        """Takes the specimen's snapshot now; what is returned reads its tensors as they are when it is called. Raises Unfit
        where the specimen has no snapshot, or it holds no tensors."""


def resolve(reference: str) -> Any:
    """What `package.module:name.attribute` names: made, where it is a class or a function that takes no arguments.

    Raises UsageError where there is no such module or name.
    """
    module, colon, path = reference.partition(":")
    if not colon or not module or not path:
        raise UsageError(f"'{reference}' names no model; write module:name, such as mymodule:MyModel")
    try:
        found = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except ModuleNotFoundError as error:
        raise UsageError(f"{reference} cannot be imported: {error}") from None
    except AttributeError:
        raise UsageError(f"module {module} has no '{path}'") from None
    if not callable(found):
        return found
    needed = [p for p in _parameters(found) if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not needed and (inspect.isclass(found) or inspect.isroutine(found)):
        return found()
    if inspect.isclass(found):
        names = ", ".join(p.name for p in needed)
        raise UsageError(f"{reference} needs arguments ({names}): name a function without any that makes it")
    return found


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some of what is built in tells no signature
        return []


def subject(package: str, make: Callable[[], Specimen]) -> Subject:
    """The framework's own `Subject` of what `make` gives."""
    found: Subject = importlib.import_module(f"{package}.subject").SUBJECT(make)
    return found
