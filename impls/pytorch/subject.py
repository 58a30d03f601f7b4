"""A person's PyTorch model as probes see it."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from impls.pytorch.backend import DTYPES
from impls.subject import NAMED, Array, Gradients, Operation, Phase, Specimen, Subject, Unfit

NAMES = {
    "_softmax": "softmax",
    "_safe_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "clamp_min": "relu",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "pow": "square",
    "mm": "product",
    "addmm": "product",
    "bmm": "product",
    "convolution": "product",
    "randn": "random",
    "rand": "random",
    "rand_like": "random",
    "randn_like": "random",
    "normal": "random",
    "uniform": "random",
    "bernoulli": "random",
    "native_dropout": "random",
}
"""What probes call the operations of ATen; the others keep their names. Those in place bear the same ones."""
SAME_VALUES = ("clone", "_to_copy", "to", "detach", "contiguous")
"""Operations that are no views, yet give their first argument's values."""
ONLY_LIFTS = ("lift_fresh", "lift_fresh_copy", "lift")
"""First of all with a constant that is made by `torch.tensor`."""
LIBRARY = str(Path(torch.__file__).parent)


class PytorchSubject(Subject):
    channels = 1

    def __init__(self, make: Callable[[], Specimen]) -> None:
        super().__init__(make)
        self.model = self.specimen.model
        self.is_module = isinstance(self.model, torch.nn.Module)
        self.optimizer: torch.optim.Optimizer | None = None
        self._parameters = dict(self.model.named_parameters()) if self.is_module else {}
        self._training = False
        self._takes_training = _takes_training(self.model)

    def in_precision(self, precision: str) -> Subject:
        try:
            with torch.no_grad():  # else a traced module's copies are results of the originals
                made = copy.deepcopy(self.model)
                made = made.to(DTYPES[precision]) if self.is_module else made
        except RuntimeError as error:  # of tensors that are the result of others
            raise Unfit(f"it cannot be copied: {error}") from None
        for name, each in made.named_parameters() if self.is_module else ():
            each.requires_grad_(self._parameters[name].requires_grad)
        specimen = dataclasses.replace(self.specimen, model=made)
        found = PytorchSubject(lambda: specimen)
        found.precision = precision
        try:
            found.gradients(found.inputs(), found.targets())
        except Unfit as reason:  # a tensor made inside in another precision, or an operation that there is none of
            raise Unfit(f"in {precision}, {reason}") from None
        return found

    def inputs(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.inputs]

    def targets(self) -> list[Array]:
        return [self._array(each) for each in self.specimen.targets]

    def parameters(self) -> dict[str, Array]:
        return {name: _numpy(each) for name, each in self._parameters.items() if each.requires_grad}

    def states(self) -> dict[str, Array]:
        return {name: _numpy(each) for name, each in self.model.named_buffers()} if self.is_module else {}

    def load(self, parameters: Mapping[str, Array], states: Mapping[str, Array] | None = None) -> None:
        buffers = dict(self.model.named_buffers()) if self.is_module else {}
        with torch.no_grad():
            for name, values in parameters.items():
                self._parameters[name].copy_(torch.from_numpy(np.array(values)))
            for name, values in (states or {}).items():
                buffers[name].copy_(torch.from_numpy(np.array(values)))

    def call(self, inputs: Sequence[Array], training: bool = False) -> tuple[Array, ...]:
        self._set(training)
        with torch.no_grad(), self._refusing(training):
            return tuple(_numpy(each) for each in _tensors(self._run([self._native(each) for each in inputs])))

    def gradients(self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False) -> Gradients:
        self._set(training)
        arguments = [self._native(each) for each in inputs]
        for each in arguments:
            each.requires_grad_(each.is_floating_point())
        with self._without_gradients(), self._refusing(training):
            loss = self._loss(arguments, targets)
            if loss.requires_grad:
                loss.backward()
            of_parameters = {
                name: None if each.grad is None else _numpy(each.grad)
                for name, each in self._parameters.items()
                if each.requires_grad
            }
        return Gradients(loss.item(), of_parameters, [None if a.grad is None else _numpy(a.grad) for a in arguments])

    def operations(
        self, inputs: Sequence[Array], targets: Sequence[Array], training: bool = False, backward: bool = False
    ) -> list[Operation]:
        self._set(training)
        recorder = Recorder()
        arguments = [self._native(each) for each in inputs]
        for each in arguments:
            each.requires_grad_(backward and each.is_floating_point())
        with self._without_gradients(), self._refusing(training), self._recording(recorder):
            loss = self._loss(arguments, targets, recorder)
            if backward and loss.requires_grad:
                recorder.phase = "backward"
                loss.backward()
        return recorder.operations

    def token(self, parameter: str) -> int | None:
        return _token(self._parameters[parameter])

    def strays(self) -> list[str]:
        if not self.is_module:
            raise Unfit("a function registers nothing")
        self._set(False)
        recorder = Recorder()
        with self._refusing(False), self._recording(recorder):
            self._run([self._native(each) for each in self.inputs()])
        known = {_token(each) for each in [*self._parameters.values(), *self.model.buffers()]}
        states = self.states()
        with suppress(Unfit):  # what training replaces is a state that is carried on, and no weight
            self.call(self.inputs(), training=True)
        self.load({}, states)
        held = dict(_held(self.model, "", set()))
        found = {}
        for token, (tensor, where) in recorder.leaves.items():
            if token in known or not tensor.is_floating_point() or tensor.numel() < 2:
                continue
            if token in held or tensor.requires_grad:  # else it was given, or is a constant that was made on the way
                name = held.get(token) or "a tensor"
                found[token] = f"{name} of shape {tuple(tensor.shape)}, used in {where}"
        return list(found.values())

    def momenta(self) -> dict[str, float]:
        self._set(True)  # what stays in evaluation is frozen on purpose, and moves nothing
        found = {}
        for name, module in self.model.named_modules() if self.is_module else ():
            if (
                isinstance(module, torch.nn.modules.batchnorm._NormBase)
                and module.momentum is not None
                and module.training
            ):
                for state in ("running_mean", "running_var"):
                    if getattr(module, state, None) is not None:
                        found[f"{name}.{state}".lstrip(".")] = 1 - module.momentum
        return found

    def step(self, inputs: Sequence[Array], targets: Sequence[Array]) -> float:
        self._set(True)
        arguments, wanted = list(map(self._native, inputs)), list(map(self._native, targets))
        if self.specimen.step:
            loss = self.specimen.step(self.model, _one(arguments), _one(wanted))
            return float("nan") if loss is None else float(torch.as_tensor(loss).detach())
        if self.specimen.loss is None or not self._parameters:
            raise Unfit("it has neither a step of its own nor a loss")
        if self.optimizer is None:
            self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-2)
        self.optimizer.zero_grad()
        loss = self._loss(arguments, targets)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def kept_gradients(self) -> dict[str, Array]:
        return {name: _numpy(each.grad) for name, each in self._parameters.items() if each.grad is not None}

    def graphs(self) -> dict[str, int]:
        own: dict[int, str] = {}
        for place, module in self.model.named_modules() if self.is_module else ():
            attributes = {k: v for k, v in vars(module).items() if k not in ("_modules", "_parameters", "_buffers")}
            for name, held in {**attributes, **module._buffers}.items():
                own |= {id(each): f"{place}.{name}".lstrip(".") for each in _tensors(held)}
        held_by: dict[str, list[torch.Tensor]] = {}
        for each in gc.get_objects():  # also those of closures and lists, of which the model knows nothing
            if issubclass(type(each), torch.Tensor) and each.grad_fn is not None:
                made = f"a tensor of shape {tuple(each.shape)} that {each.grad_fn.name()} made"
                held_by.setdefault(own.get(id(each), made), []).append(each)
        return {name: _nodes(held_by[name]) for name in sorted(held_by, key=lambda name: name not in own.values())}

    def decay(self) -> float | None:
        optimizer = self.specimen.optimizer
        if not isinstance(optimizer, torch.optim.Optimizer):
            return None
        return max(float(group.get("weight_decay", 0.0)) for group in optimizer.param_groups)

    def kept(self) -> Callable[[], list[Array]]:
        if self.specimen.snapshot is None:
            raise Unfit("nothing says how its best weights are kept: snapshot")
        tensors = list(_tensors(self.specimen.snapshot(self.model)))
        if not tensors:
            raise Unfit("its snapshot holds no tensors")
        return lambda: [_numpy(each) for each in tensors]

    def _array(self, given: Any) -> Array:
        values = _numpy(given) if isinstance(given, torch.Tensor) else np.array(given)
        floating = values.dtype.kind == "f"
        return values.astype(np.float64 if self.precision == "float64" else np.float32) if floating else values

    def _native(self, values: Array) -> torch.Tensor:
        tensor = torch.from_numpy(np.array(values))
        return tensor.to(DTYPES[self.precision]) if tensor.is_floating_point() else tensor

    def _set(self, training: bool) -> None:
        self._training = training
        if self.is_module:
            self.model.train(training)

    def _run(self, arguments: Sequence[torch.Tensor]) -> Any:
        """The outputs. The model is given copies, which it may overwrite, and is told `training` where it takes that."""
        copies = [each.clone() for each in arguments]
        return self.model(*copies, training=self._training) if self._takes_training else self.model(*copies)

    @contextmanager
    def _refusing(self, training: bool) -> Iterator[None]:
        """What the person's own code raises makes the model unfit for what was asked of it."""
        try:
            yield
        except Unfit:
            raise
        except Exception as error:  # it may raise anything
            when = "training" if training else "evaluation"
            raise Unfit(f"in {when} it raises {type(error).__name__}: {_first_line(error)}") from error

    @contextmanager
    def _recording(self, recorder: Recorder) -> Iterator[None]:
        """With recurrent layers and attention in their parts, which their own kernels would hide."""
        fast = torch.backends.mkldnn.enabled
        torch.backends.mkldnn.enabled = False
        try:
            with sdpa_kernel(SDPBackend.MATH), recorder.of_layers(self.model if self.is_module else None), recorder:
                yield
        finally:
            torch.backends.mkldnn.enabled = fast

    def _loss(
        self, arguments: Sequence[torch.Tensor], targets: Sequence[Array], recorder: Recorder | None = None
    ) -> torch.Tensor:
        wanted = [self._native(each) for each in targets]
        outputs = self._run(arguments)
        if recorder:
            recorder.phase = "loss"
        if self.specimen.loss is not None:
            return self.specimen.loss(outputs, *wanted)
        rng = np.random.default_rng(1)
        if not (floating := [each for each in _tensors(outputs) if each.is_floating_point()]):
            raise Unfit("its outputs hold no floating numbers, and it has no loss")
        weights = [self._native(rng.standard_normal(tuple(each.shape))) for each in floating]
        return torch.stack([(each * weight).sum() for each, weight in zip(floating, weights, strict=True)]).sum()

    @contextmanager
    def _without_gradients(self) -> Iterator[None]:
        """Begins without any, and puts back those that there were."""
        before = {name: each.grad for name, each in self._parameters.items()}
        for each in self._parameters.values():
            each.grad = None
        try:
            yield
        finally:
            for name, each in self._parameters.items():
                each.grad = before[name]


class Recorder(TorchDispatchMode):
    """Notes every operation of ATen. Tensors are kept, so that no memory is used twice and a storage's address tells them
    apart."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.phase: Phase = "forward"
        self.leaves: dict[int, tuple[torch.Tensor, str]] = {}
        self._layers: list[str] = []
        self._alive: list[torch.Tensor] = []
        self._made: dict[int, int] = {}
        self._known: set[int] = set()
        self._nodes: dict[int, str] = {}
        """Where each node of the graph for the backward pass was made, by its number."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), settings: Any = None) -> Any:
        inputs = list(_tensors((arguments, settings)))
        before = tuple(_numpy(each) for each in inputs)
        result = function(*arguments, **(settings or {}))
        outputs = list(_tensors(result))
        self._alive += [*inputs, *outputs]
        name = function.overloadpacket.__name__
        if "empty" in name:  # holds whatever lay there before
            for tensor in outputs:
                tensor.zero_()
        tokens = [self._token(each) for each in inputs]
        where = self._place()
        for token, tensor in zip(tokens, inputs, strict=True):
            if token not in self._known and name not in ONLY_LIFTS:
                self.leaves.setdefault(token, (tensor, where))
        for tensor in outputs:
            if name in SAME_VALUES and tokens:
                self._made[_token(tensor)] = tokens[0]
            self._known.add(self._token(tensor))
        self.operations.append(
            Operation(
                _named(name),
                where,
                self.phase,
                before,
                tuple(_numpy(each) for each in outputs),
                tuple(tokens),
                tuple(self._token(each) for each in outputs),
            )
        )
        return result

    def _token(self, tensor: torch.Tensor) -> int:
        own = _token(tensor)
        return self._made.get(own, own)

    def _place(self) -> str:
        """The layer and the line of code; in the backward pass those of the operation that is differentiated."""
        if node := torch._C._current_autograd_node():
            differentiated = node.name().removesuffix("0").removesuffix("Backward").lower()
            origin = self._nodes.get(node._sequence_nr())
            return f"{origin}, backward of {differentiated}" if origin else "the backward pass"
        if self.phase == "backward":
            return "the backward pass"
        frame = sys._getframe(2)
        while frame.f_back and frame.f_code.co_filename.startswith(LIBRARY):
            frame = frame.f_back
        inside = frame.f_code.co_filename == __file__  # called from here: no line of the person's was on the way
        line = "" if inside else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        layer = self._layers[-1] if self._layers else ""
        whole = "the loss" if self.phase == "loss" else "the model"
        where = f"{layer} ({line})" if layer and line else layer or line or whole
        self._nodes.setdefault(torch._C._autograd._get_sequence_nr() - 1, where)
        return where

    @contextmanager
    def of_layers(self, module: torch.nn.Module | None) -> Iterator[None]:
        """While it is called, operations bear the names of its layers."""
        hooks = []
        for name, layer in module.named_modules() if module is not None else ():
            if isinstance(layer, torch.jit.ScriptModule):  # takes no hooks
                continue
            hooks.append(layer.register_forward_pre_hook(lambda *_, name=name: self._layers.append(name)))
            hooks.append(layer.register_forward_hook(lambda *_: self._drop(), always_call=True))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _drop(self) -> None:
        self._layers.pop()


def _tensors(held: Any) -> Iterator[torch.Tensor]:
    """All tensors in whatever holds them, in order."""
    if isinstance(held, torch.Tensor):
        yield held
    elif isinstance(held, torch.nn.Module):
        yield from held.state_dict().values()
    elif isinstance(held, Mapping):
        for each in held.values():
            yield from _tensors(each)
    elif isinstance(held, (tuple, list)):
        for each in held:
            yield from _tensors(each)
    elif dataclasses.is_dataclass(held) and not isinstance(held, type):
        yield from _tensors(vars(held))


def _nodes(tensors: Sequence[torch.Tensor]) -> int:
    """How many there are in the graphs that made them."""
    waiting: list[Any] = [each.grad_fn for each in tensors]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return len(seen)


def _named(operation: str) -> str:
    known = NAMES.get(operation.removesuffix("_"), operation.removesuffix("_"))  # in place or not
    return known if known in NAMED else operation


def _held(holder: Any, path: str, seen: set[int]) -> Iterator[tuple[int, str]]:
    """Token and path of every tensor that a module holds, registered or not."""
    if isinstance(holder, torch.Tensor):
        yield _token(holder), path
        return
    if isinstance(holder, (torch.nn.Module, Mapping, list, tuple)) and id(holder) not in seen:
        seen.add(id(holder))
        if isinstance(holder, torch.nn.Module):
            for name, each in vars(holder).items():
                inner = path if name in ("_parameters", "_buffers", "_modules") else f"{path}.{name}".lstrip(".")
                yield from _held(each, inner, seen)
        else:
            for key, each in holder.items() if isinstance(holder, Mapping) else enumerate(holder):
                yield from _held(each, f"{path}.{key}".lstrip("."), seen)


def _takes_training(model: Any) -> bool:
    try:
        return "training" in inspect.signature(getattr(model, "forward", model)).parameters
    except (TypeError, ValueError):  # some of what is built in tells no signature
        return False


def _token(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage().data_ptr())


def _numpy(tensor: torch.Tensor) -> Array:
    """A copy; bfloat16 as float32."""
    tensor = tensor.detach()
    return np.array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _one(tensors: list[torch.Tensor]) -> Any:
    """What a person's own function expects: the only one itself, several as a tuple."""
    return tensors[0] if len(tensors) == 1 else tuple(tensors)


SUBJECT = PytorchSubject
