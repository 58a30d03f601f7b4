"""The definitions' operation counts against the frameworks' own counters, where both count the same: products of matrices.

PyTorch counts nothing but these, as the definition does. XLA counts a convolution's products only where the kernel lies on
the image, and each operation on entries as one; the body of a loop once; and erf as the dozens that it is made of. Without
loops and erf it must therefore find the products, and a few operations for each value of the network beside.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from impls.interface import Backend, Implementation, load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS, Problem
from suite.workloads.draw import draw
from suite.workloads.models.network import VIEWS, Network, Step

RECURRENT = ("gru", "lstm", "rnn_tanh")
PRODUCTS = ("conv1d", "conv2d", "conv_transpose2d", "linear", "matmul", "multi_head_attention", *RECURRENT)
"""Operations whose cost is that of their products alone."""
MODELS = [name for name, workload in WORKLOADS.items() if workload.network]
OTHERWISE = {
    "seq2seq_attention": "additive attention costs a tanh for each pair of positions, which is no product",
}
"""Where PyTorch and the definition count different things."""
A_VALUE = 5
"""Operations on entries that XLA may count for each value of a network: a normalisation has about as many."""


def network(model: str, training: bool = False) -> Network:
    found = WORKLOADS[model].network
    assert found is not None
    return found(WORKLOADS[model].problem("tiny"), training)


FORWARD = [m for m in MODELS if not {step.operation for step in network(m).steps} & {"gelu", *RECURRENT}]
"""Without loops and erf."""


def is_grouped(step: Step) -> bool:
    return step.settings.get("groups", 1) > 1


GRADIENT = [
    model
    for model in MODELS
    if not {step.operation for step in network(model).steps} & {"multi_head_attention", *RECURRENT}
    and not any(map(is_grouped, network(model).steps))
]
"""Without attention, whose fused backward pass no counter sees, and groups, which PyTorch's formula for the backward pass of
a convolution does not know (torch.utils.flop_counter.conv_backward_flop, 2.13)."""


@cache
def loaded(framework: str) -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    return load(f"impls.{framework}")


def program(framework: str, model: str, precision: str, task: str = "forward") -> ModelProgram:
    backend, implementations = loaded(framework)
    workload = WORKLOADS[model]
    problem = workload.problem("tiny")
    choices: dict[str, Any] = dict(task=task, mode="eager", variant="default", precision=precision, device="cpu")
    return ModelProgram(backend, implementations, workload, problem, values=draw(workload, problem, seed=0), **choices)


def counted_by_pytorch(model: str) -> int:
    """In float64, in which recurrent layers are made of products that the counter sees."""
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    ready = program("pytorch", model, "float64")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        ready.model.module.eval()(*ready.arguments)
    total: int = counter.get_total_flops()
    return total


def defined(model: str) -> float:
    """Products of the definition, without those inside F.scaled_dot_product_attention, which PyTorch's counter does not see
    on CPUs."""
    steps = [step for step in network(model).steps if step.operation in PRODUCTS]
    return sum(step.flops - _inside_attention(step.operation, step.settings) for step in steps)


def _inside_attention(operation: str, p: Any) -> float:
    return 4 * p["batch"] * p["seq"] ** 2 * p["features"] if operation == "multi_head_attention" else 0


@pytest.mark.xdist_group("pytorch")
@pytest.mark.parametrize("model", [name for name in MODELS if name not in OTHERWISE])
def test_the_products_of_a_model_are_as_many_as_pytorch_counts(model: str) -> None:
    assert counted_by_pytorch(model) == defined(model)


@pytest.mark.xdist_group("pytorch")
@pytest.mark.parametrize("model", GRADIENT)
def test_the_products_of_its_gradient_are_as_many_too(model: str) -> None:
    """Nobody computes the derivative by the data, which the first layer would have."""
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    ready = program("pytorch", model, "float64", "gradient")
    with FlopCounterMode(display=False) as counter:
        ready.function(*ready.arguments)
    steps = [step for step in network(model, training=True).steps if step.operation in PRODUCTS]
    assert counter.get_total_flops() == sum(step.gradient_flops for step in steps)
    assert torch.is_grad_enabled()


@pytest.mark.xdist_group("pytorch")
@pytest.mark.parametrize("model", OTHERWISE)
def test_where_the_counts_differ_they_really_do(model: str) -> None:
    assert counted_by_pytorch(model) != defined(model)


def counted_by_xla(model: str) -> float:
    """Of the program as it is before XLA changes it."""
    jax = pytest.importorskip("jax")
    ready = program("jax", model, "float32")
    return float(jax.jit(ready.function).lower(*ready.arguments).cost_analysis()["flops"])


def on_the_image(step: Step) -> float:
    """A step's products, those of a convolution without the kernel's positions in the padding."""
    p: Any = Problem(step.settings)
    out = step.outputs[0].shape[-1]
    if step.operation == "conv2d":
        taps = sum(0 <= o * p.stride - p.padding + k * p.dilation < p.size for o in range(out) for k in range(p.kernel))
        return 2.0 * p.batch * p.out_channels * p.in_channels // p.groups * taps**2
    if step.operation == "conv_transpose2d":
        taps = sum(0 <= i * p.stride + k - p.padding < out for i in range(p.size) for k in range(p.kernel))
        return 2.0 * p.batch * p.out_channels * p.in_channels * taps**2
    return step.flops


@pytest.mark.xdist_group("jax")
@pytest.mark.parametrize("model", FORWARD)
def test_the_products_of_a_model_are_what_xla_counts_but_for_a_few_operations_a_value(model: str) -> None:
    steps = network(model).steps
    products = sum(on_the_image(step) for step in steps if step.operation in PRODUCTS)
    values = sum(value.size for step in steps if step.operation not in VIEWS for value in step.outputs)
    assert products <= counted_by_xla(model) <= products + A_VALUE * values


@pytest.mark.xdist_group("jax")
def test_xla_counts_a_loop_once_and_erf_as_many() -> None:
    assert counted_by_xla("lstm_classifier") < defined("lstm_classifier")
    values = sum(value.size for step in network("vit").steps for value in step.outputs)
    assert counted_by_xla("vit") > network("vit").flops + A_VALUE * values
