"""The register of models: workloads whose tensors, outputs and cost follow from their layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from suite.errors import UsageError
from suite.workloads.definition import GENERATION, Cost, Output, Problem, Tensor, workload
from suite.workloads.definition import Value as Setting
from suite.workloads.models.network import Network

MODEL_TASKS = ("forward", "gradient", "train_step")
OPTIMIZERS: dict[str, dict[str, float]] = {
    "momentum": dict(momentum=0.9, weight_decay=1e-4),
    "adamw": dict(beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01),
}
"""The settings of each beside its learning rate: those of He et al. 2016 (section 3.4), and the usual ones (Loshchilov and
Hutter 2019). Weight decay is for all parameters alike."""
OPTIMIZER_STATES = {"momentum": 1, "adamw": 2}
"""Tensors that each keeps for every parameter."""
HALVES = ("bfloat16", "float16")
"""Precisions in which the optimizer keeps the parameters in float32 and takes its step there, since a step is often less
than what a half can tell from nothing; the model computes with rounded copies (Micikevicius et al. 2018, Mixed precision
training, section 3.1)."""
LOSS_SCALE = {"float16": 1024.0}
"""What the gradient begins with in place of 1, and is divided by before the step: float16 has nothing below 6e-8, where many
gradients lie (section 3.2)."""
CHECKPOINTED = ("gradient", "train_step")
"""Tasks that keep results for a backward pass, so that there is something to compute again instead."""
TRAINING: dict[str, Setting] = dict(optimizer="momentum", learning_rate=0.01)
"""What a training step needs beside the model: every problem of a model has it, or its own."""


def training_only(problem: Problem, task: str, mode: str, precision: str) -> str | None:
    """Why the variant `checkpointed` does nothing else."""
    return None if task in CHECKPOINTED else "checkpointing is for a backward pass; the rest keeps nothing for one"


def model(*, family: str) -> Callable[[type], type]:
    """File the decorated definition as a workload, its tensors and cost taken from its layers.

    The class gives `problems` and `layers(net, p)`, which adds the model to a `Network`: its inputs, layers, outputs and
    targets. It may give what a workload may: `loss`, `smooth`, `choices`, `check`, and the `condition` of its gradient.
    Parameters alone are differentiated.
    One with `generation_flops(p, task)` is a decoder, and has the tasks in `GENERATION`.
    """

    def register(definition: Any) -> type:
        @lru_cache(maxsize=64)
        def traced(text: str, training: bool, items: tuple[tuple[str, Any], ...]) -> Network:
            net = Network(training)
            definition.layers(net, Problem(items))
            return net

        def network(p: Problem, training: bool) -> Network:
            return traced(p.text(), training, tuple(p.items()))

        def tensors(p: Problem) -> dict[str, Tensor]:
            return network(p, True).tensors

        def outputs(p: Problem) -> dict[str, Tensor]:
            return {name: Output(value.axes, value.shape) for name, value in network(p, False).outputs.items()}

        def check(p: Problem) -> str | None:
            return allowed(p) or _refusal(network, p)

        def cost(p: Problem) -> Cost:
            # Rounding errors of the layers add up like independent ones: their squares do (`correctness.norm_tolerance`).
            inference, training = network(p, False), network(p, True)
            reduction = sum(step.reduction for step in training.steps)
            return Cost(inference.flops, reduction, training.gradient_flops, getattr(definition, "condition", 1.0))

        allowed = getattr(definition, "check", lambda p: None)
        definition.check = staticmethod(check)
        definition.network = staticmethod(network)
        definition.tensors = staticmethod(tensors)
        definition.outputs = staticmethod(outputs)
        definition.cost = staticmethod(cost)
        definition.tasks = (*MODEL_TASKS, *(GENERATION if hasattr(definition, "generation_flops") else ()))
        definition.transforms = ()
        definition.choices = {**getattr(definition, "choices", {}), "optimizer": tuple(OPTIMIZERS)}
        definition.problems = {name: _with_training(sizes) for name, sizes in definition.problems.items()}
        return workload(family=family)(definition)

    return register


def _refusal(network: Callable[[Problem, bool], Network], p: Problem) -> str | None:
    """What a layer says of its own problem; None where all make sense."""
    try:
        network(p, True)
    except UsageError as error:
        return str(error)
    return None


def _with_training(sizes: Mapping[str, Setting]) -> dict[str, Setting]:
    own = {name: sizes.get(name, value) for name, value in TRAINING.items()}
    return {name: value for name, value in sizes.items() if name not in own} | own
