"""The worker's own process: what it may use, what it was denied, and what it takes."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from typing import Any


def prepare(cpus: list[int], memory_limit_bytes: int) -> None:
    """Set what must be set before a framework is imported. The environment was set by whoever started this process.

    `cpus` are the numbers of those that it may use; a limit of 0 bytes is none.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    if memory_limit_bytes and hasattr(resource, "RLIMIT_DATA"):
        # An allocation too many fails here, in this process, before the kernel has to choose a victim.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))


def affinity() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def involuntary_switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def stolen_ms() -> float:
    """Milliseconds that the hypervisor gave to others since boot, over all CPUs; 0 where Linux does not tell."""
    try:
        with open("/proc/stat", "rb") as file:
            fields = file.readline().split()
        return int(fields[8]) * 1000 / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def peak_memory_bytes(call: Callable[[], Any]) -> int | None:
    """Growth of the resident set's high-water mark over one call; None where Linux does not tell.

    Writing 5 to clear_refs resets the mark (proc(5)). Memory that an allocator kept from earlier calls would hide the
    growth, so glibc is asked to give it back first; what a framework's own allocator keeps is not seen.
    """
    trim()
    try:
        clear_refs("5")
        before = told_bytes("VmRSS")
        call()
        return max(0, told_bytes("VmHWM") - before)
    except (OSError, KeyError):
        return None


def trim() -> None:
    """What glibc has kept of freed memory goes back to the system."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back:
        give_back(0)


def clear_refs(what: str) -> None:
    """Forget which pages were touched ("1"), or how much memory there was at most ("5"). Source: proc(5)."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write(what)


def told_bytes(field: str, file: str = "status") -> int:
    """What Linux tells of this process under that name in /proc. Raises OSError or KeyError where it does not."""
    with open(f"/proc/self/{file}") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
    raise KeyError(field)
