"""NumPy, with backward functions derived by hand.

An implementation returns its result and the function that takes the cotangent of the result to the cotangents of the
arguments, in their order (None for class numbers); so value and derivative stand side by side:

    def square(x):
        def backward(dy):
            return (2 * x * dy,)
        return x * x, backward
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from impls.interface import Backend, Function, Native, as_tuple, place

Array = np.ndarray


class NumpyBackend(Backend):
    modes = ("eager",)

    def start(self, threads: int) -> None:
        """Nothing: BLAS reads its number of threads from the environment when it is loaded."""

    def versions(self) -> dict[str, str]:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"numpy": np.__version__, "blas": f"{blas.get('name')} {blas.get('version')}"}

    def settings(self) -> dict[str, str | int | bool | None]:
        return {"threads": int(os.environ["OPENBLAS_NUM_THREADS"]), "threads_source": "OPENBLAS_NUM_THREADS"}

    def unsupported(self, precision: str, device: str) -> str | None:
        if device != "cpu":
            return "NumPy computes on the CPU only"
        if precision not in ("float64", "float32"):
            return f"NumPy has no fast {precision} arithmetic"
        return None

    def array(self, values: Array, precision: str, device: str, differentiable: bool = False) -> Array:
        return np.array(values, dtype=precision if values.dtype.kind == "f" else None)

    def numpy(self, tensor: Native) -> Array:
        return np.asarray(tensor)

    def precision_of(self, tensor: Native) -> str:
        return str(np.asarray(tensor).dtype)

    def synchronize(self, outputs: Sequence[Native]) -> None:
        """Nothing: NumPy returns when it is done."""

    def compose(self, function: Function, criterion: Function, count: int) -> Function:
        def objective(*tensors: Array) -> tuple[Array, Function]:
            outputs, backward = function(*tensors[:count])
            loss, criterion_backward = criterion(outputs, *tensors[count:])

            def chained(dloss: Array) -> tuple[Array | None, ...]:
                doutputs = criterion_backward(dloss)[0]
                return tuple(backward(*as_tuple(doutputs)))

            return loss, chained

        return objective

    def contract(self, outputs: Native, *cotangents: Array) -> tuple[Array, Function]:
        pairs = zip(as_tuple(outputs), cotangents, strict=False)
        loss = np.sum([np.vdot(output, cotangent) for output, cotangent in pairs])
        return loss, lambda dloss: (tuple(dloss * cotangent for cotangent in cotangents),)

    def forward(self, function: Function, mode: str) -> Function:
        return lambda *tensors: as_tuple(function(*tensors)[0])

    def gradient(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        def value_and_gradient(*tensors: Array) -> tuple[Array, ...]:
            loss, backward = objective(*tensors)
            gradients = backward(np.ones_like(loss))
            return (loss, *(gradients[position] for position in positions))

        return value_and_gradient

    def training(
        self, objective: Function, mode: str, tensors: Sequence[Array], positions: Sequence[int], learning_rate: float
    ) -> Function:
        parameters = [tensors[position].copy() for position in positions]
        gradient = self.gradient(objective, mode, positions)

        def step(*data: Array) -> tuple[Array, ...]:
            loss, *gradients = gradient(*place(data, parameters, positions))
            for parameter, derivative in zip(parameters, gradients, strict=True):
                parameter -= learning_rate * derivative
            return (loss, *parameters)

        return step


BACKEND = NumpyBackend
