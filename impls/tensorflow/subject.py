"""A person's TensorFlow model as probes see it: a Keras model or layer, a `tf.Module`, or a function of tensors."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Private: the counters that number all layers of a process; they begin anew with each subject, so that a model which is
# made again has the same names.
from keras.src.utils import naming

# Private: the mechanism below tf.debugging.enable_check_numerics, which tells of every operation that is run eagerly.
from tensorflow.python.framework import op_callbacks

from impls.subject import Array, Gradients, Operation, Phase, Specimen, Subject, Unfit
from impls.tensorflow.backend import DTYPES

NAMES = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "SoftmaxCrossEntropyWithLogits": "cross_entropy",
    "SparseSoftmaxCrossEntropyWithLogits": "cross_entropy",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Add": "add",
    "AddV2": "add",
    "BiasAdd": "add",
    "Sub": "subtract",
    "SquaredDifference": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "DivNoNan": "divide",
    "RealDiv": "divide",
    "Pow": "square",
    "Square": "square",
    "BatchMatMul": "product",
    "BatchMatMulV2": "product",
    "Conv2D": "product",
    "Conv3D": "product",
    "DepthwiseConv2dNative": "product",
    "Einsum": "product",
    "MatMul": "product",
    "BroadcastTo": "expand",
    "Tile": "expand",
    "ConcatV2": "concatenate",
    "Exp": "exp",
    "Fill": "fill",
    "Log": "log",
    "Pad": "pad",
    "PadV2": "pad",
    "Select": "where",
    "SelectV2": "where",
    "Sqrt": "sqrt",
    "Multinomial": "random",
    "ParameterizedTruncatedNormal": "random",
    "RandomGammaV3": "random",
    "RandomStandardNormal": "random",
    "RandomUniform": "random",
    "StatelessMultinomial": "random",
    "StatelessRandomNormal": "random",
    "StatelessRandomNormalV2": "random",
    "StatelessRandomUniform": "random",
    "StatelessRandomUniformV2": "random",
    "StatelessTruncatedNormal": "random",
    "StatelessTruncatedNormalV2": "random",
    "TruncatedNormal": "random",
}
"""What probes call TensorFlow's operations; the others keep their names."""
SAME_VALUES = (
    "Cast",
    "ExpandDims",
    "Identity",
    "PreventGradient",
    "ReadVariableOp",
    "Reshape",
    "Slice",
    "Squeeze",
    "StopGradient",
    "StridedSlice",
    "Transpose",
    "Unpack",
)
"""Operations that give their first argument's values, all or some, as they are or arranged otherwise."""
LIBRARIES = tuple(str(Path(package.__file__).parent) for package in (tf, keras))


class TensorflowSubject(Subject):
    """A compiled Keras model brings its loss and its optimizer along. What Keras' layers add to the loss, such as
    regularizers, is added here too, as in Keras' own training."""

    def __init__(self, make: Callable[[], Specimen], precision: str = "float32") -> None:
        naming.reset_uids()
        super().__init__(make)
        self.precision = precision
        self.model = self.specimen.model
        self.is_keras = isinstance(self.model, keras.layers.Layer)
        self.is_compiled = isinstance(self.model, keras.Model) and self.model.compiled and self.specimen.loss is None
        if self.is_compiled:
            self.specimen = _as_compiled(self.specimen)
        self._moments: dict[str, tuple[Array, Array]] = {}
        self._steps = 0
        self._run(
            self._arguments(self.inputs()), training=False
        )  # layers make their variables when they are first called
        self._parameters, self._states = map(_unique, self._variables())

    def in_precision(self, precision: str) -> Subject:
        before = keras.config.floatx(), keras.config.dtype_policy()
        try:
            keras.config.set_floatx(precision)
            keras.config.set_dtype_policy(precision)
            return self._made_anew(precision)
        except Unfit:
            raise
        except Exception as error:  # whatever is raised where types do not fit together
            raise Unfit(f"in {precision} it raises {_described(error)}") from error
        finally:
            keras.config.set_floatx(before[0])
            keras.config.set_dtype_policy(before[1])

    def _made_anew(self, precision: str) -> Subject:
        def make() -> Specimen:
            made = self.make()
            if made.model is self.model and (self.is_keras or self._parameters):
                raise Unfit(f"it was handed over as it is: a function that makes it could make it in {precision}")
            return dataclasses.replace(made, inputs=self.specimen.inputs, targets=self.specimen.targets)

        found = TensorflowSubject(make, precision)
        if _shapes(found._parameters) != _shapes(self._parameters) or _shapes(found._states) != _shapes(self._states):
            raise Unfit("made anew, it has other variables")
        for name, variable in found._parameters.items():
            if variable.dtype != DTYPES[precision]:
                raise Unfit(f"made anew with {precision} as Keras' default, its {name} is {variable.dtype.name}")
        found.load(self.parameters(), self.states())
        found.gradients(found.inputs(), found.targets())
        return found

    def _variables(self) -> tuple[list[tuple[str, tf.Variable]], list[tuple[str, tf.Variable]]]:
        """The trainable ones, and the others. A function cannot register any: its own are those that it uses."""
        if self.is_keras:  # without Keras' seed generators
            trainable, others = self.model.trainable_weights, self.model.non_trainable_weights
            return self._named(trainable), self._named(others)
        if isinstance(self.model, tf.Module):
            found = _parts(self.model, tf.Variable)
            return [each for each in found if each[1].trainable], [each for each in found if not each[1].trainable]
        with tf.GradientTape() as tape:
            self._run(self._arguments(self.inputs()), training=False)
        return [(_name(each), each) for each in tape.watched_variables()], []

    def _named(self, weights: Sequence[keras.Variable]) -> list[tuple[str, tf.Variable]]:
        return [(_path(each, self.model), each.value) for each in weights]

    def inputs(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.inputs]

    def targets(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.targets]

    def parameters(self) -> dict[str, Array]:
        return {name: _numpy(each) for name, each in self._parameters.items()}

    def states(self) -> dict[str, Array]:
        return {name: _numpy(each) for name, each in self._states.items()}

    def load(self, parameters: Mapping[str, Array], states: Mapping[str, Array] | None = None) -> None:
        for variables, values in ((self._parameters, parameters), (self._states, states or {})):
            for name, each in values.items():
                variables[name].assign(tf.cast(each, variables[name].dtype))

    def call(self, inputs: Sequence[Array], training: bool = False) -> tuple[Array, ...]:
        with _refusing(training):
            return tuple(_numpy(each) for each in _tensors(self._run(self._arguments(inputs), training)))

    def gradients(self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False) -> Gradients:
        arguments = self._arguments(inputs)
        floating = {n: each for n, each in enumerate(arguments) if each.dtype.is_floating}
        with _refusing(training):
            with _watching(arguments) as tape:
                loss = self._loss(self._run(arguments, training), targets)
            of_parameters, of_inputs = tape.gradient(loss, (self._parameters, floating))
        return Gradients(
            float(_numpy(loss)),
            {name: _gradient(each) for name, each in of_parameters.items()},
            [_gradient(of_inputs.get(n)) for n in range(len(arguments))],
        )

    def loss(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        with _refusing(training=False):
            return float(_numpy(self._loss(self._run(self._arguments(inputs), training=False), targets)))

    def operations(
        self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False, backward: bool = False
    ) -> list[Operation]:
        recorder = Recorder()
        arguments = self._arguments(inputs)
        with _refusing(training), recorder.of(self.model), _watching(arguments) as tape:
            outputs = self._run(arguments, training)
            recorder.phase = "loss"
            loss = self._loss(outputs, targets)
            if backward:
                recorder.phase = "backward"
                tape.gradient(loss, [*self._parameters.values(), *_floating(arguments)])
        return recorder.operations

    def token(self, parameter: str) -> int | None:
        return id(self._parameters[parameter].handle)

    def strays(self) -> list[str]:
        """Variables that a tape watches and that the model does not give among its trainable ones, those made anew in every
        call with them. Tensors are left out: TensorFlow has no other way to hold a constant."""
        recorder = Recorder()
        with _refusing(training=False), recorder.of(self.model), tf.GradientTape() as tape:
            self._run(self._arguments(self.inputs()), training=False)
        known = {id(each.handle) for each in self._parameters.values()}
        return [
            f"{_within(_name(each), self.model)} {tuple(each.shape)} used in {recorder.reader(each)}"
            for each in tape.watched_variables()
            if id(each.handle) not in known
        ]

    def momenta(self) -> dict[str, float]:
        names = {id(variable): name for name, variable in self._states.items()}
        found = {}
        # Private: the public `layers` are those of the first level only.
        for layer in self.model._flatten_layers() if self.is_keras else ():
            # Keras calls those that are not trainable in evaluation.
            if isinstance(layer, keras.layers.BatchNormalization) and layer.built and layer.trainable:
                for state in (layer.moving_mean, layer.moving_variance):
                    found[names[id(state.value)]] = float(layer.momentum)
        return found

    def step(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        if self.specimen.step:
            wanted = [self._native(each) for each in targets]
            loss = self.specimen.step(self.model, _one(self._arguments(inputs)), _one(wanted))
            return float("nan") if loss is None else float(loss)
        if self.specimen.loss is None or not self._parameters:
            raise Unfit("it has neither a step of its own nor a loss")
        found = self.gradients(inputs, targets, training=True)
        self._steps += 1
        parameters = self.parameters()
        for name, gradient in found.parameters.items():
            if gradient is not None:
                parameters[name] = self._adam(name, parameters[name], gradient)
        self.load(parameters)
        return found.loss

    def _adam(self, name: str, values: Array, gradient: Array) -> Array:
        """Kingma and Ba 2015, algorithm 1."""
        first, second = self._moments.get(name, (np.zeros_like(gradient), np.zeros_like(gradient)))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        self._moments[name] = first, second
        corrected = first / (1 - 0.9**self._steps), second / (1 - 0.999**self._steps)
        moved: Array = values - 1e-2 * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
        return moved

    def kept_gradients(self) -> dict[str, Array]:
        return {}

    def decay(self) -> float | None:
        """Keras' optimizers say None where there is none."""
        if not isinstance(self.specimen.optimizer, keras.optimizers.Optimizer):
            return None
        return float(self.specimen.optimizer.weight_decay or 0.0)

    def kept(self) -> Callable[[], list[Array]]:
        if self.specimen.snapshot is None:
            raise Unfit("nothing says how its best weights are kept: snapshot")
        tensors = list(_tensors(self.specimen.snapshot(self.model)))
        if not tensors:
            raise Unfit("its snapshot holds no tensors")
        return lambda: [_numpy(each) for each in tensors]

    def _array(self, given: Any) -> Array:
        values = np.array(given)
        floating = tf.as_dtype(values.dtype).is_floating
        return values.astype(np.float64 if self.precision == "float64" else np.float32) if floating else values

    def _native(self, values: Array) -> tf.Tensor:
        tensor = tf.constant(values)
        return tf.cast(tensor, DTYPES[self.precision]) if tensor.dtype.is_floating else tensor

    def _arguments(self, inputs: Sequence[Array]) -> list[tf.Tensor]:
        return [self._native(each) for each in inputs]

    def _run(self, arguments: list[tf.Tensor], training: bool) -> Any:
        if len(arguments) > 1 and len(getattr(self.model, "inputs", None) or ()) == len(arguments):
            return self.model(arguments, training=training)  # made of layers' results, it takes its inputs as one list
        if self.is_keras or _takes_training(self.model):
            return self.model(*arguments, training=training)
        return self.model(*arguments)

    def _loss(self, outputs: Any, targets: Sequence[Array]) -> tf.Tensor:
        if self.specimen.loss is not None:
            loss = self.specimen.loss(outputs, *(self._native(each) for each in targets))
        else:
            rng = np.random.default_rng(1)
            if not (floating := _floating(list(_tensors(outputs)))):
                raise Unfit("its outputs hold no floating numbers, and it has no loss")
            weights = [tf.cast(rng.standard_normal(tuple(each.shape)), each.dtype) for each in floating]
            loss = tf.add_n([tf.reduce_sum(each * weight) for each, weight in zip(floating, weights, strict=True)])
        if not self.is_keras or self.is_compiled:  # what it was compiled with adds them itself
            return loss
        return tf.add_n([loss, *(tf.cast(each, loss.dtype) for each in self.model.losses)])


class Recorder:
    """Notes every operation that is run eagerly. Tensors are kept, so that their identity tells them apart; a variable is
    known by its handle."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.phase: Phase = "forward"
        self._readers: dict[int, str] = {}
        self._layers: list[str] = []
        self._alive: list[Any] = []
        self._same: dict[int, int] = {}
        self._where: dict[tuple[str, int], str] = {}
        self._busy = False

    @contextmanager
    def of(self, model: Any) -> Iterator[None]:
        """While it is called, operations are noted, with the names of layers; functions of graphs are run eagerly."""
        eagerly = tf.config.functions_run_eagerly()
        with self._naming(model):
            tf.config.run_functions_eagerly(True)
            op_callbacks.add_op_callback(self._note)
            try:
                yield
            finally:
                op_callbacks.remove_op_callback(self._note)
                tf.config.run_functions_eagerly(eagerly)

    @contextmanager
    def _naming(self, model: Any) -> Iterator[None]:
        """Calls of Keras' layers and of the model's modules push their names while they last."""
        names = {id(module): name for name, module in _modules(model)}
        classes: set[Any] = {keras.layers.Layer} | {_that_calls(type(module)) for _, module in _modules(model)}
        before = {each: vars(each)["__call__"] for each in classes}

        def named(original: Any) -> Callable[..., Any]:
            def call(layer: Any, *arguments: Any, **settings: Any) -> Any:
                self._layers.append(names[id(layer)] if id(layer) in names else _path(layer, model))
                try:
                    return original.__get__(layer, type(layer))(*arguments, **settings)
                finally:
                    self._layers.pop()

            return call

        for each, original in before.items():
            each.__call__ = named(original)
        try:
            yield
        finally:
            for each, original in before.items():
                each.__call__ = original

    def _note(
        self, kind: Any, inputs: Any, attributes: Any, outputs: Any, name: str | None = None, graph: Any = None
    ) -> None:
        if graph is not None or self._busy:
            return
        self._busy = True
        try:
            self._add(kind.decode() if isinstance(kind, bytes) else kind, list(inputs), attributes, list(outputs))
        finally:
            self._busy = False

    def _add(self, kind: str, inputs: list[Any], attributes: Any, outputs: list[Any]) -> None:
        self._alive += [*inputs, *outputs]
        where = self._backward_place() if self.phase == "backward" else self._place()
        for tensor in inputs:
            if tensor.dtype == tf.resource:
                self._readers.setdefault(id(tensor), where)
        if kind in SAME_VALUES and inputs:
            self._same |= {id(tensor): self._token(inputs[0]) for tensor in outputs}
        if self.phase != "backward":
            self._where |= {(kind, id(tensor)): where for tensor in (*inputs, *outputs)}
        if kind == "ReadVariableOp":
            return
        taken = [(tensor, values) for tensor in inputs if (values := _held(tensor, attributes)) is not None]
        given = [(tensor, values) for tensor in outputs if (values := _held(tensor, attributes)) is not None]
        self.operations.append(
            Operation(
                NAMES.get(kind, kind),
                where,
                self.phase,
                tuple(values for _, values in taken),
                tuple(values for _, values in given),
                tuple(self._token(tensor) for tensor, _ in taken),
                tuple(self._token(tensor) for tensor, _ in given),
            )
        )

    def reader(self, variable: tf.Variable) -> str:
        """Where it was used first."""
        return self._readers.get(id(variable.handle), "the model")

    def _token(self, tensor: Any) -> int:
        return self._same.get(id(tensor), id(tensor))

    def _place(self) -> str:
        """The layer and the line of a person's own code; that is none where a model is made of Keras' layers alone."""
        line = next((_line(frame) for frame in _frames() if _is_a_persons(frame)), "")
        layer = self._layers[-1] if self._layers else ""
        whole = "the loss" if self.phase == "loss" else "the model"
        return f"{layer} ({line})" if layer and line else layer or line or whole

    def _backward_place(self) -> str:
        """The line of a person's own gradient, else the place of the operation that is being differentiated."""
        for frame in _frames():
            if _is_a_persons(frame):
                return f"{_line(frame)}, backward"
            if frame.f_code.co_name == "_gradient_function":  # of tensorflow.python.eager.backprop
                kind = frame.f_locals["op_name"]
                kept = [*(frame.f_locals["outputs"] or ()), *(frame.f_locals["inputs"] or ())]
                place = next(filter(None, (self._where.get((kind, id(tensor))) for tensor in kept)), "the model")
                return f"{place}, backward of {NAMES.get(kind, kind)}"
        return "the loss, backward"


def _shapes(variables: Mapping[str, tf.Variable]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in variables.items()}


def _unique(named: list[tuple[str, tf.Variable]]) -> dict[str, tf.Variable]:
    """Each variable once, under a name that no other has."""
    found: dict[str, tf.Variable] = {}
    for name, variable in named:
        if all(variable is not each for each in found.values()):
            names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(1)))
            found[next(each for each in names if each not in found)] = variable
    return found


def _parts(module: tf.Module, kind: type) -> list[tuple[str, Any]]:
    """Its own parts of this kind with their paths, in the order in which they were set."""
    parts = module._flatten(  # what tf.Module.variables is made of; the public properties give no paths, and sort
        predicate=lambda each: isinstance(each, kind), attribute_traversal_key=lambda _: 0, with_path=True
    )
    return [(".".join(map(str, path)), each) for path, each in parts]


def _modules(model: Any) -> list[tuple[str, tf.Module]]:
    if not isinstance(model, tf.Module):
        return []
    return [each for each in [("", model), *_parts(model, tf.Module)] if callable(each[1])]


def _that_calls(kind: type) -> type:
    """The class whose `__call__` objects of this kind have."""
    return next(each for each in kind.__mro__ if "__call__" in vars(each))


def _path(part: Any, model: Any) -> str:
    """A Keras layer's or variable's path within the model."""
    return "" if part is model else _within(str(part.path or part.name), model)


def _within(path: str, model: Any) -> str:
    return path.removeprefix(f"{getattr(model, 'path', None) or getattr(model, 'name', '')}/")


def _name(variable: tf.Variable) -> str:
    return str(variable.name).partition(":")[0]


def _takes_training(model: Any) -> bool:
    called = model if inspect.isroutine(model) else getattr(model, "python_function", None) or type(model).__call__
    try:
        return "training" in inspect.signature(called).parameters
    except (TypeError, ValueError):  # some of what is built in tells no signature
        return False


def _as_compiled(specimen: Specimen) -> Specimen:
    """With the loss and the optimizer that a Keras model was compiled with."""
    model = specimen.model

    def loss(outputs: Any, *targets: tf.Tensor) -> tf.Tensor:
        return model.compute_loss(y=_one(list(targets)), y_pred=outputs)

    return dataclasses.replace(specimen, loss=loss, optimizer=specimen.optimizer or model.optimizer)


@contextmanager
def _refusing(training: bool) -> Iterator[None]:
    """What a person's own code raises makes the model unfit for what was asked of it."""
    try:
        yield
    except Unfit:
        raise
    except Exception as error:  # it may raise anything
        raise Unfit(f"in {'training' if training else 'evaluation'} it raises {_described(error)}") from error


def _described(error: Exception) -> str:
    """Its name, and the line that says what happened: TensorFlow and Keras write others around it."""
    text = re.sub(r"\{\{.*?\}\}|\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if lines[0] == "in user code:":
        return lines[-1]
    is_from_keras = lines[0].startswith("Exception encountered when calling") and len(lines) > 1
    return f"{type(error).__name__}: {lines[1 if is_from_keras else 0]}"


@contextmanager
def _watching(tensors: list[tf.Tensor]) -> Iterator[tf.GradientTape]:
    with tf.GradientTape() as tape:
        tape.watch(_floating(tensors))
        yield tape


def _floating(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    return [each for each in tensors if each.dtype.is_floating]


def _tensors(held: Any) -> Iterator[Any]:
    """All tensors, variables and arrays in whatever holds them, in order."""
    if isinstance(held, keras.Variable):
        yield held.value
    elif isinstance(held, (tf.Tensor, tf.Variable, np.ndarray)):
        yield held
    elif isinstance(held, (keras.layers.Layer, tf.Module)):
        yield from _tensors(list(held.variables))
    elif isinstance(held, Mapping):
        for each in held.values():
            yield from _tensors(each)
    elif isinstance(held, (tuple, list)):
        for each in held:
            yield from _tensors(each)
    elif dataclasses.is_dataclass(held) and not isinstance(held, type):
        yield from _tensors(vars(held))


def _numpy(tensor: Any) -> Array:
    """A copy; bfloat16 as float32."""
    if isinstance(tensor, np.ndarray):
        return tensor.copy()
    return tf.cast(tensor, tf.float32).numpy() if tensor.dtype == tf.bfloat16 else np.array(tensor.numpy())


def _gradient(found: Any) -> Array | None:
    return None if found is None else _numpy(tf.convert_to_tensor(found))  # that of a gather comes as slices


def _held(tensor: Any, attributes: Any) -> Array | None:
    """A tensor's values, or those of the variable that a handle stands for; None where it holds no numbers."""
    if tensor.dtype == tf.resource:
        settings = dict(zip(attributes[::2], attributes[1::2], strict=True))
        if "dtype" not in settings:
            return None
        tensor = tf.raw_ops.ReadVariableOp(resource=tensor, dtype=tf.as_dtype(settings["dtype"]))
    elif tensor.dtype in (tf.variant, tf.string):
        return None
    return _numpy(tensor)


def _frames() -> Iterator[Any]:
    """From what called TensorFlow outwards, until the subject's own call of the model."""
    frame: Any = sys._getframe(1)
    while frame and (
        frame.f_code.co_filename != __file__ or frame.f_code.co_name not in ("_run", "_loss", "operations")
    ):
        yield frame
        frame = frame.f_back


def _is_a_persons(frame: Any) -> bool:
    file = frame.f_code.co_filename
    return file != __file__ and not file.startswith((*LIBRARIES, "<"))


def _line(frame: Any) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _one(tensors: list[Any]) -> Any:
    """What a person's own function expects: the only one itself, several as a tuple."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


SUBJECT = TensorflowSubject
