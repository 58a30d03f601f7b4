"""What frameworks tell of themselves, each asked in a worker of its own, under the conditions of a run.

Flags say what was asked for; so what can be computed is computed: how many threads work, how products are rounded. Which
kernels the libraries below a framework chose only they know, and they print it where a variable asks them to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suite.gpu import Gpu
from suite.progress import Progress
from suite.targets import Target
from suite.workers import CellFailed, Workers, scratch_folder

TIMEOUT_S = 120.0
TALKATIVE = {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1", "OPENBLAS_VERBOSE": "2"}
"""They make a library print, in the worker's log, which instructions it chose its kernels for."""
CHOSEN = {
    "onednn": re.compile(r"^onednn_verbose,(?:v1,)?info,oneDNN v(\S+)", re.MULTILINE),
    "onednn_instructions": re.compile(r"^onednn_verbose,(?:v1,)?info,cpu,isa:(.+)$", re.MULTILINE),
    "mkl": re.compile(r"^MKL_VERBOSE (?:Intel\(R\) )?oneMKL (.+?) Product", re.MULTILINE),
    "mkl_instructions": re.compile(r"^MKL_VERBOSE .* architecture (.+?), Lnx", re.MULTILINE),
    "openblas_kernels": re.compile(r"^Core: (\S+)", re.MULTILINE),
}
"""Where that stands."""


@dataclass(frozen=True)
class Report:
    """What one framework told, on one device."""

    python: str
    versions: dict[str, str]
    settings: dict[str, Any]
    """As it reads them back."""
    build: dict[str, str]
    """How it was built, as far as it tells: see `Backend.build`."""
    chosen: dict[str, str]
    """What the libraries below it printed of themselves, by the names in CHOSEN."""
    threads_at_work: int | None
    """Threads that computed in a product of large matrices; see `suite.threads`. None where the system does not tell."""
    rounding: dict[str, Any] | None
    """Whether float32 is rounded to less, and a sentence; None where it cannot compute on this device."""
    device_bytes: int
    """What it took of a GPU's memory at its start."""


def ask(targets: Sequence[Target], threads: int, gpu: Gpu | None, progress: Progress) -> dict[str, Report | str]:
    """By target, its report on the CPU or on `gpu`, or the reason why there is none."""
    found: dict[str, Report | str] = {}
    with scratch_folder() as scratch:
        workers = Workers(scratch, list(targets), threads, scratch.folder / "logs", False, gpu, TALKATIVE)
        try:
            for target in targets:
                progress.step(f"{target.name} on {'cuda' if gpu else 'cpu'}")
                try:
                    found[target.name] = _report(workers, target, "cuda" if gpu else "cpu")
                except CellFailed as failure:
                    found[target.name] = failure.reason
        finally:
            workers.stop()
    return found


def _report(workers: Workers, target: Target, device: str) -> Report:
    worker = workers.get(target.name)
    device_bytes = worker.device_bytes
    build = workers.ask(target.name, "describe_build", TIMEOUT_S)
    at_work = workers.ask(target.name, "count_threads", TIMEOUT_S, count=workers.threads)
    rounding = _rounding(workers, target, device)
    log = worker.log.read_text(errors="replace")
    chosen = {name: said[1].strip() for name, pattern in CHOSEN.items() if (said := pattern.search(log))}
    if target.framework != "numpy":
        chosen.pop("openblas_kernels", None)  # NumPy's, which every worker needs
    return Report(
        python=worker.hello["python"],
        versions=worker.hello["versions"],
        settings=worker.hello["settings"],
        build=build,
        chosen=chosen,
        threads_at_work=at_work["threads"],
        rounding=rounding,
        device_bytes=device_bytes,
    )


def _rounding(workers: Workers, target: Target, device: str) -> dict[str, Any] | None:
    try:
        return workers.ask(target.name, "prove_precision", TIMEOUT_S, precision="float32", device=device)
    except CellFailed as failure:
        if failure.status == "unsupported":
            return None
        raise
