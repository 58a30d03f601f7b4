"""Small builders of synthetic runs: every number follows from the arguments and a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from suite.records import SCHEMA_VERSION, Cell, Check, Launch, Run, RunRecord, Sample, Status, TargetRecord

MS = 1e6
"""Nanoseconds in a millisecond."""

GOOD = [Check("value", 3e-7, 1.2e-6, True), Check("gradient", 4e-7, 2.4e-6, True)]
BAD = [Check("value", 3e-7, 1.2e-6, True), Check("gradient.oracle", 2.5e-2, 2.4e-6, False, "weight[3, 1]")]


def a_launch(number: int, samples_ms: Sequence[float], **fields: Any) -> Launch:
    """A launch with a sample in each of rounds 0, 1, …"""
    launch = Launch(
        launch=number,
        import_s=1.2,
        compiler_start_s=0.0,
        build_s=0.01,
        first_call_s=samples_ms[0] / 1e3 if samples_ms else 0.0,
        warmup_s=0.2,
        warmup_calls=20,
        steady=True,
        calls_per_sample=4,
        samples=[Sample(round, ms * MS) for round, ms in enumerate(samples_ms)],
        latency_ns=[ms * MS * 1.05 for ms in samples_ms],
        peak_memory_bytes=3 << 20,
    )
    return msgspec.structs.replace(launch, **fields)


def a_cell(
    target: str = "pytorch",
    mode: str = "eager",
    launches: Sequence[Sequence[float]] = ((1.0, 1.0, 1.0),),
    *,
    status: Status = "ok",
    reason: str = "",
    checks: list[Check] | None = None,
    launch_fields: dict[str, Any] | None = None,
    **fields: Any,
) -> Cell:
    """A cell from its samples in ms, one sequence a launch."""
    defaults: dict[str, Any] = {
        "workload": "linear",
        "problem": "small",
        "parameters": {"batch": 8, "bias": True},
        "task": "gradient",
        "precision": "float32",
        "device": "cpu",
        "threads": 2,
        "framework": target,
        "variant": "default",
        "reference": "numpy",
        "flops": 2e6,
        "bytes": 1e5,
    }
    return Cell(
        **(defaults | fields),
        target=target,
        mode=mode,
        status=status,
        reason=reason,
        checks=GOOD if checks is None else checks,
        launches=[a_launch(number, samples, **(launch_fields or {})) for number, samples in enumerate(launches)],
    )


def noisy(
    ms: float, launches: int = 5, rounds: int = 8, spread: float = 0.01, seed: int = 0, drift: float = 0.0
) -> list[list[float]]:
    """Samples around `ms`: each launch has its own level, each round its noise and, from first to last, a drift."""
    rng = np.random.default_rng(seed)
    levels = np.exp(spread * rng.standard_normal(launches))
    return [
        [
            float(ms * level * (1 + drift * round / rounds) * np.exp(spread * rng.standard_normal()))
            for round in range(rounds)
        ]
        for level in levels
    ]


def a_target(name: str = "pytorch", **fields: Any) -> TargetRecord:
    defaults: dict[str, Any] = {
        "framework": name,
        "python": "/opt/python3.11/bin/python",
        "available": True,
        "versions": {name: "1.2.3"},
        "settings": {"threads": 2, "tf32": False},
        "synchronization": "2n calls took 1.99 times as long as n",
    }
    return TargetRecord(name=name, **(defaults | fields))


def a_run(cells: Sequence[Cell] = (), *, margin: float = 0.05, **fields: Any) -> Run:
    targets = dict.fromkeys(cell.target for cell in cells)
    defaults: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "id": "2026-01-02-linear",
        "created": "2026-01-02T03:04:05Z",
        "triptych": "0.1.0",
        "command": "triptych run linear --profile quick --seed 7",
        "selection": {"profile": {"name": "quick", "margin": margin}, "seed": 7},
        "environment": {"cpu": {"model": "Example 9000", "cores": 2}, "flags": ["avx2", "fma"], "load": 0.25},
        "targets": [a_target(name) for name in targets],
        "ended": "goal",
    }
    return Run(record=RunRecord(**(defaults | fields)), cells=list(cells), folder="results/2026-01-02-linear")


COLUMNS = (
    ("numpy", "eager", 5.0),
    ("pytorch", "eager", 1.0),
    ("pytorch", "compile", 0.8),
    ("tensorflow", "eager", 2.4),
    ("tensorflow", "graph", 1.5),
    ("tensorflow", "xla", 0.9),
    ("jax", "eager", 3.1),
    ("jax", "jit", 0.7),
)
CASES = (
    ("linear", "bert_base.ffn", "forward", 1.3),
    ("linear", "bert_base.ffn", "gradient", 4.1),
    ("conv2d", "resnet50.conv2_2", "forward", 12.0),
    ("conv2d", "resnet50.conv2_2", "gradient", 37.0),
    ("attention", "gpt2.1024", "forward", 8.0),
    ("attention", "gpt2.1024", "gradient", 21.0),
    ("softmax_cross_entropy", "resnet50.imagenet", "gradient", 0.05),
    ("mlp", "medium", "train_step", 2.2),
)


def a_gallery(launches: int = 5) -> Run:
    """Eight cases of eight cells with everything that a report must show: winners, ties, failures, doubts."""
    rng = np.random.default_rng(7)
    cells = []
    for row, (workload, problem, task, ms) in enumerate(CASES):
        for column, (target, mode, factor) in enumerate(COLUMNS):
            own: dict[str, Any] = {"workload": workload, "problem": problem, "task": task, "flops": ms * 4e7}
            if workload == "conv2d" and task == "gradient" and target == "tensorflow" and mode != "xla":
                reason = "tf.nn.conv2d has no gradient with groups above 1 outside XLA"
                cells.append(a_cell(target, mode, (), status="unsupported", reason=reason, checks=[], **own))
                continue
            if workload == "attention" and task == "gradient" and target == "numpy":
                cells.append(
                    a_cell(target, mode, (), status="timeout", reason="no answer within 60 s", checks=[], **own)
                )
                continue
            if workload == "mlp" and (target, mode) == ("jax", "eager"):
                cells.append(
                    a_cell(target, mode, noisy(0.1, launches), status="incorrect", reason="gradient", checks=BAD, **own)
                )
                continue
            if workload == "softmax_cross_entropy" and mode in ("jit", "compile", "xla"):
                factor, spread = 0.7, 0.06
            elif workload == "attention" and task == "forward" and target == "jax":
                factor, spread = 0.5, 0.004
            elif workload == "linear" and task == "forward" and mode in ("jit", "compile"):
                factor, spread = 0.7, 0.004
            else:
                factor, spread = factor * float(rng.uniform(0.6, 1.7)), 0.01
            samples = noisy(ms * factor, launches, 10, spread, seed=10 * row + column)
            compiled = {"compiler_start_s": 0.4, "first_call_s": 0.9} if mode != "eager" else {}
            cells.append(a_cell(target, mode, samples, launch_fields=compiled, **own))
    return a_run(cells)
