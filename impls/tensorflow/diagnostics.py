"""What TensorFlow tells of its own work: when it traces, its profile, and what its graphs count."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import tensorflow as tf
from tensorflow.python.framework import func_graph
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from impls.diagnostics import (
    CALL,
    Compiled,
    Counted,
    Diagnostics,
    Event,
    Trace,
    covered_ns,
    innermost,
    times_a_number,
)
from impls.interface import Function, Native
from impls.tensorflow import modes

NODE = re.compile(r"^[\w./-]+:(_?[A-Z]\w*)$")
"""How the executor of graphs names a node: `gradient_tape/matmul/MatMul:MatMul`."""
NO_WORK = ("SyncDevice", "_EagerConst")


class TensorflowDiagnostics(Diagnostics):
    @contextmanager
    def compiling(self) -> Iterator[Compiled]:
        """The time in which Python functions are made graphs. What XLA takes is not told apart from the first run."""
        spans: list[tuple[int, int]] = []
        trace = func_graph.func_graph_from_py_func

        def watched(*arguments, **keywords):
            start = time.perf_counter_ns()
            try:
                return trace(*arguments, **keywords)
            finally:
                spans.append((start, time.perf_counter_ns()))

        func_graph.func_graph_from_py_func = watched
        found = Compiled()
        try:
            yield found
        finally:
            func_graph.func_graph_from_py_func = trace
            found.seconds = {"trace": covered_ns(spans) / 1e9} if spans else {}

    def profile(self, call: Callable[[], object], calls: int) -> list[Event]:
        """Operations in eager mode, nodes of a graph, kernels of XLA."""
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
        with tempfile.TemporaryDirectory() as folder:
            with tf.profiler.experimental.Profile(folder, options):
                for _ in range(calls):
                    with tf.profiler.experimental.Trace(CALL):
                        call()
            space = xplane_pb2.XSpace()
            space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
        events = [event for plane in space.planes for line in plane.lines for event in _events(plane, line)]
        return [e for e in events if e.kind != "kernel"] + innermost([e for e in events if e.kind == "kernel"])

    def counted(self, function: Function, arguments: Sequence[Native], mode: str) -> Counted:
        """By the profiler of TensorFlow 1, which knows the operations of a graph."""
        traced = getattr(function, "traced", function)
        if mode != "graph" or not hasattr(traced, "get_concrete_function"):
            return Counted(note="TensorFlow counts the operations of a graph, in no other mode")
        profiler = tf.compat.v1.profiler
        options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
        graph = traced.get_concrete_function(*arguments).graph
        with graph.as_default():
            found = profiler.profile(graph, cmd="op", options=options)
        notes = ["einsum and what has no rule count nothing", "no bytes"]
        if any("While" in node.type or node.type == "PartitionedCall" for node in graph.get_operations()):
            notes.insert(0, "what stands in a function within the graph, such as a loop's body, is not counted")
        return Counted(float(found.total_float_ops), None, "; ".join(notes))

    # Retraces

    @contextmanager
    def unpinned(self) -> Iterator[None]:
        """`tf.function(f)`, with `jit_compile=True` in XLA's mode: one graph for each signature, Python numbers by value."""

        def compiled(function: Function, mode: str) -> Function:
            return tf.function(times_a_number(function), jit_compile=mode == "xla")

        self.signatures: list[list[str]] = []
        with patch.object(modes, "compiled", compiled):
            yield

    @contextmanager
    def tracing(self) -> Iterator[list[Trace]]:
        """TensorFlow does not say why; among the signatures before, the nearest tells in what the new one differs."""
        found: list[Trace] = []
        trace = func_graph.func_graph_from_py_func

        def watched(name, *arguments, **keywords):
            graph = trace(name, *arguments, **keywords)
            if name == times_a_number(trace).__name__:
                signature = [_shown(each) for each in tf.nest.flatten(graph.structured_input_signature)]
                found.append(Trace(_difference(signature, self.signatures)))
                self.signatures.append(signature)
            return graph

        with patch.object(func_graph, "func_graph_from_py_func", watched):
            yield found

    def breaks(self, arguments: Sequence[Native]) -> tuple[None, str]:
        return None, (
            "tf.function breaks no graph: Python runs once a trace, and what it does beside, such as printing or "
            "counting, is left out afterwards, of which TensorFlow does not tell"
        )


def _shown(value: Native) -> str:
    """`float32 [4, 8]`, or a Python value as it is written."""
    return f"{value.dtype.name} {value.shape.as_list()}" if isinstance(value, tf.TensorSpec) else repr(value)


def _difference(signature: list[str], before: list[list[str]]) -> str:
    """`argument 0 is float32 [5, 8], not float32 [4, 8]`; empty where nothing was before."""

    def different(other: list[str]) -> list[str]:
        pairs = zip(signature, other, strict=True)
        return [f"argument {n} is {now}, not {then}" for n, (now, then) in enumerate(pairs) if now != then]

    return "; ".join(sorted((different(other) for other in before), key=len)[0]) if before else ""


def _events(plane: Native, line: Native) -> list[Event]:
    """Those of one thread that are asked for."""
    names = {key: metadata.name for key, metadata in plane.event_metadata.items()}
    stat_names = {key: metadata.name for key, metadata in plane.stat_metadata.items()}
    found: list[Event] = []
    eager: Event | None = None  # the operation that Python handed over last

    for event in sorted(line.events, key=lambda event: event.offset_ps):
        name, start_ns = names[event.metadata_id], line.timestamp_ns + event.offset_ps // 1000

        def made(kind, name, start_ns=start_ns, duration_ns=event.duration_ps // 1000):
            return Event(kind, name, start_ns, duration_ns, line.name)

        told = {stat_names[stat.metadata_id]: stat for stat in event.stats}
        if name == CALL:
            found.append(made("call", CALL))
        elif name == "EagerExecute":
            operation = _text(told["eager_op"], stat_names)
            is_program = bool(told["is_func"].int64_value or told["is_func"].uint64_value)
            eager = made("program" if is_program else "operator", operation)
            if is_program:
                found.append(eager)
        elif name == "KernelAndDeviceFunc::Run" and eager and eager.kind == "operator" and eager.name not in NO_WORK:
            found.append(made("operator", eager.name))
        elif "hlo_op" in told:
            found.append(made("kernel", re.sub(r"\.\d+$", "", _text(told["hlo_op"], stat_names))))
        elif (node := NODE.match(name)) and event.duration_ps:
            found.append(made("kernel", node[1]))
    return found


def _text(stat: Native, names: dict[int, str]) -> str:
    return stat.str_value or names.get(stat.ref_value, "")


DIAGNOSTICS = TensorflowDiagnostics
