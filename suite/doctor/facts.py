"""What the findings are drawn from: what this machine tells, and what the frameworks tell."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite import calibration, gpu
from suite.calibration import Calibration
from suite.doctor.asking import Report, ask
from suite.environment import allowed_cpus, collect
from suite.progress import Progress
from suite.targets import Target, installed_version, lacks_cuda, missing

BUSY_SHARE = 0.2
"""Share of one core above which a process is worth naming."""
LOOK_S = 0.3
"""How long the other processes are watched."""


@dataclass(frozen=True)
class Facts:
    """Plain data, so that any machine can be planted."""

    environment: dict[str, Any]
    """As `environment.collect` gives it."""
    threads: int
    """Asked for: one for each CPU that may be used, which is what a run asks for."""
    frameworks: dict[str, str | None]
    """Name of the target: why it is missing, or None."""
    versions: dict[str, str | None]
    """Name of the target: installed version."""
    reports: dict[str, Report | str]
    """Name of each target that is installed: what it told on the CPU, or why it told nothing."""
    gpu_reports: dict[str, Report | str]
    """The same on the first GPU; only where there is one."""
    compiler: str | None
    """The C++ compiler that torch.compile would call."""
    without_cuda: dict[str, str | None]
    """Name of the target: why its build cannot use a GPU, or None; only where there is one."""
    cudnn: str | None
    """The packages of cuDNN in this Python."""
    busy: list[tuple[str, float]]
    """Other processes with more than BUSY_SHARE of a core: name and share."""
    taken: float
    """How many of the allowed CPUs others used, seen or not."""
    stolen: float
    """Share of the allowed CPUs' time that the host of a virtual machine gave to others."""
    calibration: Calibration | None
    """The noise floor that the results folder holds."""
    folder: str
    """The results folder."""
    folder_error: str | None
    """Why nothing can be written there, or None."""


def gather(targets: Sequence[Target], folder: Path, progress: Progress) -> Facts:
    """Look at this machine for LOOK_S seconds, then start a worker of each framework, which takes some 5 seconds each."""
    environment, reasons = collect(), {target.name: missing(target) for target in targets}
    threads, present = len(allowed_cpus()), [target for target in targets if not reasons[target.name]]
    without_cuda = {t.name: lacks_cuda(t) for t in present if t.framework != "numpy"} if environment.get("gpus") else {}
    able = [target for target in present if without_cuda.get(target.name, "") is None]
    progress.start(len(present) + len(able) + 1)
    try:
        progress.step("this machine")
        busy, taken, stolen = _others()
        reports = ask(present, threads, None, progress)
        return Facts(
            environment=environment,
            threads=threads,
            frameworks=reasons,
            versions={target.name: installed_version(target.framework) for target in targets},
            reports=reports,
            gpu_reports=ask(able, threads, gpu.of_device("cuda"), progress) if able else {},
            compiler=shutil.which(_compiler(os.environ)),
            without_cuda=without_cuda,
            cudnn=_cudnn(),
            busy=busy,
            taken=taken,
            stolen=stolen,
            calibration=calibration.stored(folder),
            folder=str(folder),
            folder_error=_write_error(folder),
        )
    finally:
        progress.finish()


def _cudnn() -> str | None:
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return ", ".join(f"{n} {v}" for n, v in sorted(found.items()) if n.startswith("nvidia-cudnn")) or None


def _compiler(environ: Mapping[str, str]) -> str:
    """The command that torch.compile calls: `$CXX`, else the system's own compiler."""
    words = shlex.split(environ.get("CXX", ""))
    return words[0] if words else "clang++" if platform.system() == "Darwin" else "g++"


def _others() -> tuple[list[tuple[str, float]], float, float]:
    """Who else uses the processor: the busiest first of those processes that can be seen, this one and its ancestors aside;
    how many of the allowed CPUs all others take; and the share of these CPUs' time that a host gave away."""
    import psutil

    me = psutil.Process()
    own = {me.pid, *(parent.pid for parent in me.parents())}
    before = {process.pid: _cpu_s(process) for process in psutil.process_iter() if process.pid not in own}
    began, used, (worked, stolen) = time.perf_counter(), time.process_time(), _worked_s()
    time.sleep(LOOK_S)
    shares = []
    for process in psutil.process_iter(["name"]):
        was, now = before.get(process.pid), _cpu_s(process)
        if was is not None and now is not None:
            share = (now - was) / (time.perf_counter() - began)
            if share > BUSY_SHARE:
                shares.append((str(process.info["name"]), share))
    worked_since, stolen_since = _worked_s()
    elapsed, used = time.perf_counter() - began, time.process_time() - used
    taken = max(0.0, (worked_since - worked - used) / elapsed)
    return sorted(shares, key=lambda pair: -pair[1]), taken, (stolen_since - stolen) / elapsed / len(allowed_cpus())


def _worked_s() -> tuple[float, float]:
    """Seconds for which the CPUs that may be used have worked for anybody, and been given away, since the system started."""
    import psutil

    every = psutil.cpu_times(percpu=True)
    times = [every[cpu] for cpu in allowed_cpus() if cpu < len(every)]
    worked = sum(sum(getattr(one, name, 0.0) for name in ("user", "system", "irq", "softirq")) for one in times)
    return worked, sum(getattr(one, "steal", 0.0) for one in times)


def _cpu_s(process: Any) -> float | None:
    """Processor time in seconds, None where the process has ended or may not be looked at."""
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _write_error(folder: Path) -> str | None:
    """Why no file can be made in `folder`, or in the nearest folder above it that exists."""
    existing = next((place for place in (folder.absolute(), *folder.absolute().parents) if place.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return error.strerror or str(error)
