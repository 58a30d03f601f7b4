"""A backend that, like a GPU's, returns before its work is done: NumPy on a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from impls.interface import Function, as_tuple
from impls.numpy.backend import NumpyBackend


class AsynchronousBackend(NumpyBackend):
    def __init__(self) -> None:
        self.queue = ThreadPoolExecutor(max_workers=1)

    def forward(self, function: Function, mode: str) -> Function:
        def submit(*tensors: Any) -> tuple[Future[np.ndarray]]:
            return (self.queue.submit(lambda: as_tuple(function(*tensors)[0])[0]),)

        return submit

    def numpy(self, tensor: Any) -> np.ndarray:
        return np.array(tensor.result() if isinstance(tensor, Future) else tensor)

    def precision_of(self, tensor: Any) -> str:
        return str(self.numpy(tensor).dtype)

    def wait(self, outputs: Sequence[Any]) -> None:
        for output in outputs:
            if isinstance(output, Future):
                output.result()
