"""What a framework can tell of its own work: beside `Backend`, and not even imported where nothing is explained."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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
