"""What a framework can tell of its own work: beside `Backend`, and not even imported where nothing is explained."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

from impls.interface import Function, Native

CALL = "triptych.call"
"""What each profiled call is called in a framework's own profile."""


Kind = Literal["call", "program", "operator", "kernel"]


@dataclass(frozen=True)
class Event:
    """A piece of work in a profile. Times are in nanoseconds, by the profiler's clock.

    `call`: one call, until its results are there. `program`: a compiled program that Python hands over as a whole; being
    inside it is no work yet. `operator`: an operation of the framework. `kernel`: what a compiled program, or a device, runs
    by itself.
    """

    kind: Kind
    name: str
    start_ns: int
    duration_ns: int
    thread: str

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclass
class Compiled:
    """What compilers did while they were watched; what a framework does not tell apart is left out."""

    seconds: dict[str, float] = field(default_factory=dict)
    """By `trace` (Python to a graph), `lower` (the graph to the compiler's own language), `compile` (that to machine code).
    They do not overlap."""
    cache_hits: int | None = None
    """Programs that were found on disk; None where nobody counts."""


@dataclass(frozen=True)
class Counted:
    """What the framework's own counter says of one call. None where it does not count that; `note` says what it leaves
    out."""

    flops: float | None = None
    bytes: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Trace:
    """A function was made a graph, or compiled, anew. `reason`: why, in the framework's words; empty for what it had never
    seen. `gave_up`: or was not, since that happened too often, and runs eagerly from here on."""

    reason: str
    gave_up: bool = False


@dataclass(frozen=True)
class Break:
    """A place where one graph ends and another begins, with Python between them."""

    reason: str
    where: str
    """File, line and source."""


class Diagnostics(ABC):
    """Everything in which frameworks differ where their work is explained.

    A `call` takes no argument, and returns when its results are there.
    """

    @property
    def cache(self) -> str:
        """What is kept on disk of what was compiled, and when; half a sentence."""
        return "nothing that was compiled is kept"

    @abstractmethod
    def compiling(self) -> AbstractContextManager[Compiled]:
        """Watch what is traced and compiled inside; the result is complete when the context ends."""

    def instrumented(self) -> AbstractContextManager[None]:
        """Programs that shall show their kernels in a profile are made and first called in this."""
        return nullcontext()

    def noting(self, arguments: Sequence[Native]) -> list[Native]:
        """The arguments as the profiled calls take them."""
        return list(arguments)

    @abstractmethod
    def profile(self, call: Callable[[], object], calls: int) -> list[Event]:
        """So many calls as the framework's own profiler saw them, each with an event of its own. Operators and kernels do
        not lie within each other."""

    @abstractmethod
    def counted(self, function: Function, arguments: Sequence[Native], mode: str) -> Counted:
        """Operations and bytes of one call of `function`, made by the backend for `mode`; it may be compiled or called for
        that."""

    # Retraces and graph breaks. What is said here holds where nothing is traced.

    def unpinned(self) -> AbstractContextManager[None]:
        """What is made inside is compiled as users compile by default, with nothing pinned by this project; and it is
        `times_a_number`."""
        return nullcontext()

    @contextmanager
    def tracing(self) -> Iterator[list[Trace]]:
        """Watch calls of what was made `unpinned`; the list is complete when the context ends."""
        yield []

    def breaks(self, arguments: Sequence[Native]) -> tuple[list[Break] | None, str]:
        """The graph breaks of what was made `unpinned` last; None where the framework does not tell. And a sentence that
        says what it tells."""
        return None, ""


def times_a_number(function: Function) -> Function:
    """`function`, taking a Python number after its tensors, by which its first result is multiplied: as users hand over a
    temperature, a learning rate or the number of a step."""

    def program(*tensors):
        *tensors, number = tensors
        results = function(*tensors)
        if isinstance(results, tuple):
            return results[0] * number, *results[1:]
        return results * number

    return program


def covered_ns(spans: Iterable[tuple[int, int]]) -> int:
    """How much time lies in any of these spans, each from a start to an end."""
    covered, reached = 0, 0
    for start, end in sorted(spans):
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def outermost(events: Iterable[Event]) -> list[Event]:
    """Those that lie in no other of the same thread."""
    kept: dict[str, Event] = {}
    found = []
    for event in sorted(events, key=lambda one: (one.start_ns, -one.duration_ns)):
        around = kept.get(event.thread)
        if around is None or event.start_ns >= around.end_ns:
            kept[event.thread] = event
            found.append(event)
    return found


def innermost(events: Iterable[Event]) -> list[Event]:
    """Those in which no other of the same thread lies."""
    following: dict[str, Event] = {}
    found = []
    for event in sorted(events, key=lambda one: (-one.start_ns, one.duration_ns)):
        later = following.get(event.thread)
        if later is None or event.end_ns <= later.start_ns:
            found.append(event)
        following[event.thread] = event
    return found


def diagnostics(package: str) -> Diagnostics:
    """Those of a framework's package, which are imported now."""
    made: Callable[[], Diagnostics] = importlib.import_module(f"{package}.diagnostics").DIAGNOSTICS
    return made()
