"""Where a run takes place: machine, system and libraries, as far as they can be read.

What cannot be read is None; nothing here raises for it. Results are passed on, so no user name, host name or home
folder is recorded. Importing this module costs nothing but the standard library.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from suite import gpu
from suite.idling import idle_cores

FLAGS = tuple(
    """
    sse4_2 avx avx2 fma f16c avx_vnni
    avx512f avx512bw avx512vl avx512_vnni avx512_bf16 avx512_fp16
    amx_tile amx_bf16 amx_int8 amx_fp16
    asimd asimdhp asimddp sve sve2 bf16 i8mm
    """.split()
)
"""The instruction sets that the frameworks choose their kernels by."""

VARIABLES = tuple(
    """
    OMP_ GOMP_ KMP_ MKL_ OPENBLAS_ GOTO_ BLIS_ VECLIB_ NUMEXPR_ DNNL_ ONEDNN_ NPY_
    XLA_ TORCH PYTORCH_ ATEN_ JAX_ CUDA_ CUDNN_ CUBLAS_ NVIDIA_ MALLOC_ LD_PRELOAD
    TF_NUM_ TF_THREAD_ TF_CPP_ TF_XLA_ TF_ENABLE_ TF_DISABLE_ TF_DETERMINISTIC_ TF_FORCE_ TF_USE_
    TF_GPU_ TF_CUDA_ TF_CUDNN_ TF_ONEDNN_ TF_FUNCTION_ TF_SET_ TF_AUTO_MIXED_PRECISION_
    PYTHONDEVMODE PYTHONMALLOC PYTHONTRACEMALLOC
    """.split()
)
"""Beginnings of the names of environment variables that change how a framework computes.

TensorFlow's are listed one by one: Terraform's also begin with TF_, and may hold secrets.
"""

T = TypeVar("T")

_PRIVATE = re.compile(r"ADDRESS|HOST|TOKEN|SECRET|PASSWORD|CREDENTIAL|API_KEY", re.IGNORECASE)
_HOME = re.compile(r"(?:/home|/Users)/[^/\s:]+|/root(?=/|\b)")


def allowed_cpus() -> list[int]:
    """The numbers of the CPUs that this process may use; all of them where the system knows no affinity."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def collect(triptych: str | None = None, root: Path = Path("/")) -> dict[str, Any]:
    """The environment as plain dicts for JSON; `triptych` is the version that runs.

    Sizes in bytes, frequencies in MHz, the CPU quota in CPUs. `root` is where /proc, /sys and /etc are looked for.
    """
    return {
        "triptych": {"version": triptych, **_checkout(Path(__file__).parents[1])},
        "system": {
            "name": platform.system(),
            "kernel": platform.release(),
            "distribution": _distribution(root),
            "architecture": platform.machine(),
        },
        "python": _python(),
        "cpu": _cpu(root),
        "memory": _memory(),
        "limits": limits(root),
        "load": _tried(lambda: [round(value, 2) for value in os.getloadavg()]),
        "variables": variables(os.environ),
        "blas": _tried(_blas),
        **_gpus(),
    }


def _python() -> dict[str, Any]:
    """`optimised` says whether it was built with --enable-optimizations; None where it does not tell how it was built."""
    arguments = sysconfig.get_config_var("CONFIG_ARGS")
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "optimised": "--enable-optimizations" in arguments if arguments else None,
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
    }


def _gpus() -> dict[str, Any]:
    """`gpus`, or where there is a driver that does not work, what it says; nothing where there is neither."""
    try:
        return {"gpus": [one.facts() for one in gpu.find()]}
    except OSError as error:
        return {"gpu_driver": str(error)} if Path("/proc/driver/nvidia/version").exists() else {}


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables in `environ` that change how a framework computes, without anybody's home folder."""
    found = {name: value for name, value in environ.items() if name.startswith(VARIABLES) and not _PRIVATE.search(name)}
    own = os.path.expanduser("~")
    replaced = {name: value.replace(own, "~") if len(own) > 1 else value for name, value in found.items()}
    return {name: _HOME.sub("~", value) for name, value in sorted(replaced.items())}


def limits(root: Path = Path("/")) -> dict[str, Any]:
    """What the control groups (version 1 or 2) leave to this process: `cpus`, a number, and `memory_bytes`.

    None where there is no limit; `cgroup` is the version, None where there are no control groups. The narrowest of the
    limits on the way up the hierarchy counts.
    """
    paths = dict(_cgroup_paths(root))
    if not paths:
        return {"cgroup": None, "cpus": None, "memory_bytes": None}
    mount = root / "sys/fs/cgroup"
    if "cpu" in paths or "memory" in paths:
        cpus = [_quota_v1(folder) for folder in _upward(_controller(mount, "cpu"), paths.get("cpu", "/"))]
        memory = [
            _number(folder / "memory.limit_in_bytes")
            for folder in _upward(_controller(mount, "memory"), paths.get("memory", "/"))
        ]
        memory = [value if value is not None and value < 2**60 else None for value in memory]  # 2**63 less a page: none
        return {"cgroup": 1, "cpus": _least(cpus), "memory_bytes": _least(memory)}
    folders = list(_upward(mount, paths[""]))
    return {
        "cgroup": 2,
        "cpus": _least(_quota_v2(folder) for folder in folders),
        "memory_bytes": _least(_number(folder / "memory.max") for folder in folders),
    }


def _cpu(root: Path) -> dict[str, Any]:
    cpuinfo = _read(root / "proc/cpuinfo") or ""
    flags = set((_field(cpuinfo, "flags") or _field(cpuinfo, "Features") or "").split())
    sysfs = root / "sys/devices/system/cpu"
    allowed = allowed_cpus()
    return {
        "model": _model(cpuinfo, root),
        "physical_cores": _physical_cores(cpuinfo),
        "logical_cores": os.cpu_count(),
        "allowed": allowed,
        "siblings": _siblings(sysfs, allowed),
        "caches": _caches(sysfs / f"cpu{allowed[0]}/cache"),
        "flags": [flag for flag in FLAGS if flag in flags] if flags else None,
        "governor": _common(_read(sysfs / f"cpu{cpu}/cpufreq/scaling_governor") for cpu in allowed),
        "turbo": _turbo(sysfs),
        "idle_cores": idle_cores(root),
        "frequency_mhz": _frequency(cpuinfo, sysfs / f"cpu{allowed[0]}/cpufreq/scaling_cur_freq"),
        "hypervisor": _hypervisor(flags, root),
    }


def _model(cpuinfo: str, root: Path) -> str | None:
    found = _field(cpuinfo, "model name") or _read(root / "sys/firmware/devicetree/base/model")
    if not found and platform.system() == "Darwin":
        found = _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    return " ".join(found.replace("\0", " ").split()) if found else None


def _physical_cores(cpuinfo: str) -> int | None:
    blocks = [block for block in cpuinfo.split("\n\n") if "core id" in block]
    cores = {(_field(block, "physical id"), _field(block, "core id")) for block in blocks}
    return len(cores) or _tried(_psutil_cores)


def _psutil_cores() -> int | None:
    import psutil

    count: int | None = psutil.cpu_count(logical=False)
    return count


def _siblings(sysfs: Path, allowed: list[int]) -> list[str] | None:
    """The hardware threads that share a core, one text a core (`0-1`, `0,64`), of the cores that may be used."""
    lists = [_read(sysfs / f"cpu{cpu}/topology/thread_siblings_list") for cpu in allowed]
    return list(dict.fromkeys(text for text in lists if text)) or None


def _caches(folder: Path) -> dict[str, int] | None:
    """Bytes of each cache that the first allowed CPU sees: `L1d`, `L1i`, `L2`, `L3`."""
    sizes = {}
    for index in sorted(folder.glob("index*")):
        kind = {"Data": "d", "Instruction": "i"}.get(_read(index / "type") or "", "")
        size = re.fullmatch(r"(\d+)([KMG]?)", _read(index / "size") or "")
        if size and (level := _read(index / "level")):
            sizes[f"L{level}{kind}"] = int(size[1]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[size[2]]
    return sizes or None


def _turbo(sysfs: Path) -> bool | None:
    if (off := _read(sysfs / "intel_pstate/no_turbo")) is not None:
        return off == "0"
    boost = _read(sysfs / "cpufreq/boost")
    return None if boost is None else boost == "1"


def _frequency(cpuinfo: str, current: Path) -> float | None:
    khz = _number(current)
    text = _field(cpuinfo, "cpu MHz")
    return khz / 1000 if khz is not None else _tried(lambda: float(text)) if text else None


def _hypervisor(flags: set[str], root: Path) -> str | None:
    """Who runs this virtual machine; `unknown` where it does not say; None on bare metal, and where nothing tells."""
    if "hypervisor" not in flags:
        return _read(root / "sys/hypervisor/type")
    words = [_read(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name")]
    return " ".join(word for word in words if word) or "unknown"


def _memory() -> dict[str, int | None]:
    def swap() -> Any:
        import psutil

        return psutil.swap_memory()

    def virtual() -> Any:
        import psutil

        return psutil.virtual_memory()

    memory, swapped = _tried(virtual), _tried(swap)
    return {
        "total_bytes": getattr(memory, "total", None),
        "available_bytes": getattr(memory, "available", None),
        "swap_total_bytes": getattr(swapped, "total", None),
        "swap_used_bytes": getattr(swapped, "used", None),
    }


def _blas() -> list[dict[str, Any]]:
    """The thread pools of NumPy's BLAS, without the paths of their files."""
    import numpy  # noqa: F401 - loads the library that is looked for
    import threadpoolctl

    fields = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    described = [{field: pool[field] for field in fields if field in pool} for pool in pools]
    return [pool for number, pool in enumerate(described) if pool not in described[:number]]


def _distribution(root: Path) -> str | None:
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', _read(root / "etc/os-release") or "", re.MULTILINE)
    if match:
        return match[1]
    return f"macOS {platform.mac_ver()[0]}" if platform.mac_ver()[0] else None


def _checkout(folder: Path) -> dict[str, Any]:
    """The commit that is checked out in `folder`, and whether its files were changed since."""
    if not (folder / ".git").exists():
        return {"commit": None, "changed": None}
    git = ["git", "--no-optional-locks", "-C", str(folder)]
    commit = _output([*git, "rev-parse", "--verify", "--quiet", "HEAD"])
    changes = _output([*git, "status", "--porcelain", "--untracked-files=no"])
    return {"commit": commit or None, "changed": None if not commit or changes is None else changes != ""}


def _cgroup_paths(root: Path) -> Iterable[tuple[str, str]]:
    """(controller, path) pairs from /proc/self/cgroup; the controller of version 2 is ''."""
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield from ((controller, parts[2]) for controller in parts[1].split(","))


def _controller(mount: Path, name: str) -> Path:
    """The folder of a version 1 controller, which may be mounted together with another: `cpu,cpuacct`."""
    joined = [folder for folder in sorted(mount.glob("*,*")) if name in folder.name.split(",")]
    return mount / name if (mount / name).exists() or not joined else joined[0]


def _upward(mount: Path, path: str) -> Iterable[Path]:
    """The group's folder and those above it; just the mount where a container sees none of the others."""
    folder = mount / path.strip("/")
    while mount in folder.parents:
        yield folder
        folder = folder.parent
    yield mount


def _quota_v1(folder: Path) -> float | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _quota_v2(folder: Path) -> float | None:
    words = (_read(folder / "cpu.max") or "max").split()
    return _tried(lambda: int(words[0]) / int(words[1])) if words[0] != "max" else None


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _common(values: Iterable[str | None]) -> str | None:
    """The values that occur, each once: `performance`, or `performance, powersave` where the CPUs differ."""
    return ", ".join(sorted({value for value in values if value})) or None


def _field(text: str, name: str) -> str | None:
    match = re.search(rf"^{re.escape(name)}[ \t]*:[ \t]*(.*)$", text, re.MULTILINE)
    return match[1].strip() if match else None


def _number(path: Path) -> int | None:
    text = _read(path) or ""
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _tried(read: Callable[[], T]) -> T | None:
    """What `read` returns; None where this machine cannot tell, in whatever way a library says so."""
    try:
        return read()
    except Exception:
        return None
