from __future__ import annotations

import copy
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from suite import doctor
from suite.calibration import Calibration
from suite.doctor import SWITCHES, Facts, Finding, examine, judge
from suite.targets import Target

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
    "held_down": [],
}
HEALTHY = Facts(
    environment={
        "system": {"name": "Linux"},
        "python": {"version": "3.11.7"},
        "cpu": {
            "model": "Some CPU",
            "logical_cores": 4,
            "allowed": [0, 1, 2, 3],
            "siblings": ["0", "1", "2", "3"],
            "governor": "performance",
            "turbo": False,
            "idle_cores": "kept awake",
            "hypervisor": None,
        },
        "memory": {"total_bytes": 32 * GIB, "available_bytes": 20 * GIB, "swap_used_bytes": 0},
        "limits": {"cgroup": 2, "cpus": None, "memory_bytes": None},
        "load": [0.1, 0.2, 0.3],
        "gpus": [],
        "gpu_driver": None,
        "variables": {"OMP_NUM_THREADS": "4"},
    },
    frameworks={"numpy": None, "pytorch": None},
    versions={"numpy": "2.4", "pytorch": "2.13+cpu"},
    compiler="/usr/bin/g++",
    without_cuda={},
    cudnn=None,
    busy=[],
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


def test_nothing_is_off_on_a_healthy_machine():
    findings = judge(HEALTHY)
    assert {finding.level for finding in findings} == {"ok"}
    assert [finding.subject for finding in findings] == [
        *("python", "numpy", "pytorch", "C++ compiler", "device cpu"),
        *(
            "threads",
            "precision switches",
            "memory limit",
            "governor",
            "idle cores",
            "load",
            "noise floor",
            "memory",
            "results folder",
        ),
    ]


def test_a_gpu_is_told_with_its_driver_and_clocks():
    finding = found("device cuda", gpus=[GPU])
    assert finding.level == "ok"
    assert finding.found == "Some GPU, 80.0 GiB, 345 of 1980 MHz now, driver 580.1, CUDA 13.0 or older"
    assert found("device cuda:1", gpus=[GPU, GPU]).level == "ok"
    assert found("cuDNN", gpus=[GPU], cudnn="nvidia-cudnn-cu13 9.1").found == "nvidia-cudnn-cu13 9.1"


@pytest.mark.parametrize(
    ("subject", "level", "changes", "said", "remedy"),
    [
        ("python", "failure", {"python__version": "3.10.2"}, "3.10.2", "install Python 3.11"),
        (
            "pytorch",
            "warning",
            {"frameworks": {"numpy": None, "pytorch": "pytorch is not installed (pip install torch)"}},
            "not installed",
            "pip install torch",
        ),
        ("noise floor", "warning", {"calibration": None}, "not known", "triptych calibrate"),
        (
            "noise floor",
            "warning",
            {"cpu__governor": "powersave"},
            "not known any more: governor was performance, and is powersave",
            "triptych calibrate",
        ),
        ("C++ compiler", "warning", {"compiler": None}, "none", "apt install g++"),
        ("device cuda", "warning", {"gpu_driver": "Driver Not Loaded"}, "Driver Not Loaded", "nvidia-smi"),
        ("device cuda: MIG", "warning", {"gpus": [{**GPU, "mig": True}]}, "on", "nvidia-smi -mig 0"),
        ("device cuda: others", "warning", {"gpus": [{**GPU, "processes": 2}]}, "2 processes, 1.0 GiB in use", "whose"),
        (
            "device cuda: clock",
            "warning",
            {"gpus": [{**GPU, "held_down": ["heat"]}]},
            "held down by heat",
            "nvidia-smi -q",
        ),
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
            "threads",
            "warning",
            {"limits__cpus": 2.5},
            "4 CPUs under a quota of 2.5",
            "triptych run --threads 2, or start the container with a quota of 4 CPUs",
        ),
        ("threads", "warning", {"limits__cpus": 0.5}, "a quota of 0.5", "triptych run --threads 1"),
        (
            "hyper-threads",
            "warning",
            {"cpu__siblings": ["0,2", "1,3"]},
            "4 hardware threads on 2 cores",
            "taskset -c 0,1 triptych run",
        ),
        (
            "memory limit",
            "warning",
            {"limits__memory_bytes": 2 * GIB},
            "2.0 GiB of 32.0 GiB by control group",
            "start the container with 4.0 GiB or more",
        ),
        (
            "governor",
            "warning",
            {"cpu__governor": "powersave"},
            "powersave",
            "cpupower frequency-set --governor performance",
        ),
        (
            "idle cores",
            "warning",
            {"cpu__idle_cores": "may sleep"},
            "may fall asleep",
            "chmod o+w /dev/cpu_dma_latency",
        ),
        ("load", "warning", {"load": [2.1, 0, 0]}, "2.10 over the last minute, on 4 CPUs", "stop what runs"),
        ("other processes", "warning", {"busy": [("cc1plus", 1.02), ("x", 0.3)]}, "cc1plus 102%, x 30%", "stop them"),
        ("memory", "warning", {"memory__available_bytes": 3 * GIB}, "3.0 GiB available", "--framework"),
        ("swap", "warning", {"memory__swap_used_bytes": GIB}, "1.0 GiB in use", "swapoff --all"),
        (
            "results folder",
            "failure",
            {"folder_error": "Permission denied"},
            "results cannot be written: Permission denied",
            "triptych run --output DIR",
        ),
    ],
)
def test_what_is_off_is_found_and_can_be_mended(subject, level, changes, said, remedy):
    finding = found(subject, **changes)
    assert finding.level == level
    assert said in finding.found
    assert remedy in finding.remedy
    assert finding.why


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_every_switch_that_is_set_is_named_with_its_effect(name):
    finding = found(name, variables={name: "1"})
    assert finding.level == "warning"
    assert (finding.found, finding.remedy) == ("set to '1'", f"unset {name}")
    assert finding.why == f"it {SWITCHES[name]}"


def test_every_switch_is_among_the_variables_that_are_recorded():
    from suite.environment import variables

    assert set(variables(dict.fromkeys(SWITCHES, "1"))) == set(SWITCHES)


def test_without_any_framework_there_is_nothing_to_measure():
    missing = {name: f"{name} is not installed (pip install x)" for name in ("numpy", "jax")}
    finding = found("frameworks", frameworks=missing, versions=dict.fromkeys(missing))
    assert (finding.level, finding.remedy) == ("failure", "pip install numpy jax")


def test_a_reason_without_a_command_is_its_own_remedy():
    finding = found("numpy", frameworks={"numpy": "/no/python cannot be started: No such file"})
    assert finding.remedy == "/no/python cannot be started: No such file"


def test_the_compiler_is_no_matter_where_pytorch_is_not_installed():
    facts = planted(frameworks={"pytorch": "pytorch is not installed (pip install torch)"}, compiler=None)
    assert "C++ compiler" not in [finding.subject for finding in judge(facts)]


def test_fewer_allowed_cpus_than_there_are_is_said_without_alarm():
    finding = found("threads", cpu__allowed=[0, 1])
    assert (finding.level, finding.found) == ("ok", "2 of 4 CPUs may be used")


def test_one_hardware_thread_a_core_is_no_hyper_threading():
    facts = planted(cpu__siblings=["0,2", "1,3"], cpu__allowed=[0, 1])
    assert "hyper-threads" not in [finding.subject for finding in judge(facts)]


def test_a_load_of_exactly_the_limit_is_not_off():
    assert found("load", load=[2.0, 0, 0]).level == "ok"


def test_a_wide_memory_limit_is_said_without_alarm():
    assert found("memory limit", limits__memory_bytes=16 * GIB).level == "ok"
    assert found("memory limit", limits__memory_bytes=64 * GIB).found == "none by control group"


def test_a_system_that_keeps_no_cores_awake_is_not_blamed():
    assert "idle cores" not in [finding.subject for finding in judge(planted(cpu__idle_cores=None))]


def test_a_virtual_machine_and_turbo_are_said_without_alarm():
    assert found("virtual machine", cpu__hypervisor="unknown").found == "yes"
    assert found("turbo", cpu__turbo=True).level == "ok"


def test_what_the_machine_does_not_tell_is_no_alarm():
    untold = dict(model=None, governor=None, turbo=None, idle_cores=None)
    facts = planted(
        calibration=replace(CALIBRATED, conditions=CALIBRATED.conditions | untold),
        **{f"cpu__{name}": None for name in ("model", "logical_cores", "siblings", "governor", "turbo", "idle_cores")},
        **{f"memory__{name}": None for name in ("total_bytes", "available_bytes", "swap_used_bytes")},
        load=None,
    )
    findings = judge(facts)
    assert {finding.level for finding in findings} == {"ok"}
    assert {"load", "memory"}.isdisjoint(finding.subject for finding in findings)


def test_cpu_lists_are_read_with_ranges():
    assert doctor._numbers("0-2,5,8-8") == {0, 1, 2, 5, 8}


def test_the_compiler_is_the_one_that_the_environment_names():
    assert doctor._compiler({"CXX": "ccache clang++-17"}) == "ccache"
    assert doctor._compiler({}) in ("g++", "clang++")


def test_a_folder_is_tried_where_it_will_be_made(tmp_path):
    assert doctor._write_error(tmp_path / "not" / "yet") is None
    assert not (tmp_path / "not").exists()
    (tmp_path / "file").write_text("")
    assert doctor._write_error(tmp_path / "file" / "results") == "Not a directory"


def test_a_busy_process_is_seen(monkeypatch):
    monkeypatch.setattr(doctor, "BUSY_SHARE", 0.02)  # however many others want the CPU
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        shares = doctor._busy_processes()
    finally:
        busy.kill()
        busy.wait()
    assert any(name.startswith("python") for name, _ in shares)
    assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)


def test_examining_looks_at_this_machine_and_imports_no_framework(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LOOK_S", 0.0)
    before = set(sys.modules)
    findings = examine([Target("jax", "jax", sys.executable, "impls.jax")], tmp_path)
    assert {"python", "jax", "threads", "results folder"} <= {finding.subject for finding in findings}
    assert {"torch", "tensorflow", "jax"}.isdisjoint(set(sys.modules) - before)
    assert os.listdir(tmp_path) == []
