"""When a function that is compiled as its users compile it is traced anew: a stream of calls in which batch sizes, types and
Python numbers vary, on the worker's side.

Nothing here runs, or is imported, in a plain run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from impls.diagnostics import Diagnostics, Trace
from impls.interface import Native
from suite.errors import UsageError
from suite.program import Program

Reply = dict[str, Any]
FURTHER_BATCHES = 3
"""Sizes beyond the problem's own, each one more."""
NUMBER, FURTHER_NUMBERS = 2.0, (0.5, 0.25)
OTHER_TYPE = "bfloat16"
MODEL_TYPES = {"int64": "int32", "int32": "int64"}


@dataclass(frozen=True)
class Asked:
    """One call of the stream. `kind`: `first`, or what differs from the first: `batch`, `number`, `type`."""

    kind: str
    change: str
    arguments: list[Native]
    number: float = NUMBER


def stream_of_calls(diagnostics: Diagnostics, make: Callable[..., Program]) -> Reply:
    """Each call of the stream twice, the second time with the same arguments; see `diagnoses.Retraces`."""
    with diagnostics.unpinned():
        program = make()
    calls = []
    gave_up = ""
    for asked in stream(program, make):
        seconds, traces, refused = _called(diagnostics, program, asked)
        again_s, again, _ = (0.0, [], "") if refused else _called(diagnostics, program, asked)
        gave_up = next((trace.reason for trace in (*traces, *again) if trace.gave_up), gave_up)
        calls.append(
            {
                "kind": asked.kind,
                "change": asked.change,
                "traced": bool(traces),
                "seconds": seconds,
                "traced_again": bool(again),
                "again_s": again_s,
                "reason": refused or _reason(traces),
                "reason_again": _reason(again),
                "refused": bool(refused),
            }
        )
    breaks, note = diagnostics.breaks([*program.arguments, NUMBER])
    told = None if breaks is None else [{"reason": one.reason, "where": one.where} for one in breaks]
    return {"calls": calls, "breaks": told, "note": note, "gave_up": gave_up}


def _reason(traces: list[Trace]) -> str:
    return next((trace.reason for trace in traces if trace.reason), "")


def stream(program: Program, make: Callable[..., Program]) -> Iterator[Asked]:
    """Every call that differs from the first in one thing; a batch size that the workload refuses is left out."""
    yield Asked("first", "", program.arguments)
    batch = program.problem.get("batch")
    sizes = range(batch + 1, batch + 1 + FURTHER_BATCHES) if isinstance(batch, int) else ()
    for size in sizes:
        try:
            yield Asked("batch", f"batch={size}", make(batch=size).arguments)
        except UsageError:
            continue
    for number in FURTHER_NUMBERS:
        yield Asked("number", f"{number:g} in place of {NUMBER:g}", program.arguments, number)
    other = _of_other_type(program)
    if other is not None:
        yield other


def _of_other_type(program: Program) -> Asked | None:
    """A model's parameters have one type, so of its data only class numbers may have another; of an operation all floats."""
    backend, model = program.backend, program.workload.network is not None
    if model:
        names = [name for name, tensor in program.workload.tensors(program.problem).items() if tensor.role == "input"]
        arrays = [backend.numpy(argument) for argument in program.arguments[: len(names)]]
        kind = next((MODEL_TYPES[array.dtype.name] for array in arrays if array.dtype.name in MODEL_TYPES), None)
        if kind is None:
            return None
        changed = [
            backend.array(array.astype(kind), program.precision, program.device)
            if array.dtype.name in MODEL_TYPES
            else argument
            for array, argument in zip(arrays, program.arguments, strict=False)
        ]
        return Asked("type", kind, [*changed, *program.arguments[len(names) :]])
    kind = OTHER_TYPE if program.precision != OTHER_TYPE else "float32"
    return Asked("type", kind, [_cast(program, position, kind) for position in range(len(program.arguments))])


def _cast(program: Program, position: int, precision: str) -> Native:
    argument = program.arguments[position]
    array = program.backend.numpy(argument)
    if not np.issubdtype(array.dtype, np.floating):
        return argument
    differentiable = program.task == "gradient" and position in program.positions
    return program.backend.array(array, precision, program.device, differentiable)


def _called(diagnostics: Diagnostics, program: Program, asked: Asked) -> tuple[float, list[Trace], str]:
    """Seconds until the results are there, what was traced, and why the framework refused it."""
    refused = ""
    with diagnostics.tracing() as traces:
        start = time.perf_counter()
        try:
            program.backend.synchronize(program.function(*asked.arguments, asked.number))
        except Exception as error:
            if asked.kind == "first":
                raise
            lines = str(error).strip().splitlines()
            refused = f"refused: {type(error).__name__}: {lines[0] if lines else ''}"
        seconds = time.perf_counter() - start
    return seconds, traces, refused
