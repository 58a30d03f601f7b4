"""Triptych's benchmark of itself: `make selfbench`, or `python -m tests.selfbench NAME …` for some of it.

Prints one line `name value unit target` a figure, and exits with 1 where a target is missed. Nothing else should run on the
machine meanwhile.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite.cases import FRAMEWORK_MODES
from suite.statistics import Interval
from tests.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
THREADS = len(os.sched_getaffinity(0))
SAMPLE_S = 0.005
TURNS = 200
RIVAL_S = 9.0
"""What `verdicts` printed as mean_sampling: the other tools get the same time."""


def overhead() -> Iterator[Figure]:
    """What the timed region adds to a sample: its clock and loop, against a bare loop in the same process.

    Both run a function that does nothing, as often as the framework's own fills a sample: its noise would hide them.
    """
    for framework in FRAMEWORK_MODES:
        script = f"from tests.selfbench import harness_overhead; harness_overhead({framework!r})"
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "2"}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        for mode, percent in json.loads(done.stdout.splitlines()[-1]).items():
            yield Figure(f"overhead_{framework}_{mode}", percent, "%", 0.5)


def harness_overhead(framework: str) -> None:
    """Print, as JSON, the overhead in percent of a sample, for each mode of `framework`."""
    from suite.program import definition
    from suite.timing import Timed, no_garbage_collection, time_block, warm_up
    from suite.worker import Worker
    from suite.workloads.draw import draw, round_to

    worker = Worker(f"impls.{framework}", THREADS)
    workload, problem = definition("linear", {"batch": 32, "in_features": 128, "out_features": 128})
    values = {name: round_to(array, "float32") for name, array in draw(workload, problem, seed=0).items()}
    percents = {}
    for mode in worker.backend.modes:
        work = worker._program(workload, problem, "forward", mode, "default", "float32", "cpu", values).timed()
        nothing = Timed(lambda *tensors: None, work.arguments, lambda outputs: None)
        with no_garbage_collection():
            calls = max(1, int(SAMPLE_S * 1e9 / warm_up(work, 2.0).call_ns))
            harness, bare = [], []
            for _ in range(TURNS):
                harness.append(time_block(nothing, calls))
                bare.append(_bare_ns(nothing, calls))
            sample_ns = statistics.median(time_block(work, calls) for _ in range(20))
        percents[mode] = 100 * (statistics.median(harness) - statistics.median(bare)) / sample_ns
    print(json.dumps(percents))


def _bare_ns(work: Any, calls: int, loops: int = 10) -> float:
    """One bare loop of `calls` calls, from several in a row between two readings of the clock."""
    function, arguments = work.function, work.arguments
    start = time.perf_counter_ns()
    for _ in range(loops):
        for _ in range(calls):
            function(*arguments)
    return (time.perf_counter_ns() - start) / loops


def coordinator_cpu() -> Iterator[Figure]:
    """How much of a core the coordinator takes between asking a worker for a sample and having it."""
    from suite.workers import Workers
    from tests.fakes.running import QUICK, case, plan, run

    spent = {"cpu": 0.0, "wall": 0.0}
    ask = Workers.ask

    def watched(self: Workers, name: str, command: str, timeout_s: float, **arguments: Any) -> dict[str, Any]:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return ask(self, name, command, timeout_s, **arguments)
        finally:
            if command == "sample":
                spent["cpu"] += time.process_time() - cpu
                spent["wall"] += time.perf_counter() - wall

    Workers.ask = watched  # type: ignore[method-assign]
    profile = replace(QUICK, rounds=150, sample_s=0.01, precision_goal=1e-9)
    with tempfile.TemporaryDirectory() as folder:
        run(plan([case("linear", "small")], ["default"], profile=profile), Path(folder) / "run")
    Workers.ask = ask  # type: ignore[method-assign]
    yield Figure("coordinator_cpu", 100 * spent["cpu"] / spent["wall"], "%", 2.0)


def help_time() -> Iterator[Figure]:
    """`triptych --help`, as a person waits for it."""
    times = [_wall_s(["--help"]) for _ in range(11)]
    yield Figure("help", statistics.median(times), "s", 0.3)


def smoke() -> Iterator[Figure]:
    yield Figure("smoke", _profile_s("smoke"), "s", 60)


def quick() -> Iterator[Figure]:
    yield Figure("quick", _profile_s("quick"), "s", 360)


def reports() -> Iterator[Figure]:
    """Reading a run of 20,000 cells and a million samples, and writing its report; the same of a smoke run's size."""
    from tests.reports import large

    with tempfile.TemporaryDirectory() as folder:
        for name, cases, limit_s in (("large_report", large.CASES, 20.0), ("smoke_report", 4, 3.0)):
            run = Path(folder) / name
            large.write(run, cases)
            start = time.perf_counter()
            peak = subprocess.run(
                [sys.executable, "-c", _REPORT, str(run)], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
            yield Figure(name, time.perf_counter() - start, "s", limit_s)
            yield Figure(f"{name}_memory", int(peak) / 1e6, "GB", 1.0)
            yield Figure(f"{name}_size", (run / "report.html").stat().st_size / 1e6, "MB", None)


_REPORT = """
import resource, sys, triptych
triptych.load(sys.argv[1]).write_report()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""Prints the peak of its memory in KiB (on Linux)."""


def crosschecks() -> Iterator[Figure]:
    """By how much Triptych's samples differ from those of other timers of the same calls."""
    from tests.crosschecks import disagreements

    for name, percent in disagreements():
        yield Figure(f"crosscheck_{name}", percent, "%", 2.0)


def sweeps() -> Iterator[Figure]:
    """What sweeps find of planted causes: work that is quadratic in the batch; a loop that the compiler writes out."""
    from suite import series
    from suite.sweeping import make_sweep
    from tests.fakes.running import fake, run

    profile = {"launches": 5, "rounds": 8, "budget_s": 300.0}
    with tempfile.TemporaryDirectory() as folder:
        plan = make_sweep(["linear"], "batch=64..1024", thread_counts=[1], frameworks=["numpy"], **profile)
        growing = replace(fake("growing"), name="numpy")
        swept = run(replace(plan, targets=[growing]), Path(folder) / "growing")
        (one,) = series.series(swept, "batch")
        found = series.grown(one, "time")
        assert found is not None
        yield Figure("sweep_planted_square", found.exponent.estimate, "exponent", None)
        yield Figure("sweep_planted_square_outside", _outside(2.0, found.exponent), "of_interval", 0)
        plan = make_sweep(
            ["rnn_tanh"],
            "seq=4..64",
            of="first_call",
            thread_counts=[1],
            frameworks=["jax"],
            modes=["jit"],
            variants=["unrolled"],
            **profile,
        )
        for one in series.series(run(plan, Path(folder) / "compiling"), "seq"):
            found = series.grown(one, "first_call")
            assert found is not None
            yield Figure(
                f"sweep_first_call_growth_{one.column.partition('(')[2][:-1] or 'scan'}", found.times, "times", None
            )


def _outside(truth: float, interval: Interval) -> float:
    """By how much of its half width an interval misses the truth; 0 where it holds it."""
    reach = (interval.high - interval.low) / 2
    return max(0.0, abs(truth - interval.estimate) / reach - 1)


def yardsticks() -> Iterator[Figure]:
    """Triptych's models against other people's of the same framework: the ratio of times, measured in turns."""
    from tests.yardsticks.ratios import ratios

    for name, ratio in ratios():
        yield Figure(f"yardstick_{name}", ratio, "times", 1.05)


def mutants() -> Iterator[Figure]:
    """Faults planted into implementations and oracles: how many are not caught, and how many healthy ones are accused."""
    from tests.mutants.catching import catch

    found = list(catch())
    planted = [caught_by for _, caught_by, is_mutant in found if is_mutant]
    healthy = [accused_by for _, accused_by, is_mutant in found if not is_mutant]
    yield Figure("mutants_planted", len(planted), "mutants", None)
    yield Figure("mutants_caught", sum(map(bool, planted)), "mutants", None)
    yield Figure("mutants_missed", sum(not caught_by for caught_by in planted), "mutants", 0)
    yield Figure("false_alarms", sum(map(bool, healthy)), f"of_{len(healthy)}_healthy", 0)


def probes() -> Iterator[Figure]:
    """Faulty models and their mended twins before the probes: how many are not caught, and how many twins are accused."""
    from tests.corpus import examining
    from tests.corpus.case import cases

    corpus = cases()
    with examining.workers() as running:
        caught = [
            one
            for one in corpus
            if examining.catches(one, examining.examine(running, one.framework, one.reference, [one.probe]))
        ]
        twins = [examining.examine(running, one.framework, f"{one.reference}.mended") for one in corpus]
    yield Figure("faulty_models_caught", len(caught), f"of_{len(corpus)}", None)
    yield Figure("faulty_models_missed", len(corpus) - len(caught), "models", 0)
    accused = [twin for twin in twins if any(outcome.status in ("fault", "failed") for outcome in twin.outcomes)]
    yield Figure("mended_models_accused", len(accused), f"of_{len(twins)}", 0)


def verdicts() -> Iterator[Figure]:
    """What verdicts are worth: on equals and on planted slowdowns. Takes three quarters of an hour."""
    return _verdicts("")


def verdicts_busy() -> Iterator[Figure]:
    """The same while another process keeps one core busy half of the time. Takes an hour."""
    from tests.verdicts.proving import busy_core

    with busy_core():
        yield from _verdicts("_busy")


def _verdicts(suffix: str) -> Iterator[Figure]:
    from tests.verdicts import proving

    with tempfile.TemporaryDirectory() as folder:
        runs = [proving.measure(threads, Path(folder) / str(threads)) for threads in sorted({1, THREADS})]
    yield from proving.score([one for run in runs for one in run], suffix)


def rivals() -> Iterator[Figure]:
    """What other tools' rules say of a quarter of these pairs, sampled as long as Triptych samples a cell on average."""
    return _rivals("")


def rivals_busy() -> Iterator[Figure]:
    """The same while another process keeps one core busy half of the time."""
    from tests.verdicts.proving import busy_core

    with busy_core():
        yield from _rivals("_busy")


def _rivals(suffix: str) -> Iterator[Figure]:
    from tests.verdicts.rivals import collect, summary
    from tests.verdicts.slowed import SHARES, quarter

    for rule, found in summary(collect(quarter(), SHARES, RIVAL_S)).items():
        name = f"rival{suffix}_" + re.sub(r"\W+", "_", rule)
        yield Figure(f"{name}_false", 100 * found.false_alarms / found.equals, "%", None)
        for share, missed in found.missed.items():
            yield Figure(f"{name}_missed_{round(100 * share)}", 100 * missed / found.planted[share], "%", None)
        yield Figure(f"{name}_wrong_direction", sum(found.wrong_way.values()), "pairs", None)


def tests() -> Iterator[Figure]:
    """`make test`, everything installed."""
    start = time.perf_counter()
    # ARGS is this command's own where make called it, and is inherited.
    subprocess.run(["make", "test", "ARGS="], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    yield Figure("make_test", time.perf_counter() - start, "s", 900)


FIGURES: dict[str, Callable[[], Iterator[Figure]]] = {
    "overhead": overhead,
    "coordinator_cpu": coordinator_cpu,
    "help": help_time,
    "smoke": smoke,
    "quick": quick,
    "reports": reports,
    "crosschecks": crosschecks,
    "sweeps": sweeps,
    "yardsticks": yardsticks,
    "mutants": mutants,
    "probes": probes,
    "verdicts": verdicts,
    "verdicts_busy": verdicts_busy,
    "rivals": rivals,
    "rivals_busy": rivals_busy,
    "tests": tests,
}


def _wall_s(arguments: list[str]) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "cli", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _profile_s(name: str) -> float:
    folder = Path(tempfile.mkdtemp())
    try:
        return _wall_s(["run", "--profile", name, "--output", str(folder / "run")])
    finally:
        shutil.rmtree(folder)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        print(f"there is no figure {', '.join(unknown)}; there is: {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    missed = 0
    for name in names or FIGURES:
        for figure in FIGURES[name]():
            print(figure.line, flush=True)
            missed += not figure.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
