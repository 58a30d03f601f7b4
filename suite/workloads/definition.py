"""What a workload's definition is made of: tensors, problems, cost, and the register.

A definition is a class decorated with `workload`; the decorator reads it once into a frozen `Workload` and files it
under its name in snake case. Nothing here or in the families imports a framework; NumPy draws the numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from suite.errors import UsageError, unknown
from suite.naming import snake_case
from suite.workloads.distributions import Draw, Normal

Array = np.ndarray
Role = Literal["input", "parameter", "target", "output", "statistic", "state", "mask"]
Value = int | float | bool | str

TRANSFORMS = ("jvp", "hvp", "jacobian", "per_example_gradient")
GENERATION = ("generate", "first_token", "next_token")
"""Of a decoder, the likeliest token each time: `new_tokens` after a text, the first of them, and the one after that."""
TASKS = ("forward", "gradient", "train_step", *GENERATION, *TRANSFORMS)
JACOBIAN_ENTRIES = 1_000_000
"""Jacobians with more are refused: their size is the product of outputs and arguments."""

# Unit round-off (half the spacing of floats at 1) of each precision: IEEE 754-2019 table 3.5; bfloat16 has 8
# significant bits; TF32 rounds the operands of a product to 11.
UNIT_ROUNDOFF = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "tf32": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float16": 2.0**-11,
}
# Below its smallest normal number (same table) a precision has no relative accuracy to speak of.
SMALLEST_NORMAL = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "tf32": 2.0**-126,
    "bfloat16": 2.0**-126,
    "float16": 2.0**-14,
}
ITEM_BYTES = {"float64": 8, "float32": 4, "tf32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a workload: its semantic axes (`"N C H W"`), shape, role, and how its values are drawn.

    Inputs and parameters are differentiated by where they are floating and not `fixed`. Models also have states, which
    training changes without a gradient, and masks, which are inputs of training only.
    """

    axes: str
    shape: tuple[int, ...]
    role: Role
    draw: Draw
    fixed: bool = False

    @property
    def floating(self) -> bool:
        return self.draw.kind == "float"

    @property
    def differentiable(self) -> bool:
        return self.floating and not self.fixed and self.role in ("input", "parameter")

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


_NORMAL, _SMALL = Normal(), Normal(0.1)


def Input(axes: str, shape: tuple[int, ...], draw: Draw = _NORMAL, fixed: bool = False) -> Tensor:
    """Data that the workload is applied to; no gradient is taken by what is `fixed`."""
    return Tensor(axes, shape, "input", draw, fixed)


def Parameter(axes: str, shape: tuple[int, ...], draw: Draw = _SMALL) -> Tensor:
    """What training would change."""
    return Tensor(axes, shape, "parameter", draw)


def Target(axes: str, shape: tuple[int, ...], draw: Draw) -> Tensor:
    """What the loss compares the output with; no argument of the workload itself."""
    return Tensor(axes, shape, "target", draw)


def Output(axes: str, shape: tuple[int, ...]) -> Tensor:
    """One result. Its `draw` is that of the cotangent which the `gradient` task contracts it with."""
    return Tensor(axes, shape, "output", _NORMAL)


def Statistic(axes: str, shape: tuple[int, ...]) -> Tensor:
    """A result that no gradient flows from, such as running statistics; these come after all others."""
    return Tensor(axes, shape, "statistic", _NORMAL)


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of one forward pass (a multiply-add is 2) and the length of its longest reduction.

    `gradient_flops` is that of value and gradient together; where it is None, three forward passes: each product of
    the forward pass has two in the backward one, with respect to either factor.

    `condition` is by how much the function magnifies a relative error of its arguments, or of what it computes on the
    way: 1 but where a definition shows it to be more (Higham 2002, Accuracy and Stability, section 1.6).
    `gradient_condition` is that of the gradient, where it is another.
    """

    flops: float
    reduction: int
    gradient_flops: float | None = None
    condition: float = 1.0
    gradient_condition: float | None = None

    @property
    def gradient(self) -> float:
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
    entry (sums of products); `"norm"`, the norm of the result (everything else, and the variants in `normwise`).
    `loss` names the workload that turns the output into a scalar for `gradient` and `train_step`; None means the
    output itself where it is a scalar, else its contraction with a drawn cotangent. `smooth` is False where the
    function has kinks. `choices` are the words that a parameter may be; `may_be_zero` are the numbers that may be 0.
    """

    name: str
    family: str
    doc: str
    problems: Mapping[str, Mapping[str, Value]]
    tasks: tuple[str, ...]
    bound: Literal["product", "norm"]
    loss: str | None
    smooth: bool
    normwise: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]
    may_be_zero: tuple[str, ...]
    tensors: Callable[[Problem], dict[str, Tensor]]
    outputs: Callable[[Problem], dict[str, Tensor]]
    cost: Callable[[Problem], Cost]
    check: Callable[[Problem], str | None] = field(repr=False)
    network: Callable[[Problem, bool], Any] | None = field(default=None, repr=False)
    """Of a model: its `Network`, in inference (False) and in training (True)."""
    generation_flops: Callable[[Problem, str], float] | None = field(default=None, repr=False)
    """Of a decoder: operations of the tasks in `GENERATION`."""

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
        for key, words in self.choices.items():
            if problem[key] not in words:
                raise unknown(f"{key} of {self.name}", str(problem[key]), words)
        complaint = _out_of_range(problem, self.may_be_zero) or self.check(problem)
        if complaint:
            raise UsageError(f"{self.name}[{problem.text()}] makes no sense: {complaint}")
        return problem

    def arguments(self, p: Problem) -> dict[str, Tensor]:
        """The tensors that the workload itself takes, in order: all but the targets."""
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.role != "target"}

    def targets(self, p: Problem) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.role == "target"}

    def cotangents(self, p: Problem) -> dict[str, Tensor]:
        """The outputs that a gradient flows from, each of which is contracted with a tensor of its own shape."""
        return {name: tensor for name, tensor in self.outputs(p).items() if tensor.role == "output"}

    def states(self, p: Problem) -> dict[str, Tensor]:
        """What training changes without a gradient: running statistics."""
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.role == "state"}

    def is_scalar(self, p: Problem) -> bool:
        return all(output.shape == () for output in self.outputs(p).values())

    def gradient_reduction(self, p: Problem) -> int:
        """The longest sum in value or gradient: a small parameter collects from every place that it was broadcast to."""
        tensors = list(self.differentiable(p).values())
        largest = max(t.size for t in [*tensors, *self.outputs(p).values()])
        return max(self.cost(p).reduction, largest // min((t.size for t in tensors), default=largest))

    def differentiable(self, p: Problem) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.tensors(p).items() if tensor.differentiable}

    def batch_axis(self, p: Problem) -> str | None:
        """The name of the axis that counts the examples; None where there are none."""
        named = {axis for tensor in self.tensors(p).values() for axis in tensor.axes.split()}
        return next((axis for axis in ("B", "N") if axis in named), None) if "batch" in p else None

    def flops(self, p: Problem, task: str) -> float:
        """Operations of one call. Of a product, forward mode computes the value and two tangents, as reverse mode does.

        A Jacobian takes one backward pass for each output.
        """
        cost = self.cost(p)
        if task == "forward":
            return cost.flops
        if task in GENERATION:
            assert self.generation_flops is not None
            return self.generation_flops(p, task)
        if task == "jvp":
            return 3 * cost.flops
        if task == "hvp":
            return 3 * cost.gradient
        if task == "jacobian":
            outputs = sum(output.size for output in self.cotangents(p).values())
            return cost.flops + outputs * (cost.gradient - cost.flops)
        return cost.gradient

    def jacobian_entries(self, p: Problem) -> int:
        outputs = sum(output.size for output in self.cotangents(p).values())
        return outputs * sum(tensor.size for tensor in self.differentiable(p).values())

    def parameter_count(self, p: Problem) -> int:
        return sum(t.size for t in self.tensors(p).values() if t.role == "parameter")

    def bytes(self, p: Problem, task: str, precision: str) -> float:
        """The fewest bytes that must move: every tensor read once, every result written once (whole numbers are int64).

        What a decoder keeps of the tokens before is not counted.
        """
        item = ITEM_BYTES[precision]
        of_outputs = task in ("forward", "jvp", "jacobian", *GENERATION)
        tensors = list((self.arguments(p) if of_outputs else self.tensors(p)).values())
        tensors = [t for t in tensors if not (of_outputs and t.role == "mask")]
        if not of_outputs and self.loss is None and not self.is_scalar(p):
            tensors += self.cotangents(p).values()
        moved = sum(t.size for t in self.differentiable(p).values())
        outputs = sum(t.size for t in self.outputs(p).values())
        read = sum(t.size * {"float": item, "int": 8, "bool": 1}[t.draw.kind] for t in tensors)
        read += item * moved if task in ("jvp", "hvp") else 0
        written = {
            "forward": outputs,
            "gradient": 1 + moved,
            "train_step": 1 + self.parameter_count(p),
            "jvp": 2 * outputs,
            "hvp": 2 * moved,
            "jacobian": self.jacobian_entries(p),
            "per_example_gradient": p.get("batch", 0) * (1 + self.parameter_count(p)),
            **dict.fromkeys(GENERATION, outputs // p.get("seq", 1)),
        }[task]
        return float(read + item * written)


WORKLOADS: dict[str, Workload] = {}


def workload(*, family: str) -> Callable[[type], type]:
    """File the decorated definition under its class name in snake case (`LayerNorm` → `layer_norm`).

    What has a gradient has its transforms as tasks too; the gradient of each example, where there are parameters and a
    batch. The class gives `problems`, `tensors(p)`, `outputs(p)` and `cost(p)`; it may give `tasks`, `transforms`, `bound`,
    `normwise`, `loss`, `smooth`, `choices`, `may_be_zero`, and `check(p)`, which returns one sentence for a problem that
    makes no sense, else None.
    """

    def register(definition: type) -> type:
        name = snake_case(definition.__name__)
        members = definition.__dict__
        if name in WORKLOADS:
            raise ValueError(f"two workloads are called {name}")
        base = Problem(members["problems"]["small"])
        tasks = members.get("tasks", ("forward", "gradient"))
        if "gradient" in tasks and "transforms" not in members:
            tensors = definition.tensors(base)  # type: ignore[attr-defined]
            has_parameters = any(tensor.role == "parameter" for tensor in tensors.values())
            tasks += TRANSFORMS if has_parameters and "batch" in base else TRANSFORMS[:-1]
        elif "gradient" in tasks:
            tasks += members["transforms"]
        WORKLOADS[name] = Workload(
            name=name,
            family=family,
            doc=inspect.cleandoc(definition.__doc__ or ""),
            problems=members["problems"],
            tasks=tasks,
            bound=members.get("bound", "norm"),
            loss=members.get("loss"),
            smooth=members.get("smooth", True),
            normwise=members.get("normwise", ()),
            choices=members.get("choices", {}),
            may_be_zero=members.get("may_be_zero", ("padding",)),
            tensors=definition.tensors,  # type: ignore[attr-defined]
            outputs=definition.outputs,  # type: ignore[attr-defined]
            cost=definition.cost,  # type: ignore[attr-defined]
            check=getattr(definition, "check", lambda p: None),
            network=getattr(definition, "network", None),
            generation_flops=getattr(definition, "generation_flops", None),
        )
        return definition

    return register


def _out_of_range(p: Problem, may_be_zero: tuple[str, ...]) -> str | None:
    for name, value in p.items():
        zero = name in may_be_zero
        if isinstance(value, int) and not isinstance(value, bool) and value < (0 if zero else 1):
            return f"{name} must be at least {0 if zero else 1}, not {value}"
        if isinstance(value, float) and not ((value >= 0 if zero else value > 0) and value < float("inf")):
            return f"{name} must be a {'number that is not negative' if zero else 'positive number'}, not {value}"
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
