"""The numbers: drawn once in NumPy, the same in every framework, interpreter and machine.

Each tensor has its own stream, seeded by the SHA-256 of the run's seed, the workload, its problem and the tensor's name;
so the values depend neither on the task nor on what else is drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from suite.workloads.definition import Array, Problem, Tensor, Workload
from suite.workloads.distributions import Normal

COTANGENT = "cotangent."
TANGENT = "tangent."


def draw(workload: Workload, problem: Problem, seed: int, attempt: int = 0, tangents: bool = False) -> dict[str, Array]:
    """Every tensor of the workload by name, targets included, and one `cotangent.<output>` for each output.

    With `tangents` also a `tangent.<name>` for each differentiable tensor, its entries of size 1 whatever the tensor's are.
    Floats come as float64, whole numbers as int64, masks as bool. `attempt` draws another point (for one that met a kink).
    """
    tensors = dict(workload.tensors(problem))
    if workload.loss is None and not workload.is_scalar(problem):
        tensors |= {COTANGENT + name: output for name, output in workload.cotangents(problem).items()}
    if tangents:
        moved = workload.differentiable(problem)
        tensors |= {TANGENT + name: replace(tensor, draw=Normal()) for name, tensor in moved.items()}
    return {name: _draw_one(workload, problem, seed, attempt, name, tensor) for name, tensor in tensors.items()}


def _draw_one(workload: Workload, problem: Problem, seed: int, attempt: int, name: str, tensor: Tensor) -> Array:
    text = f"{seed}|{workload.name}|{problem.text()}|{name}" + (f"|{attempt}" if attempt else "")
    digest = hashlib.sha256(text.encode()).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
    return np.asarray(tensor.draw(rng, tensor.shape))


def round_to(array: Array, precision: str) -> Array:
    """`array` rounded to the nearest number of `precision`, in the narrowest NumPy type that holds it exactly.

    Whole numbers and masks stay as they are. bfloat16, which NumPy lacks, comes as float32 with the low 16 bits zero
    (round half to even).
    """
    if array.dtype.kind != "f":
        return array
    if precision == "float64":
        return array
    if precision == "float16":
        return array.astype(np.float16)
    if precision in ("float32", "tf32"):
        return array.astype(np.float32)
    mantissa, exponent = np.frexp(array)
    return np.asarray(np.ldexp(np.rint(mantissa * 2**8), exponent - 8), dtype=np.float32)


def checksum(arrays: dict[str, Array]) -> str:
    """SHA-256 over names, shapes, types and bytes: equal only where every number is."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        contiguous = np.asarray(array, order="C")
        digest.update(f"{name}{contiguous.shape}{contiguous.dtype.str}".encode())
        digest.update(contiguous.tobytes())
    return digest.hexdigest()
