"""A person's JAX model as probes see it: a function of parameters, states where there are any, and inputs."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from impls.jax.backend import DTYPES
from impls.jax.interpreter import Interpreter, as_numpy
from impls.jax.optimizers import UPDATES
from impls.subject import Array, Gradients, Operation, Specimen, Subject, Unfit

Tree = Any
Named = dict[Any, Any]
ADAM = {"learning_rate": 1e-2, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}


class JaxSubject(Subject):
    def __init__(self, make: Callable[[], Specimen], precision: str = "float32") -> None:
        super().__init__(make)
        self.precision = precision
        self.model = self.specimen.model
        self._takes = inspect.signature(self.model).parameters
        self._parameters: Tree = None
        self._states: Tree = None
        with self._exact():
            start = _first_carry(self.specimen)
            self._take(jax.tree.map(lambda each: jnp.array(each) if _is_array(each) else each, start))
        self._adam: list[Named] | None = None
        self._steps = 0
        self._keys = jax.random.key(0)
        self._names: list[str] | None = None
        self._compiled: dict[bool, Callable[..., Any]] = {}
        self._independent: dict[bool, set[str]] = {}
        self._tokens: dict[str, int] = {}

    def in_precision(self, precision: str) -> Subject:
        def cast(leaf: Any) -> Any:
            return leaf.astype(DTYPES[precision]) if _is_floating(leaf) else leaf

        with jax.enable_x64(True) if precision == "float64" else self._exact():
            carry = jax.tree.map(cast, self._carry)
        has_more = self.specimen.states is not None or self.specimen.carry is not None
        specimen = dataclasses.replace(
            self.specimen,
            parameters=carry[0] if has_more else carry,
            states=None if self.specimen.states is None else carry[1],
            carry=None if self.specimen.carry is None else carry,
        )
        return JaxSubject(lambda: specimen, precision)

    def inputs(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.inputs]

    def targets(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.targets]

    def parameters(self) -> dict[str, Array]:
        if self._names is None:
            self._names = self._by_first_use()
        held = self._floating()
        return {name: as_numpy(held[name]) for name in self._names}

    def states(self) -> dict[str, Array]:
        return {name: as_numpy(each) for name, each in _named(self._states).items() if _is_array(each)}

    def load(self, parameters: Mapping[str, Array], states: Mapping[str, Array] | None = None) -> None:
        with self._exact():
            self._parameters = _with(self._parameters, parameters)
            self._states = _with(self._states, states or {})
            self._renew_carry()

    def call(self, inputs: Sequence[Array], training: bool = False) -> tuple[Array, ...]:
        with self._at_work(training):
            arguments = list(map(self._native, inputs))
            outputs, states = self._apply(self._floating(), arguments, self._states, self._key(training), training)
            self._move(states)
            return tuple(as_numpy(each) for each in jax.tree.leaves(outputs))

    def gradients(self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False) -> Gradients:
        with self._at_work(training):
            arguments = (*self._arguments(inputs, targets), self._states, self._key(training))
            (loss, states), found = self._differentiated(arguments, training)
            self._move(states)
            return Gradients(
                float(loss),
                {name: self._gradient(name, found[0][name], training) for name in self.parameters()},
                [self._gradient(n, found[1].get(n), training) for n in range(len(inputs))],
            )

    def operations(
        self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False, backward: bool = False
    ) -> list[Operation]:
        with self._at_work(training):
            interpreter = Interpreter()
            arguments = (*self._arguments(inputs, targets), self._states, self._key(training))
            values = jax.tree.map(interpreter.value, arguments)
            outputs, states = _run(interpreter, self._forward(training), arguments, values)
            interpreter.phase = "loss"
            _run(interpreter, self._loss, (_arrays(outputs), arguments[3]), (outputs, values[3]))
            if backward:
                interpreter.phase = "backward"
                differentiate = jax.grad(self._objective(training), argnums=(0, 1), has_aux=True)
                _run(interpreter, differentiate, arguments, values)
            self._move(_arrays(states))
        self._tokens = {name: each.token for name, each in values[0].items()}
        return interpreter.operations

    def token(self, parameter: str) -> int | None:
        return self._tokens.get(parameter)

    def strays(self) -> list[str]:
        with self._at_work():
            interpreter = Interpreter()
            arguments = (*self._arguments(self.inputs(), ()), self._states, self._key(False))
            _run(interpreter, self._forward(False), arguments, jax.tree.map(interpreter.value, arguments))
        found = []
        for array, where in interpreter.strays.values():
            # JAX hands on constants without their names: what has the same values bears it. The others were made on the way.
            name = next((n for n, own in _held(self.model) if own.shape == array.shape and np.all(own == array)), "")
            if name and where:
                found.append(f"{name} of shape {array.shape}, used in {where}")
        return found

    def momenta(self) -> dict[str, float]:
        return {}

    def step(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        with self._exact():
            if self.specimen.step:
                arguments, wanted = list(map(self._native, inputs)), list(map(self._native, targets))
                carry, loss = self.specimen.step(self._carry, _one(arguments), _one(wanted))
                self._take(carry)
                return float(loss)
            if self.specimen.loss is None or not self._floating():
                raise Unfit("it has neither a step of its own nor a loss")
            return self._take_adams_step(inputs, targets)

    def kept_gradients(self) -> dict[str, Array]:
        return {}

    def decay(self) -> float | None:
        settings = self.specimen.optimizer
        return float(settings["weight_decay"]) if isinstance(settings, Mapping) and "weight_decay" in settings else None

    def kept(self) -> Callable[[], list[Array]]:
        if self.specimen.snapshot is None:
            raise Unfit("nothing says how its best weights are kept: snapshot")
        held = self.specimen.snapshot(self._parameters)
        return lambda: [as_numpy(each) for each in jax.tree.leaves(held) if _is_array(each)]

    def _exact(self) -> AbstractContextManager[Any]:
        """JAX turns float64 into float32 unless told; it is told so only while this subject is at work."""
        return jax.enable_x64(True) if self.precision == "float64" else nullcontext()

    @contextmanager
    def _at_work(self, training: bool = False) -> Iterator[None]:
        """What the person's own code raises makes the model unfit for what was asked of it."""
        try:
            with self._exact():
                yield
        except Unfit:
            raise
        except Exception as error:  # it may raise anything
            text = str(error).strip().partition("\n")[0]
            when = "training" if training else "evaluation"
            raise Unfit(f"in {when} it raises {type(error).__name__}: {text}") from error

    def _array(self, given: Any) -> Array:
        values = as_numpy(given)
        floating = values.dtype.kind == "f"
        return (
            values.astype(np.float64 if self.precision == "float64" else np.float32) if floating else np.array(values)
        )

    def _native(self, values: Array) -> jax.Array:
        return jnp.array(values, dtype=DTYPES[self.precision] if values.dtype.kind == "f" else None)

    def _floating(self) -> Named:
        return {name: each for name, each in _named(self._parameters).items() if _is_floating(each)}

    def _by_first_use(self) -> list[str]:
        """JAX sorts what dictionaries hold by name; the model uses it from input to output."""
        own, before, states, used = self._floating(), self._tokens, self._states, []
        with suppress(Unfit):
            used = [token for each in self.operations(self.inputs(), self.targets()) for token in each.input_tokens]
        names = {token: name for name, token in self._tokens.items()}
        self._tokens = before
        self._move(states)
        first = dict.fromkeys(names[token] for token in used if token in names)
        return [*first, *(name for name in own if name not in first)]

    def _arguments(self, inputs: Sequence[Array], targets: Sequence[Array]) -> tuple[Named, Named, Named, list[Any]]:
        """Parameters, inputs that have a gradient, those that have none, and targets."""
        arguments = dict(enumerate(map(self._native, inputs)))
        floating = {n: each for n, each in arguments.items() if _is_floating(each)}
        others = {n: each for n, each in arguments.items() if n not in floating}
        return self._floating(), floating, others, list(map(self._native, targets))

    def _apply(
        self, parameters: Named, inputs: Sequence[Any], states: Tree, key: Any, training: bool
    ) -> tuple[Tree, Tree]:
        """The model's outputs, and its new states."""
        before = []
        if self.specimen.parameters is not None:
            before.append(_with(self._parameters, parameters))
        if states is not None:
            before.append(states)
        told = {"training": training} if "training" in self._takes else {}
        result = self.model(*before, *inputs, **told, **({} if key is None else {"key": key}))
        return result if states is not None else (result, None)

    def _forward(self, training: bool) -> Callable[..., Any]:
        def forward(parameters: Named, floating: Named, others: Named, targets: Any, states: Tree, key: Any) -> Any:
            inputs = {**floating, **others}
            return self._apply(parameters, [inputs[n] for n in sorted(inputs)], states, key, training)

        return forward

    def _objective(self, training: bool) -> Callable[..., Any]:
        forward = self._forward(training)

        def objective(parameters: Named, floating: Named, others: Named, targets: Any, states: Tree, key: Any) -> Any:
            outputs, states = forward(parameters, floating, others, targets, states, key)
            return self._loss(outputs, targets), states

        return objective

    def _differentiated(self, arguments: tuple[Any, ...], training: bool) -> Any:
        """Compiled, since probes ask for hundreds of gradients; but XLA would keep more digits than a half precision has."""
        if training not in self._compiled:
            self._independent[training] = _independent(self._objective(training), arguments)
            differentiate = jax.value_and_grad(self._objective(training), argnums=(0, 1), has_aux=True)
            exact = self.precision in ("float32", "float64")
            quickly = {"xla_backend_optimization_level": 0}
            self._compiled[training] = jax.jit(differentiate, compiler_options=quickly) if exact else differentiate
        return self._compiled[training](*arguments)

    def _loss(self, outputs: Tree, targets: Sequence[Any]) -> Any:
        if self.specimen.loss is not None:
            return self.specimen.loss(outputs, *targets)
        rng = np.random.default_rng(1)
        floating = [each for each in jax.tree.leaves(outputs) if _is_floating(each)]
        return sum((each * self._native(rng.standard_normal(each.shape))).sum() for each in floating)

    def _key(self, training: bool) -> Any:
        """A new one at every call, where the model takes any; in evaluation only where it cannot do without."""
        if "key" not in self._takes or not (training or self._takes["key"].default is inspect.Parameter.empty):
            return None
        self._keys, key = jax.random.split(self._keys)
        return key

    def _gradient(self, name: str | int, gradient: Any, training: bool) -> Array | None:
        if gradient is None or (str(name) in self._independent[training] and not gradient.any()):
            return None
        return as_numpy(gradient)

    def _take_adams_step(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        arguments = (*self._arguments(inputs, targets), self._states, self._key(True))
        (loss, states), (gradients, _) = self._differentiated(arguments, True)
        own = arguments[0]
        kept = self._adam or [{name: jnp.zeros_like(each) for name, each in own.items()}] * 2
        self._steps += 1
        new, *self._adam = _adam(own, gradients, *kept, step=self._steps)
        self._parameters = _with(self._parameters, new)
        self._move(states)
        return float(loss)

    def _move(self, states: Tree) -> None:
        """Whatever the model makes of its states, in evaluation too, is what it goes on with."""
        if states is not None:
            self._states = states
            self._renew_carry()

    def _take(self, carry: Tree) -> None:
        self._carry = carry
        has_states = self.specimen.states is not None
        has_more = has_states or self.specimen.carry is not None
        self._parameters = carry[0] if has_more else carry
        self._states = carry[1] if has_states else None

    def _renew_carry(self) -> None:
        """The carry with the parameters and states that there are now, which it begins with."""
        leaves, structure = jax.tree.flatten(self._carry)
        own = jax.tree.leaves((self._parameters, self._states))
        self._take(jax.tree.unflatten(structure, [*own, *leaves[len(own) :]]))


@jax.jit
def _adam(own: Named, gradients: Named, moments: Named, squares: Named, step: int) -> list[Named]:
    """New parameters, and what Adam keeps of them."""
    update = UPDATES["adamw"](**ADAM, step=step)
    new = {name: update(own[name], gradients[name], moments[name], squares[name]) for name in own}
    return [{name: each[n] for name, each in new.items()} for n in range(3)]


def _first_carry(specimen: Specimen) -> Tree:
    if specimen.carry is not None:
        return specimen.carry
    return specimen.parameters if specimen.states is None else (specimen.parameters, specimen.states)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, float)) and not _is_key(leaf)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _is_floating(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)


def _named(tree: Tree) -> Named:
    """`{"layers": [{"weight": w}]}` as `{"layers.0.weight": w}`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): each for path, each in leaves}


def _with(tree: Tree, named: Mapping[str, Any]) -> Tree:
    """The tree with other leaves in the places that are named, of the same types."""
    leaves = [jnp.asarray(named[name], dtype=own.dtype) if name in named else own for name, own in _named(tree).items()]
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def _arrays(tree: Tree) -> Tree:
    return jax.tree.map(lambda each: each.array, tree)


def _run(interpreter: Interpreter, function: Callable[..., Any], arguments: Any, values: Any) -> Tree:
    """The function's results as the interpreter's values, `values` being those of its arguments."""
    jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return jax.tree.unflatten(jax.tree.structure(shapes), interpreter.run(jaxpr, jax.tree.leaves(values)))


def _independent(objective: Callable[..., Any], arguments: tuple[Any, ...]) -> set[str]:
    """Parameters by name and inputs by number whose gradient is computed from nothing: zeros, written down."""
    differentiate = jax.grad(objective, argnums=(0, 1), has_aux=True)
    jaxpr, (shapes, _) = jax.make_jaxpr(differentiate, return_shape=True)(*arguments)
    written: set[Any] = set()
    for equation in jaxpr.eqns:
        if all(isinstance(each, Literal) or each in written for each in equation.invars):
            written.update(equation.outvars)
    names = [name for each in shapes for name in _named(each)]
    gradients = jaxpr.jaxpr.outvars[: len(names)]
    return {name for name, each in zip(names, gradients, strict=True) if isinstance(each, Literal) or each in written}


def _held(function: Any) -> Iterator[tuple[str, Array]]:
    """Arrays that a function can see, with their names: what it is bound to, what is around it, and its module's."""
    if isinstance(function, functools.partial):
        yield from _within([*function.args, function.keywords])
        function = function.func
    function = inspect.unwrap(function)
    owner = getattr(function, "__self__", None if inspect.isfunction(function) else function)
    yield from _within(getattr(owner, "__dict__", {}))
    function = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isfunction(function := getattr(function, "__func__", function)):
        around = inspect.getclosurevars(function).nonlocals
        for value in filter(callable, around.values()):
            yield from _held(value)
        yield from _within(around)
        yield from _within(function.__globals__)


def _within(held: Any, path: str = "", depth: int = 4) -> Iterator[tuple[str, Array]]:
    if isinstance(held, (jax.Array, np.ndarray)) and not _is_key(held):
        yield path, as_numpy(held)
    elif isinstance(held, (dict, list, tuple)) and depth:
        for name, each in held.items() if isinstance(held, dict) else enumerate(held):
            yield from _within(each, f"{path}.{name}".lstrip("."), depth - 1)


def _one(arrays: list[Any]) -> Any:
    """What a person's own function expects: the only one itself, several as a tuple."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


SUBJECT = JaxSubject
