"""Do PyTorch's implementations stay on the device of their arguments? A tensor made without a device lies on the CPU, and
meets those on a GPU in an error that no test without a GPU would see. PyTorch's `meta` device has no numbers, but the same
rule. TensorFlow and JAX put what is made on the only GPU that a worker sees."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

import pytest

from impls.interface import Backend, Implementation, load
from suite.model_program import ModelProgram
from suite.program import Program, Unsupported
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw

TASKS = ("forward", "gradient", "train_step", "generate")
WITHOUT_META = ("ctc",)
"""What PyTorch has no `meta` kernel for."""


@cache
def loaded() -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    pytest.importorskip("torch")
    return load("impls.pytorch")


def run(name: str, variant: str, task: str) -> None:
    backend, implementations = loaded()
    workload = WORKLOADS[name]
    problem = workload.problem("tiny")
    made = ModelProgram if workload.network else Program
    choices: dict[str, Any] = dict(task=task, mode="eager", variant=variant, precision="float32", device="meta")
    program = made(backend, implementations, workload, problem, values=draw(workload, problem, seed=0), **choices)
    outputs = program.function(*program.arguments)
    assert {output.device.type for output in outputs} == {"meta"}


@pytest.mark.parametrize(
    ("name", "task"),
    [
        (name, task)
        for name, workload in WORKLOADS.items()
        for task in TASKS
        if task in workload.tasks and name not in WITHOUT_META
    ],
)
def test_no_implementation_leaves_the_device_of_its_arguments(name: str, task: str) -> None:
    for variant in [variant for workload, variant in loaded()[1] if workload == name]:
        with contextlib.suppress(Unsupported):  # a variant that the task has not
            run(name, variant, task)
