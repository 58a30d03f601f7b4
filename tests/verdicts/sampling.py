"""One process of one side of a pair, sampled by another tool: `python -m tests.verdicts.sampling '<configuration as JSON>'`.

What a tool times is a block of calls ended by one wait, as long as a sample of Triptych's, after Triptych's warm-up. Waiting
after every call hides part of a planted slowdown where calls return before they are done: JAX's caller is still being woken
while the call that was made twice computes. And a single call is slowed down either wholly or not at all, which no median
would see.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.verdicts.slowed import FRAMEWORKS, PROBLEM, SAMPLE_S, WARM_UP_S, package

BENCHMARKED = Path(__file__).with_name("benchmarked.py")
VALUE_S = 0.1
"""pyperf's `--min-time`: the shortest value."""

Block = Callable[[], None]


def main(configuration: str) -> None:
    """Write the samples of each workload, in seconds a call, to the configuration's file."""
    asked: dict[str, Any] = json.loads(configuration)
    os.sched_setaffinity(0, asked["cpus"])
    made = blocks(asked["framework"], asked["workloads"], asked["share"], len(asked["cpus"]))
    sample = SAMPLERS[asked["tool"]]
    found = sample({workload: block for workload, (block, _) in made.items()}, asked["seconds"])
    per_call = {workload: [s / made[workload][1] for s in samples] for workload, samples in found.items()}
    Path(asked["file"]).write_text(json.dumps(per_call), "utf-8")


def blocks(framework: str, workloads: Sequence[str], share: float, threads: int) -> dict[str, tuple[Block, int]]:
    """By workload: a block, warmed up, and how many calls it makes."""
    from suite.worker import Worker  # after the affinity is set: it imports the framework's libraries
    from suite.workloads import WORKLOADS

    worker = Worker(package(framework, share), threads)
    made = {}
    for workload in workloads:
        worker.open_case(workload, dict(WORKLOADS[workload].problem(PROBLEM)), 0, False, "float32", "cpu")
        worker.build(workload, "forward", FRAMEWORKS[framework], "default", None)
        calls: int = worker.warm_up(workload, WARM_UP_S, SAMPLE_S)["calls_per_sample"]
        made[workload] = (_block(worker.programs[workload].timed(), calls), calls)
    return made


def _block(work: Any, calls: int) -> Block:
    function, arguments, synchronize = work.function, work.arguments, work.synchronize

    def block() -> None:
        for _ in range(calls):
            outputs = function(*arguments)
        synchronize(outputs)

    return block


def by_pytest_benchmark(blocks: dict[str, Block], seconds: float) -> dict[str, list[float]]:
    """A pytest run with its fixture, told to take `--benchmark-max-time` for each block."""
    import pytest

    class Blocks:
        def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
            metafunc.parametrize("block", blocks.values(), ids=blocks)

    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "benchmarks.json"
        options = [f"--benchmark-max-time={seconds}", f"--benchmark-json={found}", "--benchmark-only"]
        plugins = ["-pno:cacheprovider", "-pno:xdist", "-Wignore::pytest.PytestAssertRewriteWarning"]
        if pytest.main([str(BENCHMARKED), "-q", *options, *plugins], plugins=[Blocks()]) != pytest.ExitCode.OK:
            raise RuntimeError("pytest-benchmark's run failed")
        benchmarks = json.loads(found.read_text("utf-8"))["benchmarks"]
    return {benchmark["param"]: benchmark["stats"]["data"] for benchmark in benchmarks}


def by_pyperf(blocks: dict[str, Block], seconds: float) -> dict[str, list[float]]:
    """pyperf's worker: loops doubled until a value is long enough, one warm-up, as many values as fit."""
    import pyperf

    runner = pyperf.Runner()
    options = runner.parse_args(["--worker", "--quiet", "--loops=1", "--warmups=0", "--values=1"])
    found = {}
    for workload, block in blocks.items():
        options.loops, options.warmups, options.values = 1, 0, 1
        calibrations = 0
        while (value := runner.bench_func(f"{workload} {calibrations}", block).mean()) * options.loops < VALUE_S:
            options.loops *= 2
            calibrations += 1
        options.warmups, options.values = 1, max(1, round(seconds / (value * options.loops)))
        found[workload] = list(runner.bench_func(workload, block).get_values())
    return found


def by_asv(blocks: dict[str, Block], seconds: float) -> dict[str, list[float]]:
    """One round of asv's `TimeBenchmark`, told to go on for `seconds` instead of ending after 5 samples."""
    from asv_runner.benchmarks.time import TimeBenchmark

    settings = SimpleNamespace(repeat=(5, sys.maxsize, seconds), sample_time=SAMPLE_S)
    return {name: TimeBenchmark(f"time_{name}", block, [settings]).run()["samples"] for name, block in blocks.items()}


SAMPLERS = {"pytest-benchmark": by_pytest_benchmark, "pyperf": by_pyperf, "asv": by_asv}

if __name__ == "__main__":
    main(sys.argv[1])
