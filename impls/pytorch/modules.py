"""Models in PyTorch: an `nn.Module` that loads the definition's parameters as its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from impls.interface import Function, Models, Native, as_tuple
from impls.pytorch.generation import generation
from impls.pytorch.modes import as_mode
from suite.workloads.models.definition import HALVES


@dataclass
class Held:
    """The module, with its parameters and states in the definition's order."""

    module: torch.nn.Module
    parameters: list[torch.nn.Parameter]
    states: list[torch.Tensor]


class PytorchModels(Models):
    def make(
        self, build: Function, parameters: Mapping[str, Native], states: Mapping[str, Native], inputs: Sequence[Native]
    ) -> Held:
        with torch.device("meta"):  # no initial values, which would be drawn for nothing
            module = build()
        device = next(iter(parameters.values())).device
        counters = {
            name: torch.zeros((), dtype=torch.long, device=device)
            for name, _ in module.named_buffers()
            if name.endswith("num_batches_tracked")
        }
        try:
            module.load_state_dict({**parameters, **states, **counters}, strict=True, assign=True)
        except RuntimeError as error:
            raise ValueError(" ".join(str(error).split())) from None
        own, buffers = dict(module.named_parameters()), dict(module.named_buffers())
        return Held(module, [own[name] for name in parameters], [buffers[name] for name in states])

    def load(self, model: Held, parameters: Mapping[str, Native], states: Mapping[str, Native] | None = None) -> None:
        with torch.no_grad():
            for own, value in zip(model.parameters, parameters.values(), strict=True):
                own.copy_(value)
            for own, value in zip(model.states, states.values() if states else model.states, strict=True):
                own.copy_(value)

    def infer(self, model: Held, mode: str) -> Function:
        function = as_mode(model.module.eval(), mode)

        def outputs(*data: torch.Tensor) -> tuple[torch.Tensor, ...]:
            with torch.inference_mode():
                return as_tuple(function(*data))

        return outputs

    def gradient(self, model: Held, criterion: Function, inputs: int, mode: str) -> Function:
        objective = _objective(model, criterion, inputs, mode)

        def value_and_gradient(*data: torch.Tensor) -> tuple[torch.Tensor, ...]:
            for parameter in model.parameters:
                parameter.grad = None
            loss = objective(*data)
            loss.backward()
            return (loss, *(parameter.grad for parameter in model.parameters), *model.states)

        return value_and_gradient

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
        objective = _objective(model, criterion, inputs, mode)
        if str(model.parameters[0].dtype).removeprefix("torch.") in HALVES:
            return _mixed(model, objective, optimizer, settings, loss_scale)
        own = _optimizer(model.parameters, optimizer, **settings)

        def step(*data: torch.Tensor) -> tuple[torch.Tensor, ...]:
            own.zero_grad()
            loss = objective(*data)
            loss.backward()
            own.step()
            return (loss, *model.parameters, *model.states)

        return step

    def generation(
        self, model: Held, mode: str, task: str, ids: torch.Tensor, new_tokens: int, cached: bool
    ) -> Function:
        return generation(model.module, mode, task, ids, new_tokens, cached)

    def layers(
        self, model: Held, criterion: Function, inputs: int, data: Sequence[Native]
    ) -> tuple[dict[str, Native], dict[str, Native]]:
        found: dict[str, torch.Tensor] = {}

        def note(name: str) -> Function:
            def keep(module: torch.nn.Module, arguments: Native, output: Native) -> None:
                if isinstance(output, torch.Tensor) and output.requires_grad:
                    output.retain_grad()
                    found[name] = output

            return keep

        hooks = [module.register_forward_hook(note(name)) for name, module in model.module.named_modules() if name]
        try:
            _objective(model, criterion, inputs, "eager")(*data).backward()
        finally:
            for hook in hooks:
                hook.remove()
        return found, {name: output.grad for name, output in found.items() if output.grad is not None}


def _objective(model: Held, criterion: Function, inputs: int, mode: str) -> Function:
    module = model.module.train()
    return as_mode(lambda *data: criterion(*as_tuple(module(*data[:inputs])), *data[inputs:]), mode)


def _mixed(
    model: Held, objective: Function, optimizer: str, settings: Mapping[str, float], loss_scale: float
) -> Function:
    """The step on parameters in float32, of which the model has rounded copies."""
    masters = [parameter.detach().float() for parameter in model.parameters]
    own = _optimizer(masters, optimizer, **settings)

    def step(*data: torch.Tensor) -> tuple[torch.Tensor, ...]:
        for parameter in model.parameters:
            parameter.grad = None
        loss = objective(*data)
        loss.backward(torch.full_like(loss, loss_scale))
        for master, parameter in zip(masters, model.parameters, strict=True):
            master.grad = parameter.grad.float().div_(loss_scale)
        own.step()
        with torch.no_grad():
            torch._foreach_copy_(model.parameters, masters)
        return (loss, *model.parameters, *model.states)

    return step


def _optimizer(parameters: Sequence[torch.Tensor], name: str, **settings: float) -> torch.optim.Optimizer:
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    if name == "momentum":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings["momentum"], weight_decay=decay)
    betas = settings["beta1"], settings["beta2"]
    return torch.optim.AdamW(parameters, lr=rate, betas=betas, eps=settings["eps"], weight_decay=decay)
