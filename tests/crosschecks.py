"""Triptych's samples against those of timers that people trust, in turns in one process: `make selfbench ARGS=crosschecks`.

Each timer makes as many calls of the same function as a sample of Triptych's, with its own clock and its own loop:
`torch.utils.benchmark.Timer.timeit`; `timeit.Timer.timeit`, and where a call returns before it is done, a loop and a wait
written by hand; pyperf's worker, one value a turn. The waits are other than Triptych's: each JAX output's own
`block_until_ready`, each TensorFlow output's `numpy`.

A result is kept until the next one is there, as by whoever uses it, and by Triptych. Where it is dropped at once, NumPy's
memory goes back to the system and comes back by page faults, call after call: that is another figure, not another clock.
Triptych's sample is taken from within pyperf's worker too, where it is compared with pyperf's: an eager operation of
TensorFlow takes longer, the deeper in the Python stack it is called.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pyperf

from suite.timing import Timed, time_block
from suite.workers import environment

ROOT = Path(__file__).resolve().parent.parent
MODES = {"numpy": ["eager"], "pytorch": ["eager"], "tensorflow": ["eager", "graph"], "jax": ["jit"]}
WORKLOADS = ("linear", "conv2d", "attention")
STATEMENT = "outputs = function(*arguments)"
TURNS = 120
"""A turn is a sample of each of two timers; which comes first alternates."""
SAMPLE_S = 0.01
WARM_UP_S = 3.0

Sample = Callable[[], float]
"""Takes a sample: seconds."""
Wait = Callable[[Any], Any]
"""How an output is waited for, by hand."""
WAITS: dict[str, Wait] = {
    "tensorflow": lambda output: output.numpy(),
    "jax": lambda output: output.block_until_ready(),
}


def disagreements() -> Iterator[tuple[str, float]]:
    """`TIMER_FRAMEWORK_MODE_WORKLOAD` and by how many percent the medians differ; one process a framework, one thread."""
    for framework in MODES:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-m", "tests.crosschecks", framework, f"{folder}/found.json"],
                cwd=ROOT,
                env=environment(1, Path(folder)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            if done.returncode:
                raise RuntimeError(f"{framework} was not cross-checked: {done.stderr.strip()[-200:]}")
            yield from json.loads(Path(folder, "found.json").read_text("utf-8")).items()


def crosscheck(framework: str) -> Iterator[tuple[str, float]]:
    """Likewise, of one framework in this process."""
    from suite.worker import Worker  # after the affinity is set: it imports the framework's libraries
    from suite.workloads import WORKLOADS as DEFINITIONS

    worker = Worker(f"impls.{framework}", threads=1)
    for workload in WORKLOADS:
        worker.open_case(workload, dict(DEFINITIONS[workload].problem("small")), 0, False, "float32", "cpu")
        for mode in MODES[framework]:
            worker.build(mode, "forward", mode, "default", None)
            calls = worker.warm_up(mode, WARM_UP_S, SAMPLE_S)["calls_per_sample"]
            work = worker.programs[mode].timed()
            pairs = timers(framework, _sample_of(worker, mode), work, calls)
            for timer, (ours, theirs) in pairs.items():
                yield f"{timer}_{framework}_{mode}_{workload}", disagreement(ours, theirs, TURNS)


def _sample_of(worker: Any, key: str) -> Sample:
    return lambda: float(worker.sample(key)["ns"] * 1e-9)


def disagreement(ours: Sample, theirs: Sample, turns: int) -> float:
    """By how many percent the medians differ of samples that are taken in turns."""
    taken: dict[Sample, list[float]] = {ours: [], theirs: []}
    for turn in range(turns):
        for sample in (ours, theirs) if turn % 2 else (theirs, ours):
            taken[sample].append(sample())
    return 100 * abs(statistics.median(taken[theirs]) / statistics.median(taken[ours]) - 1)


def timers(framework: str, ours: Sample, work: Timed, calls: int) -> dict[str, tuple[Sample, Sample]]:
    """By timer: Triptych's sample, and the timer's of the same work, in seconds a call, each after a block for nothing."""
    wait = WAITS.get(framework)
    found = {"timeit": (ours, _timeit(work, calls, wait))}
    if framework == "pytorch":
        found["torch_benchmark"] = (ours, _torch_benchmark(work, calls))
    found["pyperf"] = (_in_pyperf(lambda loops: ours() * loops, calls), _pyperf(work, calls, wait or _no_wait))

    def after_a_block(sample: Sample) -> Sample:
        def taken() -> float:
            time_block(work, calls)
            return sample()

        return taken

    return {timer: (ours, after_a_block(theirs)) for timer, (ours, theirs) in found.items()}


def _timeit(work: Timed, calls: int, wait: Wait | None) -> Sample:
    if wait is None:
        timer = timeit.Timer(STATEMENT, globals=_names(work))
        return lambda: timer.timeit(calls) / calls
    by_hand = timeit.Timer(_loop(work, calls, wait))
    return lambda: by_hand.timeit(1) / calls


def _torch_benchmark(work: Timed, calls: int) -> Sample:
    from torch.utils.benchmark import Timer

    timer = Timer(STATEMENT, globals=_names(work), num_threads=1)
    return lambda: float(timer.timeit(calls).median)


def _pyperf(work: Timed, calls: int, wait: Wait) -> Sample:
    """`Runner.bench_time_func`, since `bench_func` drops the results."""

    def timed_loop(loops: int) -> float:
        loop = _loop(work, loops, wait)
        start = time.perf_counter()
        loop()
        return time.perf_counter() - start

    return _in_pyperf(timed_loop, calls)


def _in_pyperf(time_loops: Callable[[int], float], calls: int) -> Sample:
    runner, names = _worker_of_pyperf()

    def sample() -> float:
        runner.args.loops = calls
        return float(runner.bench_time_func(str(next(names)), time_loops).mean())  # a benchmark's name has to be new

    return sample


@cache
def _worker_of_pyperf() -> tuple[Any, Iterator[int]]:
    """There can be one `Runner` in a process."""
    runner = pyperf.Runner()
    runner.parse_args(["--worker", "--quiet", "--loops=1", "--warmups=0", "--values=1"])
    return runner, count()


def _names(work: Timed) -> dict[str, Any]:
    return {"function": work.function, "arguments": work.arguments}


def _loop(work: Timed, calls: int, wait: Wait) -> Callable[[], None]:
    function, arguments = work.function, work.arguments

    def loop() -> None:
        for _ in range(calls):
            outputs = function(*arguments)
        for output in outputs:
            wait(output)

    return loop


def _no_wait(output: Any) -> None:
    """A call returns when it is done."""


def main(framework: str, file: str) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    Path(file).write_text(json.dumps(dict(crosscheck(framework))), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
