"""What a workload's definition is made of: tensors, problems, cost, and the register.

A definition is a class decorated with `workload`; the decorator reads it once into a frozen `Workload` and files it
under its name in snake case. Nothing here or in the families imports a framework; NumPy draws the numbers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from suite.errors import UsageError, unknown

Array = np.ndarray
Role = Literal["input", "parameter", "target"]
Value = int | float | bool | str

TASKS = ("forward", "gradient", "train_step")

# Unit round-off (half the spacing of floats at 1) of each precision: IEEE 754-2019 table 3.5; bfloat16 has 8
# significant bits; TF32 rounds the operands of a product to 11.
UNIT_ROUNDOFF = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "tf32": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
}
ITEM_BYTES = {"float64": 8, "float32": 4, "tf32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Normal:
    """Independent normal numbers of mean 0."""

    scale: float = 1.0

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.scale * rng.standard_normal(shape)


@dataclass(frozen=True)
class Shifted:
    """Independent normal numbers around `mean`."""

    mean: float
    scale: float

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.mean + self.scale * rng.standard_normal(shape)


@dataclass(frozen=True)
class Classes:
    """Independent class numbers 0 … count - 1, as int64."""

    count: int

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(0, self.count, shape)


Draw = Normal | Shifted | Classes


@dataclass(frozen=True)
class Tensor:
    """One tensor of a workload: its semantic axes (`"N C H W"`), shape, role, and how its values are drawn."""

    axes: str
    shape: tuple[int, ...]
    role: Role
    draw: Draw

    @property
    def floating(self) -> bool:
        return not isinstance(self.draw, Classes)

    @property
    def differentiable(self) -> bool:
        return self.floating and self.role != "target"

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


def Input(axes: str, shape: tuple[int, ...], draw: Draw = Normal()) -> Tensor:
    """Data that the workload is applied to."""
    return Tensor(axes, shape, "input", draw)


def Parameter(axes: str, shape: tuple[int, ...], draw: Draw = Normal(0.1)) -> Tensor:
    """What training would change."""
    return Tensor(axes, shape, "parameter", draw)


def Target(axes: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
    """What the loss compares the output with; no argument of the workload itself."""
    return Tensor(axes, shape, "target", draw)


def Output(axes: str, shape: tuple[int, ...]) -> Tensor:
    """One result. Its `draw` is that of the cotangent which the `gradient` task contracts it with."""
    return Tensor(axes, shape, "input", Normal())


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one forward pass (a multiply-add is 2) and the length of its longest reduction.

    `gradient_flops` is that of value and gradient together; where it is None, three forward passes: each product of
    the forward pass has two in the backward one, with respect to either factor.
    """

    flops: float
    reduction: int
    gradient_flops: float | None = None

    def of_task(self, task: str) -> float:
        if task == "forward":
            return self.flops
        return 3 * self.flops if self.gradient_flops is None else self.gradient_flops


class Problem(dict[str, Any]):
    """The size parameters of one problem, readable as attributes: `p.batch`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this problem has no parameter '{name}'; it has {', '.join(self)}") from None

    def text(self) -> str:
        """`batch=8 seq=128 causal=true`: the canonical text that names the problem's numbers."""
        return " ".join(f"{name}={format_value(value)}" for name, value in self.items())


def format_value(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Workload:
    """A named computation with a mathematical definition.

    `bound` says what the value error is held against: `"product"`, the same operation on absolute values, entry by
    entry (sums of products); `"norm"`, the norm of the result (everything else). `loss` names the workload that turns
    the output into a scalar for `gradient` and `train_step`; None means the output itself where it is a scalar, else its
    contraction with a drawn cotangent. `smooth` is False where the function has kinks.
    """

    name: str
    family: str
    doc: str
    problems: Mapping[str, Mapping[str, Value]]
    tasks: tuple[str, ...]
    bound: Literal["product", "norm"]
    loss: str | None
    smooth: bool
    tensors: Callable[[Problem], dict[str, Tensor]]
    outputs: Callable[[Problem], dict[str, Tensor]]
    cost: Callable[[Problem], Cost]
    check: Callable[[Problem], str | None] = field(repr=False)

    @property
    def summary(self) -> str:
        return self.doc.partition("\n")[0].rstrip(".")

    @property
    def base(self) -> Mapping[str, Value]:
        """The problem whose parameters complete a selector that names only some: `small`."""
        return self.problems["small"]

    def problem(self, name: str | None = None, **changes: Value) -> Problem:
        """The problem `name` (default `small`) with some of its parameters changed.

        Raises UsageError, with one sentence, for an unknown name or parameter, a value of the wrong type, and a
        problem that makes no mathematical sense.
        """
        if name is not None and name not in self.problems:
            raise unknown(f"problem of {self.name}", name, self.problems)
        values = dict(self.base if name is None else self.problems[name])
        for key, value in changes.items():
            if key not in values:
                raise unknown(f"parameter of {self.name}", key, values)
            values[key] = _typed(self.name, key, value, like=values[key])
        problem = Problem(values)
        complaint = _positive(problem) or self.check(problem)
        if complaint:
            raise UsageError(f"{self.name}[{problem.text()}] makes no sense: {complaint}")
        return problem

    def arguments(self, p: Problem) -> dict[str, Tensor]:
        """The tensors that the workload itself takes, in order: all but the targets."""
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.role != "target"}

    def targets(self, p: Problem) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.role == "target"}

    def is_scalar(self, p: Problem) -> bool:
        return all(output.shape == () for output in self.outputs(p).values())

    def gradient_reduction(self, p: Problem) -> int:
        """The longest sum in value or gradient: a small parameter collects from every place that it was broadcast to."""
        tensors = [t for t in self.tensors(p).values() if t.differentiable]
        largest = max(t.size for t in [*tensors, *self.outputs(p).values()])
        return max(self.cost(p).reduction, largest // min(t.size for t in tensors))

    def parameter_count(self, p: Problem) -> int:
        return sum(t.size for t in self.tensors(p).values() if t.role == "parameter")

    def bytes(self, p: Problem, task: str, precision: str) -> float:
        """The fewest bytes that must move: every tensor read once, every result written once (labels are int64)."""
        item = ITEM_BYTES[precision]
        tensors = list((self.arguments(p) if task == "forward" else self.tensors(p)).values())
        if task != "forward" and self.loss is None and not self.is_scalar(p):
            tensors += self.outputs(p).values()  # the cotangents
        read = sum(t.size * (item if t.floating else 8) for t in tensors)
        written = sum(t.size * item for t in self.outputs(p).values())
        if task == "gradient":
            written = item * (1 + sum(t.size for t in self.tensors(p).values() if t.differentiable))
        elif task == "train_step":
            written = item * (1 + self.parameter_count(p))
        return float(read + written)


WORKLOADS: dict[str, Workload] = {}


def workload(*, family: str) -> Callable[[type], type]:
    """File the decorated definition under its class name in snake case (`LayerNorm` → `layer_norm`).

    The class gives `problems`, `tensors(p)`, `outputs(p)` and `cost(p)`; it may give `tasks`, `bound`, `loss`, `smooth`
    and `check(p)`, which returns one sentence for a problem that makes no sense, else None.
    """

    def register(definition: type) -> type:
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", definition.__name__).lower()
        members = definition.__dict__
        if name in WORKLOADS:
            raise ValueError(f"two workloads are called {name}")
        WORKLOADS[name] = Workload(
            name=name,
            family=family,
            doc=inspect.cleandoc(definition.__doc__ or ""),
            problems=members["problems"],
            tasks=members.get("tasks", ("forward", "gradient")),
            bound=members.get("bound", "norm"),
            loss=members.get("loss"),
            smooth=members.get("smooth", True),
            tensors=definition.tensors,  # type: ignore[attr-defined]
            outputs=definition.outputs,  # type: ignore[attr-defined]
            cost=definition.cost,  # type: ignore[attr-defined]
            check=getattr(definition, "check", lambda p: None),
        )
        return definition

    return register


def _positive(p: Problem) -> str | None:
    for name, value in p.items():
        if isinstance(value, int) and not isinstance(value, bool) and value < (0 if name == "padding" else 1):
            return f"{name} must be at least {0 if name == 'padding' else 1}, not {value}"
        if isinstance(value, float) and not (0 < value < float("inf")):
            return f"{name} must be a positive number, not {value}"
    return None


def _typed(workload_name: str, key: str, value: Value, like: Value) -> Value:
    """`value` as the type of `like`; text is parsed, so that it may come from a command line."""
    try:
        if isinstance(like, bool):
            return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
        if isinstance(like, int):
            return int(str(value))
        if isinstance(like, float):
            return float(value)
        return str(value)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(like)]
        raise UsageError(f"{key} of {workload_name} must be {kind}, not '{value}'") from None
