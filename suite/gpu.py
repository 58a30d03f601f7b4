"""NVIDIA GPUs as the driver's management library (NVML) tells of them: what they are, how fast they run, who uses them.

No framework is asked and no CUDA context is made, so looking takes microseconds and nothing from whoever computes. What a
driver does not tell is None, or 0 where it is counted.

Source: NVIDIA, NVML API reference guide; the numbers of reasons and policies are those of nvml.h.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REASONS = {0x4: "power", 0x8: "slowdown", 0x20: "heat", 0x40: "heat", 0x80: "power brake"}
"""Bits of the reasons for which the clock is held down at this moment. Others mean that it idles, or was set so."""
POLICIES = {0: "power", 1: "heat", 3: "board limit", 5: "reliability"}
"""Policies of which the driver counts the nanoseconds for which they held the clock down."""
COMPUTE_MODES = {0: "shared", 1: "one thread", 2: "prohibited", 3: "one process"}


@dataclass(frozen=True)
class State:
    """A GPU at one moment."""

    clock_mhz: int
    """Of the multiprocessors."""
    reasons: frozenset[str]
    """Why the clock is held down now."""
    held_down_ns: Mapping[str, int]
    """By policy, for how long it has held the clock down since the driver was loaded."""


@dataclass(frozen=True)
class Gpu:
    """One GPU. `entry` is what CUDA_VISIBLE_DEVICES says where a process shall see it alone."""

    entry: str
    nvml: Any
    handle: Any

    def facts(self) -> dict[str, Any]:
        """Name, driver, CUDA version and so on, as plain values. Memory in bytes, clocks in MHz, power in watts.

        `busy` is the share of the last moment in which it computed for anybody.
        """
        memory = self._ask("nvmlDeviceGetMemoryInfo", self.handle)
        capability = self._ask("nvmlDeviceGetCudaComputeCapability", self.handle)
        cuda = self._ask("nvmlSystemGetCudaDriverVersion")
        milliwatts = self._ask("nvmlDeviceGetEnforcedPowerLimit", self.handle)
        mig = self._ask("nvmlDeviceGetMigMode", self.handle)
        busy = self._ask("nvmlDeviceGetUtilizationRates", self.handle)
        return {
            "entry": self.entry,
            "name": _text(self._ask("nvmlDeviceGetName", self.handle)),
            "driver": _text(self._ask("nvmlSystemGetDriverVersion")),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
            "capability": ".".join(map(str, capability)) if capability else None,
            "memory_bytes": memory.total if memory else None,
            "used_bytes": memory.used if memory else None,
            "clock_mhz": self._ask("nvmlDeviceGetClockInfo", self.handle, self.nvml.NVML_CLOCK_SM),
            "most_clock_mhz": self._ask("nvmlDeviceGetMaxClockInfo", self.handle, self.nvml.NVML_CLOCK_SM),
            "power_limit_w": milliwatts / 1000 if milliwatts else None,
            "mig": bool(mig[0]) if mig else None,
            "sharing": COMPUTE_MODES.get(self._ask("nvmlDeviceGetComputeMode", self.handle)),
            "processes": self.processes(),
            "busy": busy.gpu / 100 if busy else None,
            "held_down": sorted(self.state().reasons),
        }

    def memory_used_bytes(self) -> int:
        memory = self._ask("nvmlDeviceGetMemoryInfo", self.handle)
        return int(memory.used) if memory else 0

    def energy_uj(self) -> int | None:
        """Microjoules that it has taken since the driver was loaded."""
        millijoules = self._ask("nvmlDeviceGetTotalEnergyConsumption", self.handle)
        return None if millijoules is None else int(millijoules) * 1000

    def processes(self) -> int:
        """How many processes compute on it; in a container, those that the driver shows there."""
        return len(self._ask("nvmlDeviceGetComputeRunningProcesses", self.handle) or [])

    def is_for_one_process(self) -> bool:
        """Whether it lets no second process in."""
        return COMPUTE_MODES.get(self._ask("nvmlDeviceGetComputeMode", self.handle)) in ("one thread", "one process")

    def state(self) -> State:
        bits = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", self.handle) or 0
        counted = {n: self._ask("nvmlDeviceGetViolationStatus", self.handle, number) for number, n in POLICIES.items()}
        return State(
            clock_mhz=self._ask("nvmlDeviceGetClockInfo", self.handle, self.nvml.NVML_CLOCK_SM) or 0,
            reasons=frozenset(name for bit, name in REASONS.items() if bits & bit),
            held_down_ns={name: found.violationTime for name, found in counted.items() if found is not None},
        )

    def _ask(self, question: str, *arguments: Any) -> Any:
        """The answer; None where this driver, device or container does not give one."""
        try:
            return getattr(self.nvml, question)(*arguments)
        except (self.nvml.NVMLError, AttributeError):
            return None


def library() -> Any:
    """NVML, ready to be asked. Raises OSError, with what is missing, where there is no driver or none that works."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise OSError(str(error)) from None
    return pynvml


def find(environ: Mapping[str, str] = os.environ) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order, else all by their bus numbers.

    Raises OSError, with what is missing, where there is no driver or none that works.
    """
    nvml = library()
    asked = environ.get("CUDA_VISIBLE_DEVICES")
    entries = map(str, range(nvml.nvmlDeviceGetCount())) if asked is None else asked.split(",")
    found = []
    for entry in (text.strip() for text in entries):
        try:
            by_number = entry.isdecimal()
            handle = nvml.nvmlDeviceGetHandleByIndex(int(entry)) if by_number else nvml.nvmlDeviceGetHandleByUUID(entry)
        except nvml.NVMLError:
            break  # CUDA, too, shows none from the first on that there is not
        found.append(Gpu(entry, nvml, handle))
    return found


def of_device(device: str) -> Gpu | None:
    """The GPU that `cuda` or `cuda:1` means; None for the CPU. Raises OSError, in half a sentence, where there is none."""
    if device == "cpu":
        return None
    gpus, number = find(), int(device.partition(":")[2] or 0)
    if number >= len(gpus):
        shown = " that CUDA_VISIBLE_DEVICES shows" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
        raise OSError(f"there is no NVIDIA GPU{shown}" if not gpus else f"the last GPU{shown} is cuda:{len(gpus) - 1}")
    return gpus[number]


def held_down(before: State, after: State) -> list[str]:
    """Why the clock was held down between two moments, or is at the second of them.

    What the driver has counted meanwhile shows a throttling that came and went; its reasons of this moment, one of which
    it keeps no count.
    """
    counted = {name for name, ns in after.held_down_ns.items() if ns > before.held_down_ns.get(name, ns)}
    return sorted(counted | after.reasons)


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
