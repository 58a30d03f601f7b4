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

from impls.interface import Backend, Function, Native, as_tuple
from impls.numpy.networks import NumpyModels

Array = np.ndarray

STEP = 1e-4
"""Of the differences that second derivatives are taken by: the error of the step, h⁴, is below that of rounding, eps / h."""


class NumpyBackend(Backend):
    modes = ("eager",)
    forward_mode = False
    models = NumpyModels()

    def start(self, threads: int) -> None:
        """Nothing: BLAS reads its number of threads from the environment when it is loaded."""

    def versions(self) -> dict[str, str]:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"numpy": np.__version__, "blas": f"{blas.get('name')} {blas.get('version')}"}

    def build(self) -> dict[str, str]:
        told = np.show_config(mode="dicts")
        compiler, blas = told["Compilers"]["c"], told["Build Dependencies"]["blas"]
        return {
            "device": "CPU",
            "compiler": f"{compiler['name']} {compiler['version']}",
            "blas": f"{blas.get('name')} {blas.get('version')}",
            "instructions": " ".join(told["SIMD Extensions"].get("found", [])),
        }

    def settings(self) -> dict[str, str | int | bool | None]:
        return {
            "threads": int(os.environ["OPENBLAS_NUM_THREADS"]),
            "threads_source": "OPENBLAS_NUM_THREADS",
            "flush_denormals": bool(np.float32(1e-40) * np.float32(1) == 0),
        }

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

    def leading(self, function: Function, count: int) -> Function:
        def outputs_and_backward(*tensors: Array) -> tuple[Native, Function]:
            outputs, backward = function(*tensors)
            return as_tuple(outputs)[:count], backward

        return outputs_and_backward

    def jvp(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        """By the rows of the Jacobian: exact, and slow."""
        rows = self.jacobian(function, mode, positions)

        def pushforward(*tensors: Array) -> tuple[Array, ...]:
            tensors, tangents = tensors[: -len(positions)], tensors[-len(positions) :]
            outputs = as_tuple(function(*tensors)[0])
            blocks = iter(rows(*tensors))
            derivatives = [
                sum(np.tensordot(next(blocks), tangent, tangent.ndim) for tangent in tangents) for _ in outputs
            ]
            return (*outputs, *derivatives)

        return pushforward

    def hvp(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """Central differences of the gradient with one Richardson step, right to `HVP_AGREEMENT` of `suite.correctness`.

        They are taken in float64, whatever comes: in float32 rounding would leave three digits of them.
        """
        gradient = self.gradient(objective, mode, positions)

        def gradient_and_derivative(*tensors: Array) -> tuple[Array, ...]:
            precision = tensors[positions[0]].dtype
            tensors = tuple(t.astype(np.float64) if t.dtype.kind == "f" else t for t in tensors)
            tensors, tangents = tensors[: -len(positions)], tensors[-len(positions) :]

            def moved(step: float) -> list[Array]:
                arguments = list(tensors)
                for position, tangent in zip(positions, tangents, strict=True):
                    arguments[position] = arguments[position] + step * tangent
                return gradient(*arguments)[1:]

            def difference(step: float) -> list[Array]:
                return [(a - b) / (2 * step) for a, b in zip(moved(step), moved(-step), strict=True)]

            pairs = zip(difference(STEP), difference(STEP / 2), strict=True)
            results = (*gradient(*tensors)[1:], *((4 * narrow - wide) / 3 for wide, narrow in pairs))
            return tuple(result.astype(precision) for result in results)

        return gradient_and_derivative

    def jacobian(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        """A row for each entry of each output: what comes back from a cotangent that is 1 there."""

        def jacobian(*tensors: Array) -> tuple[Array, ...]:
            outputs, backward = function(*tensors)
            outputs = as_tuple(outputs)
            blocks = []
            for number, output in enumerate(outputs):
                rows: list[list[Array]] = [[] for _ in positions]
                for index in np.ndindex(np.shape(output)):
                    cotangents = [np.zeros_like(other) for other in outputs]
                    cotangents[number][index] = 1
                    gradients = backward(*cotangents)
                    for row, position in zip(rows, positions, strict=True):
                        row.append(np.array(gradients[position]))
                blocks += [np.reshape(row, np.shape(output) + row[0].shape) for row in rows]
            return tuple(blocks)

        return jacobian

    def per_example_gradient(
        self, objective: Function, mode: str, positions: Sequence[int], axes: Sequence[int | None]
    ) -> Function:
        """One example after the other."""
        gradient = self.gradient(objective, mode, positions)

        def losses_and_gradients(*tensors: Array) -> tuple[Array, ...]:
            batch = next(t.shape[axis] for t, axis in zip(tensors, axes, strict=True) if axis is not None)
            found = []
            for example in range(batch):
                one = [
                    t if axis is None else np.take(t, [example], axis) for t, axis in zip(tensors, axes, strict=True)
                ]
                found.append(gradient(*one))
            return tuple(np.array(arrays) for arrays in zip(*found, strict=True))

        return losses_and_gradients


BACKEND = NumpyBackend
