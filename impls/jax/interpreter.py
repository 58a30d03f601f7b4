"""Runs a jaxpr equation by equation, and notes each as an `Operation`: what a person's JAX function computes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal
from jax.extend.source_info_util import summarize

from impls.subject import Array, Operation, Phase

PRIMITIVES = {
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "add_any": "add",
    "logistic": "sigmoid",
    "dot_general": "product",
    "conv_general_dilated": "product",
    "broadcast_in_dim": "expand",
    "random_bits": "random",
}
"""What probes call JAX's primitives; the others keep their names."""
FUNCTIONS = {
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "_uniform": "random",
    "_normal": "random",
    "_truncated_normal": "random",
    "_bernoulli": "random",
    "_gumbel": "random",
    "_randint": "random",
}
"""Functions that JAX compiles by themselves, so that their names stand in the jaxpr: each is one operation."""
CALLS = (
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat",
    "remat2",
    "checkpoint",
    "custom_jvp_call",
    "custom_vjp_call",
)
SAME_VALUES = (
    *("reshape", "transpose", "squeeze", "expand_dims", "rev", "slice", "dynamic_slice", "split", "unstack"),
    *("convert_element_type", "reduce_precision", "copy", "copy_p", "stop_gradient", "optimization_barrier"),
)
"""Operations that rearrange, pick, copy or convert."""
UNROLLED = 64
"""Steps of a scan up to which each is noted by itself; a longer one is one operation."""
LIBRARY = str(Path(jax.__file__).parent)


@dataclass(frozen=True)
class Value:
    """What a variable holds. Values of one `number` were computed by the same operations from the same values."""

    array: Any
    number: int
    token: int


class Interpreter:
    """Runs jaxprs one after the other. What was computed before is not computed or noted again, so that of a gradient's
    jaxpr, which holds the forward pass too, only what is new is noted."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.phase: Phase = "forward"
        self.strays: dict[int, tuple[Array, str]] = {}
        """Floating constants of the jaxprs, by token, and where they are used first."""
        self._numbers: dict[Any, int] = {}
        self._made: dict[Any, list[Value]] = {}
        self._makers: dict[int, tuple[str, list[Value]]] = {}
        self._quiet = False
        self._place: str | None = None

    def value(self, array: Any) -> Value:
        """Of something that is handed in."""
        number = self._number(object())
        return Value(array, number, number)

    def run(self, closed: Any, arguments: Sequence[Value]) -> list[Value]:
        """The results of a closed jaxpr."""
        values = {}
        for variable, constant in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            values[variable] = self._constant(constant)
        return self._run(closed.jaxpr, values, arguments)

    def _run(self, jaxpr: Any, values: dict[Any, Value], arguments: Sequence[Value]) -> list[Value]:
        def read(atom: Any) -> Value:
            return self._constant(atom.val) if isinstance(atom, Literal) else values[atom]

        values.update(zip(jaxpr.invars, arguments, strict=True))
        for equation in jaxpr.eqns:
            results = self._equation(equation, [read(each) for each in equation.invars])
            values.update(zip(equation.outvars, results, strict=True))
        return [read(each) for each in jaxpr.outvars]

    def _equation(self, equation: Any, inputs: list[Value]) -> list[Value]:
        name, settings = equation.primitive.name, equation.params
        if name in CALLS:
            return self._call(equation, inputs)
        if name == "cond":
            branches = settings["branches"]
            return self.run(branches[int(np.clip(int(inputs[0].array), 0, len(branches) - 1))], inputs[1:])
        if name == "while":
            return self._while(settings, inputs)
        if name == "scan" and settings["length"] <= UNROLLED:
            return self._scan(equation, inputs)
        return self._primitive(equation, inputs)

    def _call(self, equation: Any, inputs: list[Value]) -> list[Value]:
        inner = equation.params["jaxpr" if "jaxpr" in equation.params else "call_jaxpr"]
        jaxpr = getattr(inner, "jaxpr", inner)
        place, quiet = self._place, self._quiet
        name = FUNCTIONS.get(str(equation.params.get("name")))
        whole = name is not None and self.phase != "backward" and not quiet
        if str(jaxpr.debug_info.func_filename).startswith(LIBRARY):
            # A function of the library is traced once, and its equations keep the line that called it first.
            self._place = self._place or _line(equation)
        self._quiet = quiet or whole
        found = self._run(jaxpr, {}, inputs) if inner is jaxpr else self.run(inner, inputs)
        where = self._place or _line(equation)
        self._place, self._quiet = place, quiet
        if whole and name is not None:
            self._note(name, where, inputs, found)
        return found

    def _while(self, settings: Any, inputs: list[Value]) -> list[Value]:
        conditions, constants = settings["cond_nconsts"], settings["body_nconsts"]
        own, rest = inputs[:conditions], inputs[conditions:]
        held, carried = rest[:constants], rest[constants:]
        while bool(self.run(settings["cond_jaxpr"], [*own, *carried])[0].array):
            carried = self.run(settings["body_jaxpr"], [*held, *carried])
        return carried

    def _scan(self, equation: Any, inputs: list[Value]) -> list[Value]:
        settings = equation.params
        constants, carries, length = settings["num_consts"], settings["num_carry"], settings["length"]
        held, carried, rows = inputs[:constants], inputs[constants:][:carries], inputs[constants + carries :]
        steps = reversed(range(length)) if settings["reverse"] else range(length)
        made: dict[int, list[Value]] = {}
        for step in steps:
            slices = [Value(each.array[step], self._number(("row", each.number, step)), each.token) for each in rows]
            results = self.run(settings["jaxpr"], [*held, *carried, *slices])
            carried, made[step] = results[:carries], results[carries:]
        stacks = ([made[step][n] for step in range(length)] for n in range(len(made.get(0, []))))
        return [*carried, *(self._stacked(each, self._place or _line(equation)) for each in stacks)]

    def _stacked(self, rows: list[Value], where: str) -> Value:
        key = ("stack", *(each.number for each in rows))
        if self.phase == "backward" and key in self._made:
            return self._made[key][0]
        stack = Value(jnp.stack([each.array for each in rows]), self._number(key), self._number(object()))
        self._made[key] = [stack]
        if not self._quiet:
            self._note("stack", where, rows, [stack])
        return stack

    def _primitive(self, equation: Any, inputs: list[Value]) -> list[Value]:
        primitive, settings = equation.primitive, equation.params
        key = (primitive.name, str(settings), *(each.number for each in inputs))
        if self.phase == "backward" and key in self._made:
            return self._made[key]
        results = primitive.bind(*(each.array for each in inputs), **settings)
        results = results if primitive.multiple_results else [results]
        outputs = []
        for position, result in enumerate(results):
            same = inputs and _has_same_values(primitive.name, inputs[0].array, result)
            token = inputs[0].token if same else self._number(object())
            outputs.append(Value(result, self._number((key, position)), token))
        self._made[key] = outputs
        if not self._quiet:
            self._note(_name(equation), self._place or _line(equation), inputs, outputs)
        return outputs

    def _note(self, name: str, where: str, inputs: list[Value], outputs: list[Value]) -> None:
        if self.phase == "backward":
            where = f"{where}, backward"
        else:
            name, inputs = self._as_softmax(name, inputs)
        for each in inputs:
            if each.token in self.strays and not self.strays[each.token][1]:
                self.strays[each.token] = (self.strays[each.token][0], where)
        for each in outputs:
            self._makers.setdefault(each.token, (name, inputs))
        self.operations.append(
            Operation(
                name,
                where,
                self.phase,
                tuple(as_numpy(each.array) for each in inputs),
                tuple(as_numpy(each.array) for each in outputs),
                tuple(each.token for each in inputs),
                tuple(each.token for each in outputs),
            )
        )

    def _as_softmax(self, name: str, inputs: list[Value]) -> tuple[str, list[Value]]:
        """The last operation of a softmax that is written out, or that JAX writes out, stands for the whole."""
        if name == "divide":
            made, exponents = self._makers.get(inputs[0].token, ("", []))
            if made == "exp":
                given = self._before_shift(exponents[0])
                if self._comes_from(inputs[1], ["reduce_sum", "exp"], given.token):
                    return "softmax", [given]
        if name == "subtract" and self._comes_from(inputs[1], ["log", "reduce_sum", "exp"], inputs[0].token):
            return "log_softmax", [inputs[0]]
        return name, inputs

    def _before_shift(self, value: Value) -> Value:
        """Of x − max x, x."""
        made, inputs = self._makers.get(value.token, ("", []))
        is_shifted = made == "subtract" and self._comes_from(inputs[1], ["reduce_max"], inputs[0].token)
        return inputs[0] if is_shifted else value

    def _comes_from(self, value: Value, names: list[str], token: int, steps: int = 10) -> bool:
        """Whether a value was computed from that of a token by operations among which are these, the last one first."""
        if not names and value.token == token:
            return True
        if steps == 0 or value.token not in self._makers:
            return False
        made, inputs = self._makers[value.token]
        rest = names[1:] if names[:1] == [made] else names
        return any(self._comes_from(each, rest, token, steps - 1) for each in inputs)

    def _constant(self, array: Any) -> Value:
        held = as_numpy(array)
        number = self._number((str(held.dtype), held.shape, held.tobytes()))
        if held.dtype.kind == "f" and held.size > 1 and self.phase != "backward":
            self.strays.setdefault(number, (held, ""))
        return Value(array, number, number)

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def _name(equation: Any) -> str:
    name = equation.primitive.name
    if name == "integer_pow" and equation.params["y"] == 2:
        return "square"
    if name == "max" and any(isinstance(each, Literal) and each.val == 0 for each in equation.invars):
        return "relu"
    return PRIMITIVES.get(name, name)


def _has_same_values(name: str, before: Any, after: Any) -> bool:
    return name in SAME_VALUES or (name == "broadcast_in_dim" and before.size == after.size)


def _line(equation: Any) -> str:
    """The person's function and line: `attention (model.py:12)`."""
    found = re.match(r"(.*?):(\d+)(?::\d+)? \((.*)\)$", summarize(equation.source_info))
    return f"{found[3].rpartition('.')[2]} ({Path(found[1]).name}:{found[2]})" if found else "the loss"


def as_numpy(array: Any) -> Array:
    """bfloat16 as float32, and a key of random numbers as its bits."""
    if isinstance(array, jax.Array) and jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    held = np.asarray(array)
    return held.astype(np.float32) if held.dtype == jnp.bfloat16 else held
