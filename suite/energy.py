"""What the machine takes while it works, where it can be read: RAPL of the processor, NVML of a GPU.

RAPL counts microjoules of whole processor packages, idle cores and other processes included, and begins anew at the largest
number that it can hold. Source: Linux kernel, power capping framework (Documentation/power/powercap); NVIDIA, NVML API
reference guide, nvmlDeviceGetTotalEnergyConsumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from suite.gpu import Gpu

POWERCAP = Path("/sys/class/powercap")
Reading = Mapping[str, int]
"""Microjoules by counter, since some moment."""


@dataclass(frozen=True)
class Meter:
    """Something that counts energy. `name` says what, and of what."""

    name: str
    read: Callable[[], Reading]
    ranges: Reading = field(default_factory=dict)
    """The number after which each counter begins anew, where it does."""

    def joules(self, before: Reading, after: Reading) -> float:
        """Between two readings, over all counters. One that began anew in between counts on, which it may once."""
        total = 0
        for counter, now in after.items():
            taken = now - before[counter]
            total += taken if taken >= 0 else taken + self.ranges[counter] + 1
        return total / 1e6


def find(gpu: Gpu | None, powercap: Path = POWERCAP) -> Meter | str:
    """The meter of the device that is measured on; a sentence where there is none that can be read."""
    return _rapl(powercap) if gpu is None else _nvml(gpu)


def _nvml(gpu: Gpu) -> Meter | str:
    if gpu.energy_uj() is None:
        return "The driver does not tell what this GPU takes."
    return Meter("NVML, the whole GPU", lambda: {"gpu": gpu.energy_uj() or 0})


def _rapl(powercap: Path) -> Meter | str:
    """The packages, and the memory where it is counted apart; cores and graphics are parts of the package."""
    zones = [
        zone for zone in sorted(powercap.glob("intel-rapl*:*")) if _text(zone / "name").startswith(("package", "dram"))
    ]
    if not zones:
        return f"There is no RAPL in {powercap}, as in most virtual machines: nobody tells what the processor takes."
    try:
        ranges = {zone.name: int(_text(zone / "max_energy_range_uj")) for zone in zones}
        counters = {zone.name: zone / "energy_uj" for zone in zones}

        def read() -> Reading:
            return {name: int(path.read_text()) for name, path in counters.items()}

        read()
    except PermissionError:
        return (
            f"RAPL is there, but only root may read it: sudo chmod a+r {powercap}/intel-rapl*:*/energy_uj lets others."
        )
    except (OSError, ValueError) as error:
        return f"RAPL is there, but cannot be read: {error}."
    names = dict.fromkeys(_text(zone / "name").partition("-")[0] for zone in zones)
    return Meter(f"RAPL, {' and '.join(names)}", read, ranges)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
