"""A run of 20,000 cells and a million samples, written line by line: what `make selfbench` reads and reports on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from suite.records import SCHEMA_VERSION, Check, Launch, Line, RunRecord, Sample
from suite.workloads import WORKLOADS

CASES, LAUNCHES, ROUNDS = 2500, 5, 10
COLUMNS = (
    ("numpy", "eager"),
    ("pytorch", "eager"),
    ("pytorch", "compile"),
    ("tensorflow", "eager"),
    ("tensorflow", "graph"),
    ("tensorflow", "xla"),
    ("jax", "eager"),
    ("jax", "jit"),
)


def write(folder: Path, cases: int = CASES) -> None:
    """A folder with `run.json` and `cells.jsonl`, of so many cases in all columns."""
    folder.mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        id="large",
        created="2026-01-02T03:04:05+00:00",
        triptych="0.1.0",
        command="triptych run '*'",
        selection={"profile": {"margin": 0.05}},
        environment={},
        targets=[],
        ended="launches",
    )
    (folder / "run.json").write_bytes(encode(record))
    rng, names = np.random.default_rng(0), list(WORKLOADS)
    levels = rng.lognormal(13, 1, (cases, 1)) * rng.lognormal(0, 0.3, (cases, len(COLUMNS)))
    checks = [Check("value", 1e-7, 1e-6, True), Check("gradient", 1e-7, 1e-6, True)]
    with open(folder / "cells.jsonl", "wb") as file:
        for launch in range(LAUNCHES):
            for case in range(cases):
                for column, (framework, mode) in enumerate(COLUMNS):
                    times = levels[case, column] * rng.lognormal(0, 0.02, ROUNDS)
                    line = Line(
                        workload=names[case % len(names)],
                        problem=f"p{case // len(names)}",
                        parameters={"batch": 8, "size": case},
                        task="gradient",
                        precision="float32",
                        device="cpu",
                        threads=2,
                        target=framework,
                        framework=framework,
                        mode=mode,
                        variant="default",
                        status="ok",
                        reference="numpy",
                        checks=checks if launch == 0 else [],
                        flops=1e9,
                        bytes=1e6,
                        launch=Launch(
                            launch=launch,
                            import_s=1.0,
                            compiler_start_s=1.0,
                            build_s=0.1,
                            first_call_s=0.1,
                            warmup_s=0.2,
                            warmup_calls=10,
                            steady=True,
                            calls_per_sample=4,
                            samples=[Sample(round, float(ns)) for round, ns in enumerate(times)],
                            latency_ns=[float(times[0])],
                            peak_memory_bytes=1 << 20,
                        ),
                    )
                    file.write(encode(line) + b"\n")
