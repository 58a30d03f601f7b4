"""Proofs that a backend does what it was asked for, by what comes of it and not by what it tells of itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.interface import Backend
from suite import threads, timing
from suite.device import EXACT, is_tf32
from suite.program import Implementations, Program, definition
from suite.workloads.draw import draw, round_to

PROOF = {
    "cpu": dict(batch=768, in_features=1024, out_features=1024),
    "cuda": dict(batch=2048, in_features=4096, out_features=4096),
}
"""The long kernel that the synchronisation is proven with: 1.6 GFLOP, on a GPU 69."""
SHARE, LONG = 384, 1024
"""Rows of a product for each thread that shall share it, and the length of its sums: 0.8 GFLOP a thread."""
ROUNDED: dict[str, dict[str, Any]] = {
    "linear": dict(batch=256, in_features=EXACT, out_features=256),
    "conv2d": dict(
        batch=4,
        in_channels=EXACT,
        out_channels=64,
        size=8,
        kernel=1,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        auto_pad="explicit",
    ),
}
"""Sums of so many products that show how their factors were rounded."""


def clock(backend: Backend, implementations: Implementations, device: str) -> dict[str, Any]:
    """Whether the synchronisation waits for every output: `passed` and a `sentence`; see `timing.prove_synchronization`."""
    workload, problem = definition("linear", PROOF[device])
    values = {name: round_to(array, "float32") for name, array in draw(workload, problem, seed=0).items()}
    eager = backend.modes[0]
    program = Program(
        backend,
        implementations,
        workload,
        problem,
        task="gradient",
        mode=eager,
        variant="default",
        precision="float32",
        device=device,
        values=values,
    )
    # Contracted to a number: reading that back takes no time but what is left of computing it.
    long = backend.forward(program.objective, eager)

    def short_and_long(*arguments: Any) -> tuple[Any, ...]:
        # The long one comes last: a synchronisation that waits for the first output only is caught.
        return (arguments[-1], *long(*arguments))

    def read_back(outputs: Any) -> None:
        backend.numpy(outputs[-1])

    work = timing.Timed(short_and_long, program.arguments, backend.synchronize)
    work.synchronize(short_and_long(*work.arguments))
    read_back(short_and_long(*work.arguments))
    with timing.no_garbage_collection():
        proof = timing.prove_synchronization(work, read_back)
    return {"passed": proof.passed, "sentence": proof.sentence}


def precision(backend: Backend, implementations: Implementations, asked: str, device: str) -> dict[str, Any]:
    """Whether products in float32 are rounded to TF32 where that was asked for, and nowhere else: `passed`, a `sentence`.

    A convolution may be free to round and not do it, so it only has to abstain where that was not asked for.
    """
    found = {}
    for name, parameters in ROUNDED.items():
        workload, problem = definition(name, parameters)
        values = {
            name: np.full(tensor.shape, 1.0001 if name == "x" else tensor.role == "parameter" and name != "bias", float)
            for name, tensor in workload.tensors(problem).items()
        }
        program = Program(
            backend,
            implementations,
            workload,
            problem,
            task="forward",
            mode=backend.modes[0],
            variant="default",
            precision=asked,
            device=device,
            values=values,
        )
        found[name] = is_tf32(float(program.read(program.call())["y"].flat[0]))
    wanted = asked == "tf32"
    passed = found["linear"] == wanted and (wanted or not found["conv2d"])
    words = ", ".join(f"{name} {'is' if rounded else 'is not'}" for name, rounded in found.items())
    return {"passed": passed, "sentence": f"asked for {asked}, rounded to TF32: {words}"}


def threads_at_work(backend: Backend, implementations: Implementations, asked: int) -> int | None:
    """How many threads compute in a product on the CPU that is large enough for as many as were asked for.

    None where the system does not tell; see `suite.threads`.
    """
    backend.use("float32")
    product = backend.forward(implementations["matmul", "default"].function, backend.modes[0])
    shapes = (SHARE * asked, LONG), (LONG, LONG)
    factors = [backend.array(np.full(shape, 0.5), "float32", "cpu") for shape in shapes]
    return threads.at_work(lambda: backend.synchronize(product(*factors)))
