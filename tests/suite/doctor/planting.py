"""A healthy machine as plain facts, to plant causes in, and every cause with what is to be found."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from suite.calibration import Calibration
from suite.doctor import judge
from suite.doctor.asking import Report
from suite.doctor.facts import Facts
from suite.doctor.finding import Finding

GIB = 2**30
CALIBRATED = Calibration(
    spread=0.01,
    pairs=9,
    launches=54,
    conditions={
        "threads": 4,
        "model": "Some CPU",
        "allowed": [0, 1, 2, 3],
        "governor": "performance",
        "turbo": False,
        "idle_cores": "kept awake",
    },
    created="2026-01-02T03:04:05Z",
)
GPU = {
    "name": "Some GPU",
    "driver": "580.1",
    "cuda": "13.0",
    "memory_bytes": 80 * GIB,
    "used_bytes": GIB,
    "clock_mhz": 345,
    "most_clock_mhz": 1980,
    "mig": False,
    "sharing": "shared",
    "processes": 0,
    "busy": 0.0,
    "held_down": [],
}
NUMPY = Report(
    python="3.11.7",
    versions={"numpy": "2.4"},
    settings={"threads": 4, "flush_denormals": False},
    build={"device": "CPU", "compiler": "gcc 14", "instructions": "X86_V3 X86_V4"},
    chosen={"openblas_kernels": "SkylakeX"},
    threads_at_work=4,
    rounding={"passed": True, "sentence": "asked for float32, rounded to TF32: linear is not, conv2d is not"},
    device_bytes=0,
)
PYTORCH = replace(
    NUMPY,
    versions={"pytorch": "2.13+cpu"},
    build={
        "device": "CPU",
        "compiler": "GCC 13.3",
        "flags": "-Wall -O2 -mavx2 -fPIC",
        "type": "Release",
        "instructions": "AVX512",
    },
    chosen={
        "onednn": "3.12.0",
        "onednn_instructions": "Intel AVX-512 with Intel DL Boost",
        "mkl_instructions": "Intel AVX",
    },
)
ROUNDED = {"passed": False, "sentence": "asked for float32, rounded to TF32: linear is, conv2d is not"}
HEALTHY = Facts(
    environment={
        "system": {"name": "Linux"},
        "python": {"version": "3.11.7", "compiler": "GCC 12", "optimised": True, "debug": False},
        "cpu": {
            "model": "Some CPU",
            "logical_cores": 4,
            "allowed": [0, 1, 2, 3],
            "siblings": ["0", "1", "2", "3"],
            "flags": ["avx2", "avx512f"],
            "governor": "performance",
            "turbo": False,
            "idle_cores": "kept awake",
            "hypervisor": None,
            "frequency_mhz": 2600.0,
        },
        "memory": {"total_bytes": 32 * GIB, "available_bytes": 20 * GIB, "swap_used_bytes": 0},
        "limits": {"cgroup": 2, "cpus": None, "memory_bytes": None},
        "load": [0.1, 0.2, 0.3],
        "gpus": [],
        "gpu_driver": None,
        "variables": {"OMP_NUM_THREADS": "4"},
    },
    threads=4,
    frameworks={"numpy": None, "pytorch": None},
    versions={"numpy": "2.4", "pytorch": "2.13+cpu"},
    reports={"numpy": NUMPY, "pytorch": PYTORCH},
    gpu_reports={},
    compiler="/usr/bin/g++",
    without_cuda={},
    cudnn=None,
    busy=[],
    taken=0.0,
    stolen=0.0,
    calibration=CALIBRATED,
    folder="results",
    folder_error=None,
)


def planted(**changes: Any) -> Facts:
    """The healthy facts with some changed; `cpu__governor="x"` changes the environment."""
    environment = copy.deepcopy(HEALTHY.environment)
    fields = {}
    for name, value in changes.items():
        section, nested, key = name.partition("__")
        if not nested and section not in environment:
            fields[name] = value
        elif nested:
            environment[section][key] = value
        else:
            environment[section] = value
    return replace(HEALTHY, environment=environment, **fields)


def found(subject: str, **changes: Any) -> Finding:
    (finding,) = [one for one in judge(planted(**changes)) if one.subject == subject]
    return finding


def telling(**changes: Any) -> dict[str, Report | str]:
    """The reports of NumPy and PyTorch, where PyTorch tells something else."""
    return {"numpy": NUMPY, "pytorch": replace(PYTORCH, **changes)}


def on_gpu(**changes: Any) -> dict[str, Any]:
    """A GPU, and what PyTorch told on it."""
    return {"gpus": [GPU], "gpu_reports": {"pytorch": replace(PYTORCH, **changes)}}


CAUSES: list[tuple[str, str, dict[str, Any], str, str]] = [
    # subject, level, what is planted, what is said of it, what is in its remedy
    ("python", "failure", {"python__version": "3.10.2"}, "3.10.2", "install Python 3.11"),
    ("python build", "failure", {"python__debug": True}, "debug build", "without --with-pydebug"),
    ("python build", "warning", {"python__optimised": False}, "without profile-guided", "--enable-optimizations"),
    (
        "threads",
        "failure",
        {"limits__cpus": 2.5},
        "4 CPUs under a quota of 2.5",
        "triptych run --threads 2, or start the container with a quota of 4 CPUs",
    ),
    ("threads", "failure", {"limits__cpus": 0.5}, "a quota of 0.5", "triptych run --threads 1"),
    (
        "hyper-threads",
        "warning",
        {"cpu__siblings": ["0,2", "1,3"]},
        "4 hardware threads on 2 cores",
        "taskset -c 0,1 triptych run",
    ),
    (
        "governor",
        "warning",
        {"cpu__governor": "powersave"},
        "powersave",
        "cpupower frequency-set --governor performance",
    ),
    ("idle cores", "warning", {"cpu__idle_cores": "may sleep"}, "may fall asleep", "chmod o+w /dev/cpu_dma_latency"),
    (
        "virtual machine",
        "warning",
        {"cpu__hypervisor": "A Cloud", "stolen": 0.07},
        "A Cloud, whose host gives 7% of the time to others",
        "more launches",
    ),
    (
        "memory limit",
        "warning",
        {"limits__memory_bytes": 2 * GIB},
        "2.0 GiB of 32.0 GiB by control group",
        "start the container with 4.0 GiB or more",
    ),
    ("memory", "warning", {"memory__available_bytes": 3 * GIB}, "3.0 GiB available", "--framework"),
    ("swap", "warning", {"memory__swap_used_bytes": GIB}, "1.0 GiB in use", "swapoff --all"),
    ("load", "warning", {"load": [2.1, 0, 0]}, "2.10 over the last minute, on 4 CPUs", "stop what runs"),
    (
        "other processes",
        "warning",
        {"busy": [("cc1plus", 1.02), ("x", 0.3)], "taken": 1.4},
        "1.4 of 4 CPUs taken, by cc1plus 102%, x 30%",
        "stop them",
    ),
    ("other processes", "warning", {"taken": 0.9}, "0.9 of 4 CPUs taken", "only seen outside"),
    ("other processes", "failure", {"busy": [("x", 2.1)], "taken": 2.1}, "2.1 of 4 CPUs taken, by x 210%", "stop them"),
    (
        "pytorch",
        "warning",
        {"frameworks": {"numpy": None, "pytorch": "pytorch is not installed (pip install torch)"}},
        "not installed",
        "pip install torch",
    ),
    (
        "pytorch",
        "failure",
        {
            "reports": {
                "numpy": NUMPY,
                "pytorch": "pytorch cannot be compared: it uses 64 threads where 4 were asked for",
            }
        },
        "it uses 64 threads where 4 were asked for",
        "pip install --force-reinstall torch",
    ),
    (
        "pytorch",
        "failure",
        {"reports": telling(build={"device": "CPU", "type": "Debug"})},
        "2.13+cpu, CPU build, Debug",
        "pip install --force-reinstall torch",
    ),
    (
        "frameworks",
        "failure",
        {"frameworks": dict.fromkeys(("numpy", "jax"), "not installed (pip install x)"), "versions": {}, "reports": {}},
        "none",
        "pip install numpy jax",
    ),
    ("C++ compiler", "warning", {"compiler": None}, "none", "apt install g++"),
    (
        "threads at work",
        "failure",
        {"reports": telling(threads_at_work=1)},
        "4 asked for; at work: numpy 4, pytorch 1",
        "unset OMP_THREAD_LIMIT",
    ),
    (
        "pytorch kernels",
        "failure",
        {"reports": telling(chosen={"onednn": "3.12.0", "onednn_instructions": "Intel AVX2"})},
        "oneDNN 3.12.0 with Intel AVX2, where the CPU has avx512",
        "env | grep",
    ),
    (
        "pytorch kernels",
        "failure",
        {"reports": telling(build={"instructions": "AVX2"})},
        "own AVX2",
        "env | grep",
    ),
    (
        "numpy kernels",
        "failure",
        {
            "reports": {"numpy": replace(NUMPY, chosen={"openblas_kernels": "Haswell"})},
            "variables": {"OPENBLAS_CORETYPE": "Haswell"},
        },
        "OpenBLAS for Haswell, where the CPU has avx512",
        "OPENBLAS",
    ),
    (
        "numpy kernels",
        "warning",
        {"reports": {"numpy": replace(NUMPY, chosen={"openblas_kernels": "Haswell"})}},
        "OpenBLAS for Haswell",
        "pip install --upgrade numpy",
    ),
    ("float32 on cpu", "failure", {"reports": telling(rounding=ROUNDED)}, "pytorch: asked for float32", "FPMATH"),
    (
        "denormals",
        "warning",
        {"reports": telling(settings={"flush_denormals": True})},
        "kept in numpy; flushed in pytorch",
        "LD_PRELOAD",
    ),
    ("device cuda", "warning", {"gpu_driver": "Driver Not Loaded"}, "Driver Not Loaded", "nvidia-smi"),
    ("device cuda: MIG", "warning", {"gpus": [{**GPU, "mig": True}]}, "on", "nvidia-smi -mig 0"),
    ("device cuda: others", "warning", {"gpus": [{**GPU, "processes": 2}]}, "2 processes, 1.0 GiB in use", "whose"),
    (
        "device cuda: others",
        "failure",
        {"gpus": [{**GPU, "processes": 1, "busy": 0.4}]},
        "1 process, 1.0 GiB in use, busy for 40% of the time",
        "whose",
    ),
    ("device cuda: clock", "warning", {"gpus": [{**GPU, "held_down": ["heat"]}]}, "held down by heat", "nvidia-smi -q"),
    ("device cuda: sharing", "failure", {"gpus": [{**GPU, "sharing": "prohibited"}]}, "prohibited", "-c DEFAULT"),
    ("device cuda: sharing", "warning", {"gpus": [{**GPU, "sharing": "one process"}]}, "one process", "-c DEFAULT"),
    (
        "pytorch on cuda",
        "warning",
        {"gpus": [GPU], "without_cuda": {"pytorch": "pytorch is built for the CPU only (pip install torch)"}},
        "CPU only",
        "pip install torch",
    ),
    (
        "pytorch on cuda",
        "failure",
        {"gpus": [GPU], "gpu_reports": {"pytorch": "pytorch did not start: it said so"}},
        "did not start",
        "triptych check linear --device cuda",
    ),
    ("float32 on cuda", "failure", on_gpu(rounding=ROUNDED), "pytorch: asked for float32", "NVIDIA_TF32_OVERRIDE"),
    ("memory at start on cuda", "failure", on_gpu(device_bytes=60 * GIB), "pytorch 60.0 GiB", "MEM_FRACTION"),
    ("noise floor", "warning", {"calibration": None}, "not known", "triptych calibrate"),
    (
        "noise floor",
        "warning",
        {"cpu__governor": "powersave"},
        "not known any more: governor was performance, and is powersave",
        "triptych calibrate",
    ),
    (
        "results folder",
        "failure",
        {"folder_error": "Permission denied"},
        "results cannot be written: Permission denied",
        "triptych run --output DIR",
    ),
]
