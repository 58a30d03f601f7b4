"""NVIDIA GPUs: whether they can be used, by whom they are, and what frameworks make of them."""

from __future__ import annotations

from typing import Any

from suite.doctor.asking import Report
from suite.doctor.facts import Facts
from suite.doctor.finding import Finding, gib, in_brackets
from suite.doctor.frameworks import rounding_on

BUSY_SHARE = 0.1
"""Share of the time in which a GPU computes for others, above which what is measured waits for them."""
PREALLOCATED_SHARE = 0.5
"""Of a GPU's memory. Who takes more at its start leaves too little for the next one."""


def driver(facts: Facts) -> list[Finding]:
    """Where there is a driver, a GPU can be used through it."""
    if not (said := facts.environment.get("gpu_driver")):
        return []
    why = "there is an NVIDIA driver, but no GPU can be measured through it"
    return [Finding("warning", "device cuda", said, why, "nvidia-smi; reboot after the driver was updated")]


def devices(facts: Facts) -> list[Finding]:
    """Each GPU is whole, free, shared by all workers, and as fast as it can be."""
    findings = []
    for number, gpu in enumerate(facts.environment.get("gpus", [])):
        findings += _device(f"device cuda:{number}" if number else "device cuda", gpu)
    return findings


def _device(subject: str, gpu: dict[str, Any]) -> list[Finding]:
    size = gib(gpu["memory_bytes"]) if gpu["memory_bytes"] else "memory unknown"
    clocks = f"{gpu['clock_mhz']} of {gpu['most_clock_mhz']} MHz now" if gpu["most_clock_mhz"] else "clocks unknown"
    found = f"{gpu['name']}, {size}, {clocks}, driver {gpu['driver']}, CUDA {gpu['cuda']} or older"
    findings = [Finding("ok", subject, found, "figures hold for this GPU and driver")]
    if gpu["mig"]:
        why = "a share of a GPU has neighbours, and a clock and a memory bus that it does not have to itself"
        remedy = "sudo nvidia-smi -mig 0, if it is yours alone"
        findings.append(Finding("warning", f"{subject}: MIG", "on", why, remedy))
    findings += _others(f"{subject}: others", gpu)
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


def _others(subject: str, gpu: dict[str, Any]) -> list[Finding]:
    """Processes that hold memory there only take room; those that compute take time, as it happens of one or the other."""
    remedy = "nvidia-smi shows whose they are"
    processes = (
        f"{gpu['processes']} process{'es' if gpu['processes'] != 1 else ''}, {gib(gpu['used_bytes'] or 0)} in use"
    )
    if gpu["busy"] is not None and gpu["busy"] > BUSY_SHARE:
        why = "who else computes there takes turns with what is measured, and long kernels lose more than short ones"
        return [Finding("failure", subject, f"{processes}, busy for {gpu['busy']:.0%} of the time", why, remedy)]
    if gpu["processes"]:
        why = "who else is there takes memory from what is measured, and may begin to compute"
        return [Finding("warning", subject, processes, why, remedy)]
    return []


def builds(facts: Facts) -> list[Finding]:
    """Every framework can use the GPU."""
    if not facts.environment.get("gpus"):
        return []
    why = "PyTorch and JAX compute with the cuDNN of their packages"
    findings = [Finding("ok", "cuDNN", facts.cudnn or "none among this Python's packages", why)]
    why = "its cells will be unsupported on the GPU"
    findings += [
        Finding("warning", f"{name} on cuda", "CPU only", why, in_brackets(reason))
        for name, reason in facts.without_cuda.items()
        if reason
    ]
    why = "it was built for a GPU, and cannot be compared on this one"
    findings += [
        Finding("failure", f"{name} on cuda", report, why, "triptych check linear --device cuda shows what is wrong")
        for name, report in facts.gpu_reports.items()
        if isinstance(report, str)
    ]
    return findings


def rounding(facts: Facts) -> list[Finding]:
    """float32 is not rounded to TF32 where TF32 was not asked for, found by computing."""
    return rounding_on("cuda", facts.gpu_reports)


def preallocation(facts: Facts) -> list[Finding]:
    """No framework takes most of the GPU's memory at its start."""
    gpus = facts.environment.get("gpus") or [{}]
    total = gpus[0].get("memory_bytes")
    taken = {name: r.device_bytes for name, r in facts.gpu_reports.items() if isinstance(r, Report)}
    if not total or not taken:
        return []
    found = ", ".join(f"{name} {gib(size)}" for name, size in taken.items())
    why = "who takes most of the memory at its start leaves the others none, and they are measured apart or not at all"
    if max(taken.values()) > PREALLOCATED_SHARE * total:
        remedy = "unset XLA_CLIENT_MEM_FRACTION and TF_GPU_ALLOCATOR: workers ask for memory as it is needed"
        return [Finding("failure", "memory at start on cuda", found, why, remedy)]
    return [Finding("ok", "memory at start on cuda", found, why)]


CHECKS = (driver, devices, builds, rounding, preallocation)
