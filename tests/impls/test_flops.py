"""The definitions' operation counts against PyTorch's own counter, where both count the same: products of matrices."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from impls.interface import Backend, Implementation, load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS, Problem
from suite.workloads.draw import draw

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

pytestmark = pytest.mark.xdist_group("pytorch")

PRODUCTS = (
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "gru",
    "linear",
    "lstm",
    "matmul",
    "multi_head_attention",
    "rnn_tanh",
)
"""Operations whose cost is that of their products alone."""
MODELS = [name for name, workload in WORKLOADS.items() if workload.network]
OTHERWISE = {
    "seq2seq_attention": "additive attention costs a tanh for each pair of positions, which is no product",
}
"""Where the two count different things."""


@cache
def pytorch() -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    return load("impls.pytorch")


def counted(model: str, problem: Problem) -> int:
    """By the counter, in inference; in float64, in which recurrent layers are made of products that it sees."""
    backend, implementations = pytorch()
    workload = WORKLOADS[model]
    choices: dict[str, Any] = dict(task="forward", mode="eager", variant="default", precision="float64", device="cpu")
    program = ModelProgram(
        backend, implementations, workload, problem, values=draw(workload, problem, seed=0), **choices
    )
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        program.model.module.eval()(*program.arguments)
    total: int = counter.get_total_flops()
    return total


def defined(model: str, problem: Problem) -> float:
    """Products of the definition, without those inside F.scaled_dot_product_attention, which the counter does not see
    on CPUs."""
    network = WORKLOADS[model].network
    assert network is not None
    total = 0.0
    for step in network(problem, False).steps:
        if step.operation in PRODUCTS:
            total += step.flops
        if step.operation == "multi_head_attention":
            total -= 4 * step.settings["batch"] * step.settings["seq"] ** 2 * step.settings["features"]
    return total


@pytest.mark.parametrize("model", [name for name in MODELS if name not in OTHERWISE])
def test_the_products_of_a_model_are_as_many_as_the_framework_counts(model: str) -> None:
    problem = WORKLOADS[model].problem("tiny")
    assert counted(model, problem) == defined(model, problem)


@pytest.mark.parametrize("model", OTHERWISE)
def test_where_the_counts_differ_they_really_do(model: str) -> None:
    problem = WORKLOADS[model].problem("tiny")
    assert counted(model, problem) != defined(model, problem)
