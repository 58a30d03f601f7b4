from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from suite import environment
from suite.environment import collect, limits, variables

CPUINFO = """
processor\t: 0
model name\t: Some(R)  CPU   @ 2.60GHz
physical id\t: 0
core id\t\t: 0
cpu MHz\t\t: 2599.996
flags\t\t: fpu sse4_2 avx2 avx512f amx_tile hypervisor

processor\t: 1
model name\t: Some(R)  CPU   @ 2.60GHz
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu

processor\t: 2
model name\t: Some(R)  CPU   @ 2.60GHz
physical id\t: 1
core id\t\t: 0
flags\t\t: fpu
"""
CPU = "sys/devices/system/cpu"
MACHINE = {
    "proc/cpuinfo": CPUINFO,
    "etc/os-release": 'NAME="Some"\nPRETTY_NAME="Some Linux 12"\n',
    "sys/class/dmi/id/sys_vendor": "A Cloud\n",
    "sys/class/dmi/id/product_name": "Compute Engine\n",
    f"{CPU}/cpu0/topology/thread_siblings_list": "0-1\n",
    f"{CPU}/cpu1/topology/thread_siblings_list": "0-1\n",
    f"{CPU}/cpu2/topology/thread_siblings_list": "2\n",
    f"{CPU}/cpu0/cache/index0/level": "1\n",
    f"{CPU}/cpu0/cache/index0/type": "Data\n",
    f"{CPU}/cpu0/cache/index0/size": "48K\n",
    f"{CPU}/cpu0/cache/index1/level": "3\n",
    f"{CPU}/cpu0/cache/index1/type": "Unified\n",
    f"{CPU}/cpu0/cache/index1/size": "2M\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave\n",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "3100000\n",
    f"{CPU}/intel_pstate/no_turbo": "0\n",
    "dev/cpu_dma_latency": "",
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that makes a folder with these files, to be looked at as / by a process that may use CPUs 0 to 2."""
    monkeypatch.setattr(environment, "allowed_cpus", lambda: [0, 1, 2])

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def test_the_processor_is_described_as_the_system_files_have_it(machine):
    cpu = collect(root=machine(MACHINE))["cpu"]
    assert cpu["model"] == "Some(R) CPU @ 2.60GHz"
    assert cpu["physical_cores"] == 2
    assert cpu["allowed"] == [0, 1, 2]
    assert cpu["siblings"] == ["0-1", "2"]
    assert cpu["caches"] == {"L1d": 48 * 1024, "L3": 2 * 1024**2}
    assert cpu["flags"] == ["sse4_2", "avx2", "avx512f", "amx_tile"]
    assert cpu["governor"] == "performance, powersave"
    assert cpu["turbo"] is True
    assert cpu["idle_cores"] == "kept awake"
    assert cpu["frequency_mhz"] == 3100
    assert cpu["hypervisor"] == "A Cloud Compute Engine"


def test_the_frequency_comes_from_cpuinfo_where_the_system_does_not_scale_it(machine):
    files = {name: text for name, text in MACHINE.items() if "cpufreq" not in name}
    cpu = collect(root=machine(files))["cpu"]
    assert cpu["frequency_mhz"] == pytest.approx(2599.996)
    assert cpu["governor"] is None


@pytest.mark.parametrize(("text", "on"), [("1", True), ("0", False)])
def test_turbo_is_also_found_under_its_other_name(machine, text, on):
    files = {name: each for name, each in MACHINE.items() if "no_turbo" not in name}
    assert collect(root=machine(files | {f"{CPU}/cpufreq/boost": text}))["cpu"]["turbo"] is on


def test_a_machine_without_the_hypervisor_flag_is_no_virtual_machine(machine):
    files = MACHINE | {"proc/cpuinfo": CPUINFO.replace(" hypervisor", "")}
    assert collect(root=machine(files))["cpu"]["hypervisor"] is None


def test_what_cannot_be_read_is_none_and_nothing_is_raised(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.delattr(os, "getloadavg")
    found = collect(root=machine({}))
    nothing = (
        "model",
        "physical_cores",
        "siblings",
        "caches",
        "flags",
        "governor",
        "turbo",
        "idle_cores",
        "frequency_mhz",
        "hypervisor",
    )
    assert {name: found["cpu"][name] for name in nothing} == dict.fromkeys(nothing)
    assert set(found["memory"].values()) == {None}
    assert found["limits"] == {"cgroup": None, "cpus": None, "memory_bytes": None}
    assert (found["load"], found["blas"]) == (None, None)


def test_broken_system_files_are_read_as_nothing(machine):
    files = {
        f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "<unknown>",
        f"{CPU}/cpu0/cache/index0/size": "much",
        "proc/cpuinfo": "cpu MHz : fast\nflags : \n",
        "proc/self/cgroup": "nonsense\n0::/\n",
        "sys/fs/cgroup/cpu.max": "100000",
        "sys/fs/cgroup/memory.max": "plenty",
    }
    found = collect(root=machine(files))
    assert (found["cpu"]["frequency_mhz"], found["cpu"]["caches"], found["cpu"]["flags"]) == (None, None, None)
    assert found["limits"] == {"cgroup": 2, "cpus": None, "memory_bytes": None}


def test_this_machine_is_described_in_plain_json():
    found = collect("1.2.3")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["triptych"]["version"] == "1.2.3"
    assert found["cpu"]["allowed"] == environment.allowed_cpus()
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert (found["python"]["debug"], bool(found["python"]["compiler"])) == (hasattr(sys, "gettotalrefcount"), True)


def test_the_blas_is_named_without_its_path(machine):
    pools = collect(root=machine({}))["blas"]
    assert pools
    assert all(pool["internal_api"] and "filepath" not in pool for pool in pools)


# Control groups


def test_version_2_limits_are_the_narrowest_on_the_way_up(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/a/b/memory.max": "2000\n",
            "sys/fs/cgroup/a/memory.max": "max\n",
        }
    )
    assert limits(root) == {"cgroup": 2, "cpus": 1.5, "memory_bytes": 2000}


def test_a_container_that_sees_only_its_own_group_finds_the_limits_at_the_mount(machine):
    root = machine({"proc/self/cgroup": "0::/../../elsewhere\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert limits(root)["cpus"] == 0.5


def test_version_1_limits_are_found_where_controllers_are_mounted_together(machine):
    root = machine(
        {
            "proc/self/cgroup": "4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/m/memory.limit_in_bytes": "4096\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        }
    )
    assert limits(root) == {"cgroup": 1, "cpus": 2.5, "memory_bytes": 4096}


def test_version_1_without_limits_has_none(machine):
    root = machine(
        {
            "proc/self/cgroup": "4:memory:/\n2:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        }
    )
    assert limits(root) == {"cgroup": 1, "cpus": None, "memory_bytes": None}


# What is kept private


def test_variables_that_change_how_a_framework_computes_are_kept():
    kept = {"OMP_NUM_THREADS": "2", "TF_ENABLE_ONEDNN_OPTS": "0", "TORCHINDUCTOR_X": "1", "LD_PRELOAD": "/usr/lib/j.so"}
    assert variables({**kept, "PATH": "/bin", "HOME": "/home/anna", "SHELL": "sh"}) == kept


@pytest.mark.parametrize(
    "name", ["TF_VAR_db_password", "TF_CLI_CONFIG_FILE", "JAX_COORDINATOR_ADDRESS", "TORCH_hub_token", "CUDA_HOST"]
)
def test_variables_that_may_hold_secrets_or_hosts_are_left_out(name):
    assert variables({name: "x"}) == {}


@pytest.mark.parametrize(
    ("value", "public"),
    [
        ("--xla_dump_to=/home/anna/dump", "--xla_dump_to=~/dump"),
        ("/Users/anna/lib:/home/ben/lib", "~/lib:~/lib"),
        ("/root/cache", "~/cache"),
        ("/data/anna-home/x", "~/x"),
        ("/rooted/x", "/rooted/x"),
    ],
)
def test_home_folders_are_taken_out_of_variables(value, public, monkeypatch):
    monkeypatch.setenv("HOME", "/data/anna-home")
    assert variables({"XLA_FLAGS": value}) == {"XLA_FLAGS": public}


def test_neither_user_nor_host_nor_home_is_recorded(monkeypatch):
    monkeypatch.setenv("HOME", "/data/anna-home")
    monkeypatch.setenv("OMP_TOOL_LIBRARIES", "/data/anna-home/tool.so")
    text = json.dumps(collect())
    assert "anna-home" not in text
    assert os.uname().nodename not in text or len(os.uname().nodename) < 6  # a short name may occur by chance


# The checkout


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "-c", "core.hooksPath="]
    done = subprocess.run(["git", "-C", str(folder), *settings, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_checkout_is_named_by_its_commit_and_whether_it_was_changed(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert environment._checkout(tmp_path) == {"commit": None, "changed": None}
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert environment._checkout(tmp_path) == {"commit": commit, "changed": False}
    (tmp_path / "file").write_text("2")
    assert environment._checkout(tmp_path) == {"commit": commit, "changed": True}


def test_an_installation_is_no_checkout(tmp_path):
    assert environment._checkout(tmp_path) == {"commit": None, "changed": None}
