"""What PyTorch tells of its own work: the times of its compiler's steps, its profiler, its counter of operations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch._dynamo.utils as dynamo
import torch._inductor.config as inductor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from impls.diagnostics import (
    CALL,
    Break,
    Compiled,
    Counted,
    Diagnostics,
    Event,
    Kind,
    Trace,
    outermost,
    times_a_number,
)
from impls.interface import Function, Native
from impls.pytorch import modes

UNCOUNTED = {
    "_scaled_dot_product": "the fused attention of the CPU",
    "mkldnn_rnn_layer": "the fused recurrent layers of the CPU",
    "_transformer_encoder_layer": "the fused encoder layer",
    "linalg": "decompositions",
    "cholesky": "decompositions",
    "triangular_solve": "decompositions",
    "fft": "Fourier transforms",
}
"""What `FlopCounterMode` takes for nothing although much is computed there, by a part of its name."""


class PytorchDiagnostics(Diagnostics):
    @property
    def cache(self) -> str:
        return "PyTorch keeps what its compiler made"

    @contextmanager
    def compiling(self) -> Iterator[Compiled]:
        """Trace is Dynamo's and AOTAutograd's; lower is Inductor's, up to the code that it writes; compile is that of this
        code, and loading it."""
        before, hits = _totals(), _cache_hits()
        found = Compiled()
        yield found
        spent = {name: seconds - before.get(name, 0.0) for name, seconds in _totals().items()}

        def took(name: str) -> float:
            return spent.get(name, 0.0)

        whole = took("_compile.compile_inner") + took("backward._backward_impl")
        if whole:
            made = took("compile_fx_inner")
            compiled = max(0.0, took("GraphLowering.compile_to_module") - took("GraphLowering.codegen"))
            found.seconds = {"trace": max(0.0, whole - made), "lower": max(0.0, made - compiled), "compile": compiled}
        found.cache_hits = _cache_hits() - hits

    @contextmanager
    def instrumented(self) -> Iterator[None]:
        """Inductor's kernels for the CPU tell the profiler of themselves where they are asked to when they are made."""
        with inductor.patch({"cpp.enable_kernel_profile": True}):
            yield

    def profile(self, call: Callable[[], object], calls: int) -> list[Event]:
        """Operations as Python or autograd hands them over: what these call in turn is theirs."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as profiler:
            for _ in range(calls):
                with torch.profiler.record_function(CALL):
                    call()
        noted = [event for event in profiler.profiler.kineto_results.events() if event.duration_ns() > 0]
        events = [event for event in map(_event, noted) if event]
        programs = outermost([event for event in events if event.kind == "program"])
        work = outermost([event for event in events if event.kind == "operator"])
        others = [event for event in events if event.kind in ("call", "kernel")]
        return [*others, *programs, *(_inside(event, programs) for event in work)]

    def counted(self, function: Function, arguments: Sequence[Native], mode: str) -> Counted:
        """Operations by PyTorch's own counter, bytes by what each operation that it dispatches reads and writes."""
        if mode != "eager":
            return Counted(note="PyTorch counts in eager mode only")
        with _Traffic() as traffic, FlopCounterMode(display=False) as counter:
            function(*arguments)
        fused = {what for part, what in UNCOUNTED.items() for name in traffic.names if part in name}
        notes = ["only products of matrices and convolutions count"]
        if fused:
            notes.append(f"not counted: {', '.join(sorted(fused))}")
        return Counted(float(counter.get_total_flops()), float(traffic.bytes), "; ".join(notes))

    # Retraces and graph breaks

    @contextmanager
    def unpinned(self) -> Iterator[None]:
        """`torch.compile(f)`: sizes become dynamic once they vary, and what cannot be in the graph breaks it."""

        def compiled(function: Function, mode: str) -> Function:
            self.written = modes.of_its_own(times_a_number(function))
            return torch.compile(self.written, **({} if mode == "compile" else {"mode": mode}))

        with patch.object(modes, "compiled", compiled):
            yield

    @contextmanager
    def tracing(self) -> Iterator[list[Trace]]:
        """By Dynamo's own record of what it compiled; backward passes are no traces of their own."""
        found: list[Trace] = []
        dynamo.clear_compilation_metrics()
        yield found
        for metrics in dynamo.get_compilation_metrics():
            if metrics.is_forward or metrics.fail_type:
                guard = re.sub(r"^\d+/\d+: |\s+# .*", "", (metrics.recompile_reason or "").partition("\n")[0])
                limit = f"it was compiled {torch._dynamo.config.recompile_limit} times, Dynamo's recompile_limit"
                found.append(Trace(limit if metrics.fail_type else guard, gave_up=bool(metrics.fail_type)))

    def breaks(self, arguments: Sequence[Native]) -> tuple[list[Break], str]:
        """By `torch._dynamo.explain`, which leaves out what breaks before the first operation: Dynamo's counters tell of
        that, without the line."""
        torch._dynamo.reset()
        dynamo.counters.clear()
        found = torch._dynamo.explain(self.written)(*arguments)
        counted = [_worded(text) for kind in ("unimplemented", "graph_break") for text in dynamo.counters[kind]]
        torch._dynamo.reset()
        breaks = [_break(one) for one in found.break_reasons]
        known = {one.reason for one in breaks}
        return [*breaks, *(Break(reason, "") for reason in counted if reason not in known)], "as Dynamo tells"


class _Traffic(TorchDispatchMode):
    """The operations that are dispatched, and the bytes of the tensors that go into them and come out; views move none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.names: set[str] = set()

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        outputs = operation(*arguments, **(keywords or {}))
        self.names.add(str(operation))
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in operation._schema.returns)
        if not is_view:
            tensors = [t for t in tree_leaves((arguments, keywords, outputs)) if isinstance(t, torch.Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return outputs


def _totals() -> dict[str, float]:
    return {name: sum(times) for name, times in dynamo.compilation_time_metrics.items()}


def _cache_hits() -> int:
    counters = dynamo.counters
    return counters["inductor"]["fxgraph_cache_hit"] + counters["aot_autograd"]["autograd_cache_hit"]


def _break(one: Native) -> Break:
    """The reason, and the innermost line of Python that Dynamo blames."""
    reason = _worded(one.reason)
    if not one.user_stack:
        return Break(reason, "")
    frame = one.user_stack[-1]
    return Break(reason, f"{frame.filename.removeprefix(f'{os.getcwd()}/')}:{frame.lineno}: {frame.line}")


def _worded(text: str) -> str:
    """`Failed to trace builtin operator: Dynamo does not know how to …`, without hints."""
    title, *lines = text.splitlines()
    if title.startswith(("generic_jump", "Data-dependent branching")):
        return "data-dependent branching"
    return ": ".join([title, *(line.strip()[len("Explanation: ") :] for line in lines if "Explanation: " in line)])


def _event(event: Native) -> Event | None:
    """What the profiler noted, if it is one of those that are asked for."""
    name = event.name()
    kind: Kind
    if name == CALL:
        kind = "call"
    elif event.device_type() != torch.autograd.DeviceType.CPU:
        kind = "kernel"
    elif name.startswith(("Torch-Compiled Region", "CompiledFunction")):
        kind = "program"
    elif "cpp_fused" in name:
        kind = "operator"
        name = name[name.index("cpp_fused") :]
    elif "::" in name and not name.startswith(("autograd::", "torch::autograd")):
        kind = "operator"
    else:
        return None
    return Event(kind, name, event.start_ns(), event.duration_ns(), str(event.start_thread_id()))


def _inside(event: Event, programs: list[Event]) -> Event:
    """An operation that a compiled program runs is a kernel of its."""
    within = any(p.thread == event.thread and p.start_ns <= event.start_ns < p.end_ns for p in programs)
    return Event("kernel", event.name, event.start_ns, event.duration_ns, event.thread) if within else event


DIAGNOSTICS = PytorchDiagnostics
