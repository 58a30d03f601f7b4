"""NumPy on a queue of its own, in the memory of `tests.fakes.device`, with TF32 and events."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from impls.interface import Function
from tests.fakes.asynchronous import AsynchronousBackend
from tests.fakes.device import FakeDevice

SMALL = 2**17


class GpuBackend(AsynchronousBackend):
    def __init__(self) -> None:
        super().__init__()
        self.device = FakeDevice.here()
        self.held = self.device.settings.context
        self.busy_ns = 0
        self.rounds = False
        self.error: RuntimeError | None = None

    def settings(self) -> dict[str, Any]:
        self.device.hold(self.held)
        return super().settings()

    def use(self, precision: str) -> None:
        self.rounds = precision == "tf32" or (precision == "float32" and self.device.settings.always_tf32)

    def unsupported(self, precision: str, device: str) -> str | None:
        return None if precision in ("float64", "float32", "tf32") else f"the fake has no {precision}"

    def array(self, values: np.ndarray, precision: str, device: str, differentiable: bool = False) -> np.ndarray:
        array = super().array(values, "float32" if precision == "tf32" else precision, device)
        size = array.nbytes * (self.device.settings.greed if array.nbytes < SMALL else 1)
        self._change(size)
        if not self.device.settings.fragments:
            weakref.finalize(array, self._change, -size)
        return array

    def _change(self, size: int) -> None:
        self.device.hold(self.held + size)
        self.held += size

    def forward(self, function: Function, mode: str) -> Function:
        def on_device(*tensors: Any) -> Any:
            if self.error:
                raise self.error
            start = time.perf_counter_ns()
            try:
                return function(*(_as_tf32(tensor) for tensor in tensors) if self.rounds else tensors)
            except RuntimeError as error:
                self.error = error  # CUDA repeats it for as long as the process lives
                raise
            finally:
                self.busy_ns += time.perf_counter_ns() - start

        return super().forward(on_device, mode)

    def synchronize(self, outputs: Sequence[Any]) -> None:
        if not self.device.settings.lies:
            self.wait(outputs)

    def kernel_ns(self, call: Callable[[], Any], calls: int) -> float | None:
        before = self.busy_ns
        for _ in range(calls):
            self.wait(call())
        return (self.busy_ns - before) / calls

    def peak_device_bytes(self, function: Function, arguments: Sequence[Any]) -> int | None:
        outputs = function(*arguments)
        self.wait(outputs)
        return sum(self.numpy(output).nbytes for output in outputs)


def _as_tf32(array: Any) -> Any:
    """Ten bits of the mantissa, rounded to nearest."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        return array
    bits = array.view(np.uint32)
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


BACKEND = GpuBackend
