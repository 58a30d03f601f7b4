"""What this machine has, what is off, and how to mend it.

`gather` looks; the functions below it are pure: each takes the facts and says what it makes of one subject.
"""

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
from typing import Any, Literal

from suite import calibration
from suite.calibration import Calibration
from suite.environment import collect
from suite.idling import DEVICE, KEPT_AWAKE, MAY_SLEEP
from suite.targets import PACKAGES, Target, installed_version, lacks_cuda, missing

Level = Literal["ok", "warning", "failure"]

OLDEST_PYTHON = (3, 11)
BUSY_LOAD = 0.5
"""Load per allowed CPU above which others visibly disturb the measurement."""
BUSY_SHARE = 0.2
"""Share of one core above which a process is worth naming."""
LOOK_S = 0.3
"""How long the other processes are watched."""
LEAST_MEMORY_BYTES = 4 * 2**30
"""The four workers of a case, one framework each, together with the largest problem of the quick profile."""

SWITCHES = {
    "NVIDIA_TF32_OVERRIDE": "forces TF32 on or off in every CUDA library, whatever precision is asked for",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "makes PyTorch round float32 products to TF32",
    "TF_ENABLE_ONEDNN_OPTS": "switches TensorFlow's oneDNN kernels, which are its fast ones on this kind of CPU",
    "TF_DETERMINISTIC_OPS": "makes TensorFlow choose deterministic, often slower kernels",
    "TF_XLA_FLAGS": "can make TensorFlow compile what is measured as eager or graph",
    "JAX_DEFAULT_MATMUL_PRECISION": "changes the precision in which JAX multiplies matrices",
    "JAX_ENABLE_X64": "changes JAX's default types",
    "JAX_DISABLE_JIT": "makes JAX run op by op what is measured as jit",
    "XLA_FLAGS": "changes how JAX and TensorFlow compile",
    "TORCH_COMPILE_DISABLE": "makes torch.compile do nothing",
    "TORCHDYNAMO_DISABLE": "makes torch.compile do nothing",
    "ONEDNN_DEFAULT_FPMATH_MODE": "lets oneDNN compute float32 products in bfloat16 or TF32",
    "DNNL_DEFAULT_FPMATH_MODE": "lets oneDNN compute float32 products in bfloat16 or TF32",
    "ONEDNN_MAX_CPU_ISA": "keeps oneDNN from the CPU's widest instructions",
    "MKL_ENABLE_INSTRUCTIONS": "keeps MKL from the CPU's widest instructions",
    "OPENBLAS_CORETYPE": "makes OpenBLAS use the kernels of another CPU",
}
"""Environment variables that change what is measured, and how."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `why` and `remedy` are empty where nothing is off."""

    level: Level
    subject: str
    found: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Facts:
    """What the findings are drawn from."""

    environment: dict[str, Any]
    """As `environment.collect` gives it."""
    frameworks: dict[str, str | None]
    """Name of the target: why it is missing, or None."""
    versions: dict[str, str | None]
    """Name of the target: installed version."""
    compiler: str | None
    """The C++ compiler that torch.compile would call."""
    without_cuda: dict[str, str | None]
    """Name of the target: why its build cannot use a GPU, or None; only where there is one."""
    cudnn: str | None
    """The packages of cuDNN in this Python."""
    busy: list[tuple[str, float]]
    """Other processes with more than BUSY_SHARE of a core: name and share."""
    calibration: Calibration | None
    """The noise floor that the results folder holds."""
    folder: str
    """The results folder."""
    folder_error: str | None
    """Why nothing can be written there, or None."""


def examine(targets: Sequence[Target], folder: Path = Path("results")) -> list[Finding]:
    """Look at this machine and say what could spoil a measurement of `targets` whose results go to `folder`."""
    return judge(gather(targets, folder))


def judge(facts: Facts) -> list[Finding]:
    """Every finding, by subject."""
    subjects = (
        *(python, frameworks, compiler, devices, threads, hyper_threads, switches),
        *(limits, governor, turbo, sleep, hypervisor, load, busy, noise_floor, memory, swap, folder),
    )
    return [finding for subject in subjects for finding in subject(facts)]


def gather(targets: Sequence[Target], folder: Path) -> Facts:
    """Look at this machine; takes LOOK_S seconds and imports no framework."""
    environment = collect()
    return Facts(
        environment=environment,
        frameworks={target.name: missing(target) for target in targets},
        versions={target.name: installed_version(target.framework) for target in targets},
        compiler=shutil.which(_compiler(os.environ)),
        without_cuda=_without_cuda(targets) if environment.get("gpus") else {},
        cudnn=_cudnn(),
        busy=_busy_processes(),
        calibration=calibration.stored(folder),
        folder=str(folder),
        folder_error=_write_error(folder),
    )


def python(facts: Facts) -> list[Finding]:
    version = facts.environment["python"]["version"]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PYTHON:
        oldest = ".".join(str(part) for part in OLDEST_PYTHON)
        return [
            Finding(
                "failure", "python", version, f"Triptych needs Python {oldest} or later", f"install Python {oldest}"
            )
        ]
    return [Finding("ok", "python", version)]


def frameworks(facts: Facts) -> list[Finding]:
    findings = []
    for name, reason in facts.frameworks.items():
        if reason:
            why = "its cells will be unavailable; the others are still compared"
            findings.append(Finding("warning", name, "not installed", why, _in_brackets(reason)))
        else:
            findings.append(Finding("ok", name, facts.versions[name] or "installed, version unknown"))
    if facts.frameworks and all(facts.frameworks.values()):
        install = f"pip install {' '.join(PACKAGES[name] for name in PACKAGES if name in facts.frameworks)}"
        findings.append(Finding("failure", "frameworks", "none", "there is nothing to measure", install))
    return findings


def compiler(facts: Facts) -> list[Finding]:
    if "pytorch" not in facts.frameworks or facts.frameworks["pytorch"]:
        return []
    if facts.compiler:
        return [Finding("ok", "C++ compiler", facts.compiler)]
    install = "xcode-select --install" if facts.environment["system"]["name"] == "Darwin" else "apt install g++"
    why = "torch.compile writes C++ for the CPU; its cells would fail"
    return [Finding("warning", "C++ compiler", "none", why, f"{install}, or set CXX to the compiler's path")]


def devices(facts: Facts) -> list[Finding]:
    model = facts.environment["cpu"]["model"] or "CPU of unknown model"
    findings = [Finding("ok", "device cpu", model)]
    if said := facts.environment.get("gpu_driver"):
        why = "there is an NVIDIA driver, but no GPU can be measured through it"
        findings.append(Finding("warning", "device cuda", said, why, "nvidia-smi; reboot after the driver was updated"))
    for number, gpu in enumerate(facts.environment.get("gpus", [])):
        findings += _gpu(f"device cuda:{number}" if number else "device cuda", gpu)
    if facts.environment.get("gpus"):
        findings.append(Finding("ok", "cuDNN", facts.cudnn or "none among this Python's packages"))
    findings += [
        Finding(
            "warning", f"{name} on cuda", "CPU only", "its cells will be unsupported on the GPU", _in_brackets(reason)
        )
        for name, reason in facts.without_cuda.items()
        if reason
    ]
    return findings


def _gpu(subject: str, gpu: dict[str, Any]) -> list[Finding]:
    size = _gib(gpu["memory_bytes"]) if gpu["memory_bytes"] else "memory unknown"
    clocks = f"{gpu['clock_mhz']} of {gpu['most_clock_mhz']} MHz now" if gpu["most_clock_mhz"] else "clocks unknown"
    found = f"{gpu['name']}, {size}, {clocks}, driver {gpu['driver']}, CUDA {gpu['cuda']} or older"
    findings = [Finding("ok", subject, found)]
    if gpu["mig"]:
        why = "a share of a GPU has neighbours, and a clock and a memory bus that it does not have to itself"
        findings.append(
            Finding("warning", f"{subject}: MIG", "on", why, "sudo nvidia-smi -mig 0, if it is yours alone")
        )
    if gpu["processes"]:
        others = (
            f"{gpu['processes']} process{'es' if gpu['processes'] > 1 else ''}, {_gib(gpu['used_bytes'] or 0)} in use"
        )
        why = "who else computes there takes time and memory from what is measured"
        findings.append(Finding("warning", f"{subject}: others", others, why, "nvidia-smi shows whose they are"))
    if gpu["held_down"]:
        why = "its clock is lower than it could be, so that times are not those of the machine at its best"
        cause = f"held down by {' and '.join(gpu['held_down'])}"
        findings.append(Finding("warning", f"{subject}: clock", cause, why, "nvidia-smi -q -d PERFORMANCE"))
    if gpu["sharing"] == "prohibited":
        remedy = "sudo nvidia-smi -c DEFAULT"
        findings.append(Finding("failure", f"{subject}: sharing", "prohibited", "no process may compute there", remedy))
    elif gpu["sharing"] not in (None, "shared"):
        why = "workers can't share it, so each target is measured with the others gone, and drift does not cancel"
        findings.append(Finding("warning", f"{subject}: sharing", gpu["sharing"], why, "sudo nvidia-smi -c DEFAULT"))
    return findings


def threads(facts: Facts) -> list[Finding]:
    cpu = facts.environment["cpu"]
    allowed, logical = len(cpu["allowed"]), cpu["logical_cores"] or len(cpu["allowed"])
    quota = facts.environment["limits"]["cpus"]
    if quota is not None and quota < allowed:
        fitting = max(1, int(quota))
        why = f"{allowed} threads would be stopped again and again for the rest of each period of the quota"
        remedy = f"triptych run --threads {fitting}, or start the container with a quota of {allowed} CPUs"
        return [Finding("warning", "threads", f"{allowed} CPUs under a quota of {quota:g}", why, remedy)]
    if allowed < logical:
        found = f"{allowed} of {logical} CPUs may be used"
        return [Finding("ok", "threads", found)]
    return [Finding("ok", "threads", f"{allowed} CPU{'s' if allowed > 1 else ''}")]


def hyper_threads(facts: Facts) -> list[Finding]:
    cpu = facts.environment["cpu"]
    cores = [_numbers(text) for text in cpu["siblings"] or []]
    shared = [core for core in cores if len(core & set(cpu["allowed"])) > 1]
    if not shared:
        return []
    first = sorted(min(core & set(cpu["allowed"])) for core in cores)
    found = f"{len(cpu['allowed'])} hardware threads on {len(cores)} cores"
    why = "two threads on one core share its units: times vary more, and rarely get shorter"
    remedy = f"taskset -c {','.join(map(str, first))} triptych run …"
    return [Finding("warning", "hyper-threads", found, why, remedy)]


def switches(facts: Facts) -> list[Finding]:
    set_here = facts.environment["variables"]
    found = [
        Finding("warning", name, f"set to '{set_here[name]}'", f"it {effect}", f"unset {name}")
        for name, effect in SWITCHES.items()
        if name in set_here
    ]
    return found or [Finding("ok", "precision switches", "none set in the environment")]


def limits(facts: Facts) -> list[Finding]:
    found = facts.environment["limits"]
    total = facts.environment["memory"]["total_bytes"]
    limit = found["memory_bytes"]
    if limit is None or (total is not None and limit >= total):
        return [Finding("ok", "memory limit", "none by control group")]
    level: Level = "warning" if limit < LEAST_MEMORY_BYTES else "ok"
    text = f"{_gib(limit)} of {_gib(total)} by control group" if total else f"{_gib(limit)} by control group"
    if level == "ok":
        return [Finding("ok", "memory limit", text)]
    remedy = f"start the container with {_gib(LEAST_MEMORY_BYTES)} or more, or choose smaller problems"
    return [Finding(level, "memory limit", text, "workers that exceed it are killed by the system", remedy)]


def governor(facts: Facts) -> list[Finding]:
    name = facts.environment["cpu"]["governor"]
    if name is None:
        return [Finding("ok", "governor", "not to be read here")]
    if name == "performance":
        return [Finding("ok", "governor", name)]
    why = "the clock follows the load, so that short samples after a pause run slower"
    return [Finding("warning", "governor", name, why, "sudo cpupower frequency-set --governor performance")]


def turbo(facts: Facts) -> list[Finding]:
    if not facts.environment["cpu"]["turbo"]:
        return []
    why = "the clock depends on temperature and on how many cores work; rounds balance it, absolute times still vary"
    files = "echo 1 to intel_pstate/no_turbo, or 0 to cpufreq/boost, under /sys/devices/system/cpu"
    return [Finding("ok", "turbo", "on", why, f"for steadier absolute times, as root: {files}")]


def sleep(facts: Facts) -> list[Finding]:
    cores = facts.environment["cpu"]["idle_cores"]
    if cores != MAY_SLEEP:
        return [Finding("ok", "idle cores", f"{KEPT_AWAKE} while a run measures")] if cores else []
    why = "waking one takes as long as a short call, so that calls that threads share take now this long, now that"
    remedy = f"let runs keep them awake: sudo chmod o+w /{DEVICE}"
    return [Finding("warning", "idle cores", "may fall asleep", why, remedy)]


def hypervisor(facts: Facts) -> list[Finding]:
    name = facts.environment["cpu"]["hypervisor"]
    if name is None:
        return []
    found = "yes" if name == "unknown" else name
    why = "neighbours on the same host take time away; samples carry how much, where the host tells"
    return [Finding("ok", "virtual machine", found, why, "use more launches, or a machine of your own")]


def load(facts: Facts) -> list[Finding]:
    averages, cpus = facts.environment["load"], len(facts.environment["cpu"]["allowed"])
    if averages is None:
        return []
    found = f"{averages[0]:.2f} over the last minute, on {cpus} CPU{'s' if cpus > 1 else ''}"
    if averages[0] > BUSY_LOAD * cpus:
        why = "what else runs here takes time from the samples"
        return [Finding("warning", "load", found, why, "wait, or stop what runs: top -o %CPU")]
    return [Finding("ok", "load", found)]


def busy(facts: Facts) -> list[Finding]:
    if not facts.busy:
        return []
    found = ", ".join(f"{name} {share:.0%}" for name, share in facts.busy)
    why = f"each of these uses more than {BUSY_SHARE:.0%} of a core right now"
    return [Finding("warning", "other processes", found, why, "stop them, or wait until they have ended")]


def noise_floor(facts: Facts) -> list[Finding]:
    why = "without it a report cannot say how small a difference this machine can tell"
    known = facts.calibration
    if known is None:
        return [Finding("warning", "noise floor", "not known", why, "triptych calibrate")]
    here = calibration.conditions(facts.environment, len(facts.environment["cpu"]["allowed"]))
    if changed := calibration.differing(known, here):
        return [
            Finding("warning", "noise floor", f"not known any more: {'; '.join(changed)}", why, "triptych calibrate")
        ]
    floors = ", ".join(f"{100 * known.floor(launches):.2g} % in {launches} launches" for launches in (5, 10))
    return [Finding("ok", "noise floor", f"{floors}, found {known.created[:10]}")]


def memory(facts: Facts) -> list[Finding]:
    available = facts.environment["memory"]["available_bytes"]
    if available is None:
        return []
    if available < LEAST_MEMORY_BYTES:
        why = "the frameworks' workers together may not fit, and the system would swap or kill them"
        remedy = "close what uses memory (top -o %MEM), or compare fewer frameworks at a time with --framework"
        return [Finding("warning", "memory", f"{_gib(available)} available", why, remedy)]
    return [Finding("ok", "memory", f"{_gib(available)} available")]


def swap(facts: Facts) -> list[Finding]:
    used = facts.environment["memory"]["swap_used_bytes"]
    if not used or used < 2**28:
        return []
    why = "pages that come back from the disk in the middle of a sample make it many times longer"
    return [Finding("warning", "swap", f"{_gib(used)} in use", why, "sudo swapoff --all && sudo swapon --all")]


def folder(facts: Facts) -> list[Finding]:
    if facts.folder_error is None:
        return [Finding("ok", "results folder", facts.folder)]
    found = f"{facts.folder} cannot be written: {facts.folder_error}"
    remedy = "triptych run --output DIR"
    return [Finding("failure", "results folder", found, "a run could not keep its records", remedy)]


def _without_cuda(targets: Sequence[Target]) -> dict[str, str | None]:
    return {
        target.name: lacks_cuda(target) for target in targets if target.framework != "numpy" and not missing(target)
    }


def _cudnn() -> str | None:
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return ", ".join(f"{n} {v}" for n, v in sorted(found.items()) if n.startswith("nvidia-cudnn")) or None


def _compiler(environ: Mapping[str, str]) -> str:
    """The command that torch.compile calls: `$CXX`, else the system's own compiler."""
    words = shlex.split(environ.get("CXX", ""))
    return words[0] if words else "clang++" if platform.system() == "Darwin" else "g++"


def _busy_processes() -> list[tuple[str, float]]:
    """Processes other than this one and its ancestors that use more than BUSY_SHARE of a core, the busiest first."""
    import psutil

    me = psutil.Process()
    own = {me.pid, *(parent.pid for parent in me.parents())}
    before = {process.pid: _cpu_s(process) for process in psutil.process_iter() if process.pid not in own}
    began = time.perf_counter()
    time.sleep(LOOK_S)
    shares = []
    for process in psutil.process_iter(["name"]):
        was, now = before.get(process.pid), _cpu_s(process)
        if was is not None and now is not None:
            share = (now - was) / (time.perf_counter() - began)
            if share > BUSY_SHARE:
                shares.append((str(process.info["name"]), share))
    return sorted(shares, key=lambda pair: -pair[1])


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


def _numbers(text: str) -> set[int]:
    """The CPUs that `0-1,4` names."""
    bounds = [part.split("-") for part in text.split(",")]
    return {cpu for pair in bounds for cpu in range(int(pair[0]), int(pair[-1]) + 1)}


def _in_brackets(reason: str) -> str:
    """The command in `pytorch is not installed (pip install torch)`, or the whole reason where there is none."""
    return reason[reason.rindex("(") + 1 : -1] if reason.endswith(")") else reason


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"
