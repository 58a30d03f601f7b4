"""What JAX tells of its own work: the durations of its compiler's steps, XLA's profile, XLA's cost analysis."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import jax

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
from impls.jax import modes

STEPS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
CACHE_HIT = "/jax/compilation_cache/cache_hits"
EXECUTE = re.compile(r"Executable::Execute(Helper|Sharded$)")
"""What the runtime calls handing over one compiled program."""
MISSED = re.compile(r"TRACING CACHE MISS.*\bprogram (id=|defined)", re.DOTALL)
"""What `jax.explain_cache_misses` logs where the function of `times_a_number` is traced, and not what that calls."""


class JaxDiagnostics(Diagnostics):
    @property
    def cache(self) -> str:
        least_s = jax.config.jax_persistent_cache_min_compile_time_secs
        return f"JAX keeps what took XLA {least_s:g} s or more to compile"

    @contextmanager
    def compiling(self) -> Iterator[Compiled]:
        """Steps of one program may lie within those of another, as where a jitted function calls another: time counts
        once."""
        found = Compiled(cache_hits=0)
        spans: dict[str, list[tuple[int, int]]] = {step: [] for step in STEPS.values()}

        def took(name: str, seconds: float, **about: str) -> None:
            if name in STEPS:
                end = time.perf_counter_ns()
                spans[STEPS[name]].append((end - int(seconds * 1e9), end))

        def happened(name: str, **about: str) -> None:
            assert found.cache_hits is not None
            found.cache_hits += name == CACHE_HIT

        jax.monitoring.register_event_duration_secs_listener(took)
        jax.monitoring.register_event_listener(happened)
        try:
            yield found
        finally:
            jax.monitoring.unregister_event_duration_listener(took)
            jax.monitoring.unregister_event_listener(happened)
            found.seconds = {step: covered_ns(own) / 1e9 for step, own in spans.items() if own}

    def profile(self, call: Callable[[], object], calls: int) -> list[Event]:
        """XLA names its kernels by the operations of its program."""
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder, profiler_options=options):
                for _ in range(calls):
                    with jax.profiler.TraceAnnotation(CALL):
                        call()
            path = next(Path(folder).rglob("*.xplane.pb"))
            data = jax.profiler.ProfileData.from_file(str(path))
        events = [_event(event, line.name) for plane in data.planes for line in plane.lines for event in line.events]
        found = [event for event in events if event]
        return [e for e in found if e.kind != "kernel"] + innermost([e for e in found if e.kind == "kernel"])

    def counted(self, function: Function, arguments: Sequence[Native], mode: str) -> Counted:
        """By XLA, of the program as it was optimised."""
        lower = getattr(function, "lower", None)
        if lower is None:
            return Counted(note="XLA counts a compiled program; eager mode is many")
        program = lower(*arguments).compile()
        told, text = program.cost_analysis(), program.as_text()
        notes = {
            " while(": "the body of a loop counts once",
            " custom-call(": "what XLA calls from libraries is not counted",
            " convolution(": "of a padded convolution only taps inside the image count",
        }
        said = [note for sign, note in notes.items() if sign in text]
        if told.get("transcendentals"):
            said.append("every operation on an entry counts, but exp, tanh and the like apart")
        return Counted(told.get("flops"), told.get("bytes accessed"), "; ".join(said))

    # Retraces

    @contextmanager
    def unpinned(self) -> Iterator[None]:
        """`jax.jit(f)`: one program for each combination of shapes and types."""
        with patch.object(
            modes, "compiled", lambda function, **settings: jax.jit(times_a_number(function), **settings)
        ):
            yield

    @contextmanager
    def tracing(self) -> Iterator[list[Trace]]:
        """By what `jax.explain_cache_misses` logs. Where it logs nothing, and XLA compiles nevertheless, arguments came that
        differ in where they are."""
        found: list[Trace] = []
        told = _Told()
        logger = logging.getLogger("jax")
        propagates, logger.propagate = logger.propagate, False
        logger.addHandler(told)
        try:
            with jax.explain_cache_misses(True), self.compiling() as compiled:
                yield found
        finally:
            logger.removeHandler(told)
            logger.propagate = propagates
            found += [Trace(_reason(text)) for text in told.texts if MISSED.match(text)]
        if not found and "compile" in compiled.seconds:
            found.append(Trace("compiled again without a new trace: the arguments' devices or layouts differ"))

    def breaks(self, arguments: Sequence[Native]) -> tuple[None, str]:
        return None, "jax.jit breaks no graph: what cannot be traced is an error"


class _Told(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def _reason(text: str) -> str:
    """`at x, now f32[5,8] and before f32[4,8]`; empty for a function that was never seen."""
    lines = [line.strip() for line in text.splitlines()]
    return "; ".join(line.removeprefix("* ") for line in lines if line.startswith("* "))


def _event(event: Native, thread: str) -> Event | None:
    """What the runtime noted, if it is one of those that are asked for."""
    start_ns, duration_ns = int(event.start_ns), int(event.duration_ns)
    if event.name == CALL:
        return Event("call", CALL, start_ns, duration_ns, thread)
    if EXECUTE.search(event.name):
        return Event("program", event.name, start_ns, duration_ns, thread)
    name = next((value for key, value in event.stats if key == "hlo_op"), None)
    return Event("kernel", re.sub(r"\.\d+$", "", name), start_ns, duration_ns, thread) if name else None


DIAGNOSTICS = JaxDiagnostics
