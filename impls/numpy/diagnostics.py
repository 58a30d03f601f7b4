"""What can be told of NumPy's work: it has neither compiler nor profiler, but its arrays can note what is done to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from impls.diagnostics import CALL, Compiled, Counted, Diagnostics, Event, outermost
from impls.interface import Function, Native


class NumpyDiagnostics(Diagnostics):
    @contextmanager
    def compiling(self) -> Iterator[Compiled]:
        yield Compiled()

    def noting(self, arguments: Sequence[Native]) -> list[Native]:
        return [Noting.of(argument) for argument in arguments]

    def profile(self, call: Callable[[], object], calls: int) -> list[Event]:
        """What is done to arrays that were made `noting`, and to all that comes of them."""
        events: list[Event] = []
        Noting.events = events
        try:
            for _ in range(calls):
                start_ns = time.perf_counter_ns()
                call()
                events.append(_event("call", CALL, start_ns))
        finally:
            Noting.events = None
        return [e for e in events if e.kind == "call"] + outermost([e for e in events if e.kind == "operator"])

    def counted(self, function: Function, arguments: Sequence[Native], mode: str) -> Counted:
        return Counted(note="NumPy counts nothing")


class Noting(np.ndarray):
    """An array that notes what is done to it, and whose results do likewise."""

    events: list[Event] | None = None

    @classmethod
    def of(cls, array: Any) -> Any:
        return array.view(cls) if type(array) is np.ndarray else array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if "out" in keywords:
            keywords["out"] = tuple(_plain(each) for each in keywords["out"])
        return self._note(name, lambda: getattr(ufunc, method)(*map(_plain, inputs), **keywords))

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        return self._note(
            function.__name__, lambda: super(Noting, self).__array_function__(function, types, arguments, keywords)
        )

    def copy(self, order: Any = "C") -> Any:
        return self._note("copy", lambda: _plain(self).copy(order))

    def astype(self, *arguments: Any, **keywords: Any) -> Any:
        return self._note("astype", lambda: _plain(self).astype(*arguments, **keywords))

    def _note(self, name: str, work: Callable[[], Any]) -> Any:
        start_ns = time.perf_counter_ns()
        results = work()
        if Noting.events is not None:
            Noting.events.append(_event("operator", name, start_ns))
        return tuple(map(Noting.of, results)) if isinstance(results, tuple) else Noting.of(results)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Noting) else value


def _event(kind: Any, name: str, start_ns: int) -> Event:
    return Event(kind, name, start_ns, time.perf_counter_ns() - start_ns, str(threading.get_ident()))


DIAGNOSTICS = NumpyDiagnostics
