"""A GPU that is none: memory that runs out, a clock that is held down, strangers. Workers and NVML see it alike.

What concerns all of its users lies in the folder that TRIPTYCH_FAKE_GPU names: in `<pid>` the bytes that a process holds, in
`settings.json` how the device behaves.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

VARIABLE = "TRIPTYCH_FAKE_GPU"
NAME = "Fake GPU"


@dataclass
class Settings:
    capacity: int = 8 * 2**30
    context: int = 2**20
    """What a process takes at its start."""
    greed: int = 1
    """Arrays of less than 128 KiB take so many times their size."""
    fragments: bool = False
    """What a process gave back is of no use to it any more."""
    lies: bool = False
    """Its synchronisation waits for nothing."""
    always_tf32: bool = False
    """Products are rounded to TF32, whatever was asked for."""
    throttles: bool = False
    strangers: int = 0
    compute_mode: int = 0
    """3: for one process alone."""


class FakeDevice:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def here(cls) -> FakeDevice:
        return cls(Path(os.environ[VARIABLE]))

    @property
    def settings(self) -> Settings:
        path = self.folder / "settings.json"
        return Settings(**json.loads(path.read_text())) if path.exists() else Settings()

    def set(self, **settings: Any) -> None:
        (self.folder / "settings.json").write_text(json.dumps(asdict(Settings(**settings))))

    def held(self) -> dict[int, int]:
        """Bytes by process, of those that live."""
        found = {int(path.name): path for path in self.folder.iterdir() if path.name.isdecimal()}
        return {pid: int(path.read_text() or 0) for pid, path in found.items() if Path(f"/proc/{pid}").exists()}

    def hold(self, size: int) -> None:
        """Let this process hold so many bytes.

        Raises MemoryError where there are not so many left, RuntimeError where the device is another process' alone.
        """
        others = sum(size for pid, size in self.held().items() if pid != os.getpid())
        if others and self.settings.compute_mode == 3:
            raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable")
        if others + size > self.settings.capacity:
            raise MemoryError(f"CUDA error: out of memory: {others + size} of {self.settings.capacity} bytes")
        path = self.folder / str(os.getpid())
        path.with_suffix(".new").write_text(str(size))
        path.with_suffix(".new").replace(path)  # whoever reads meanwhile finds the old number


class FakeNvml:
    """As much of NVML as `suite.gpu` asks for."""

    NVML_CLOCK_SM = 1

    class NVMLError(Exception):
        pass

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self.held_down_ns = 0

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeDevice:
        if index:
            raise self.NVMLError("Invalid Argument")
        return self.device

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeDevice:
        raise self.NVMLError("Not Found")

    def nvmlDeviceGetName(self, handle: FakeDevice) -> str:
        return NAME

    def nvmlSystemGetDriverVersion(self) -> str:
        return "999.1"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 13020

    def nvmlDeviceGetMemoryInfo(self, handle: FakeDevice) -> SimpleNamespace:
        return SimpleNamespace(total=handle.settings.capacity, used=sum(handle.held().values()))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: FakeDevice) -> list[int]:
        return [*(pid for pid, size in handle.held().items() if size), *range(handle.settings.strangers)]

    def nvmlDeviceGetUtilizationRates(self, handle: FakeDevice) -> SimpleNamespace:
        return SimpleNamespace(gpu=40 if handle.settings.strangers else 0)

    def nvmlDeviceGetComputeMode(self, handle: FakeDevice) -> int:
        return handle.settings.compute_mode

    def nvmlDeviceGetClockInfo(self, handle: FakeDevice, clock: int) -> int:
        return 900 if handle.settings.throttles else 1800

    def nvmlDeviceGetMaxClockInfo(self, handle: FakeDevice, clock: int) -> int:
        return 1980

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: FakeDevice) -> int:
        return 0x40 if handle.settings.throttles else 0x1

    def nvmlDeviceGetViolationStatus(self, handle: FakeDevice, policy: int) -> SimpleNamespace:
        if policy > 1:
            raise self.NVMLError("Not Supported")
        if handle.settings.throttles and policy == 0:
            self.held_down_ns += 1000
        return SimpleNamespace(violationTime=self.held_down_ns if policy == 0 else 0)
