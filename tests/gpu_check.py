"""What is claimed of a GPU, proven on this machine's: `make gpu-check`. Takes less than nine minutes, installs nothing.

Leaves one folder: `run/` (the records and the report of the `quick` profile, with the ceilings, the proofs of the clock and
the memory), `checks.jsonl` (a line for each cell of the catalogue), `machine.json`, and in `figures.txt` what it prints, one
line `name value unit target` each. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

import triptych
from reports.progress import make
from suite import checking, environment
from suite.cases import Case
from suite.checking import Checker, crew
from suite.errors import TriptychError
from suite.plan import Plan
from suite.progress import Progress, Silent
from suite.records import Line
from suite.targets import Target
from suite.workers import CellFailed, Workers, scratch_folder
from suite.workloads import WORKLOADS
from tests.figure import Figure
from tests.impls.modes import PROVING

BARE = Path(__file__).with_name("bare.py")
SECONDS = 500.0
"""Of which writing the report may take the last."""
CHECKING = 0.45
"""The share of the time that checks may take."""
OVERHEAD_US, SHORTFALL = 5.0, 5.0
STAGES = (("*[tiny]", True), ("*[small]", True), ("*[tiny]", False))
"""What is checked, one after the other as far as the time goes: a selector, and whether in that mode or in the others."""
TURNS = 3
TIMEOUT_S = 120.0


def prove(
    folder: Path,
    device: str,
    seconds: float,
    progress: Progress,
    selectors: Sequence[str] = (),
    **choices: Any,
) -> Iterator[Figure]:
    """Every figure, and the folder filled. With `selectors` only these are timed, and their workloads checked."""
    began = time.monotonic()
    choices |= {"device": device}
    plan = triptych.plan(*selectors, profile="quick", precisions=["bfloat16"], modes=["eager"], **choices)
    folder.mkdir(parents=True)
    (folder / "machine.json").write_text(json.dumps(environment.collect(triptych.__version__), indent=1) + "\n")
    yield from against_bare(plan, "cuda" if device.startswith("cuda") else device)

    deadline = began + CHECKING * seconds
    progress.note("checking the catalogue")
    lines = _checked(deadline, selectors, choices)
    (folder / "checks.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    ended = Counter(str(line.status) for line in lines)
    yield Figure("checked_cells", ended["ok"], "cells", None)
    yield Figure("wrong_cells", sum(ended[status] for status in triptych.FAILURES), "cells", 0)
    for status in sorted(ended.keys() - {"ok", *triptych.FAILURES}):
        yield Figure(f"{status}_cells", ended[status], "cells", None)

    left_s = max(30.0, began + seconds - time.monotonic())
    run = triptych.run(
        *selectors, profile="quick", budget_s=left_s, output=folder / "run", progress=progress, **choices
    )
    refused = [target for target in run.record.targets if target.available and (target.reason or target.refused)]
    yield Figure("refused_targets", len(refused), "targets", 0)
    for ceiling in run.record.ceilings:
        yield Figure(f"product_{ceiling.target}_{ceiling.precision}", ceiling.flops_per_s / 1e12, "Tflop/s", None)
        yield Figure(f"sum_{ceiling.target}_{ceiling.precision}", ceiling.bytes_per_s / 1e9, "GB/s", None)
    yield Figure("seconds", time.monotonic() - began, "s", 540)


def against_bare(plan: Plan, device: str) -> Iterator[Figure]:
    """What the harness takes from PyTorch: of its best product, and of a launch. In turns with the bare loop."""
    target = next((target for target in plan.targets if target.framework == "pytorch"), None)
    if target is None:
        return
    column = next(column for column in plan.columns if column.target == target.name)
    bare: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    with scratch_folder() as scratch:
        workers = crew(plan, scratch, scratch.folder / "logs")
        try:
            for _ in range(TURNS):
                ours.append(_ours(workers, plan, column.target, column.mode))
                workers.activate(None)
                bare.append(_bare(target.python, device, plan))
        except CellFailed as failure:
            raise TriptychError(f"PyTorch cannot be held against a bare loop: {failure.reason}") from None
        finally:
            workers.stop()
    best = {name: max(turn["flops_per_s"] for turn in turns) for name, turns in (("bare", bare), ("ours", ours))}
    yield Figure("bare_product_bfloat16", best["bare"] / 1e12, "Tflop/s", None)
    yield Figure("product_bfloat16", best["ours"] / 1e12, "Tflop/s", None)
    yield Figure("product_shortfall", 100 * (1 - best["ours"] / best["bare"]), "%", SHORTFALL)
    call = {name: min(turn["call_ns"] for turn in turns) for name, turns in (("bare", bare), ("ours", ours))}
    yield Figure("bare_launch", call["bare"] / 1e3, "us", None)
    yield Figure("harness_on_a_launch", (call["ours"] - call["bare"]) / 1e3, "us", OVERHEAD_US)


def _ours(workers: Workers, plan: Plan, target: str, mode: str) -> dict[str, float]:
    case = plan.cases[0]
    reached = workers.ask(target, "ceilings", TIMEOUT_S, precision="bfloat16", device=case.device)
    problem = WORKLOADS["linear"].problem("tiny")
    smallest = Case("linear", "tiny", problem, "forward", "float32", case.device, case.threads)
    Checker(smallest, workers, 0, plan.columns).open(smallest, target)
    workers.ask(target, "build", TIMEOUT_S, key="call", task="forward", mode=mode, variant="default", folder=None)
    workers.ask(target, "warm_up", TIMEOUT_S, key="call", limit_s=1.0, sample_s=0.02)
    samples = [workers.ask(target, "sample", TIMEOUT_S, key="call")["ns"] for _ in range(10)]
    return {"flops_per_s": reached["flops_per_s"], "call_ns": min(samples)}


def _bare(python: str, device: str, plan: Plan) -> dict[str, float]:
    gpu = plan.gpu()
    visible = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": gpu.entry} if gpu else {}
    done = subprocess.run(
        [python, str(BARE), device], env={**os.environ, **visible}, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        raise TriptychError(f"the bare loop failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _checked(deadline: float, selectors: Sequence[str], choices: dict[str, Any]) -> list[Line]:
    """Every target's cells, side by side with those of the others: nothing is timed."""
    plans = [(_plan(pattern, selectors, choices), proving) for pattern, proving in STAGES]

    def of(target: Target) -> list[Line]:
        lines: list[Line] = []
        for plan, proving in plans:
            own = [
                column
                for column in plan.columns
                if column.target == target.name and (column.mode == PROVING[column.framework]) == proving
            ]
            if own:
                left_s = max(0.0, deadline - time.monotonic())
                part = replace(plan, targets=[target], columns=own)
                lines += checking.check(part, Silent(), left_s, elements=False)
        return lines

    with ThreadPoolExecutor() as pool:
        return [line for lines in pool.map(of, plans[0][0].targets) for line in lines]


def _plan(pattern: str, selectors: Sequence[str], choices: dict[str, Any]) -> Plan:
    problem = pattern.partition("[")[2]
    return triptych.plan(*([f"{name.partition('[')[0]}[{problem}" for name in selectors] or [pattern]), **choices)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make gpu-check", description=__doc__.splitlines()[0])
    parser.add_argument("--target", action="append", default=[], help="NAME=PATH of another Python, as in triptych run")
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:1")
    parser.add_argument("--output", default="results/gpu-check", type=Path, help="a folder that is not there yet")
    asked = parser.parse_args(arguments)
    if asked.output.exists():
        print(f"error: {asked.output} is there already; remove it, or name another --output", file=sys.stderr)
        return 2
    missed = 0
    try:
        for figure in prove(asked.output, asked.device, SECONDS, make(Console(stderr=True)), interpreters=asked.target):
            print(figure.line, flush=True)
            with open(asked.output / "figures.txt", "a") as file:
                file.write(figure.line + "\n")
            missed += not figure.met
    except TriptychError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{asked.output} holds it all; the report is {asked.output / 'run' / 'report.html'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
