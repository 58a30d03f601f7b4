"""A pytest plugin: with `--triptych`, what pytest-benchmark times ends when the results are there, not when promised.

PyTorch on a GPU, JAX and TensorFlow return before their work is done. The plugin waits, inside the timed call, for whatever
the call returned, however nested. It imports no framework, only looks for those that the tests have imported, and it needs
nothing but this one file, Python 3.10 and pytest: `triptych pytest` lends it to interpreters that have no Triptych.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

FRAMEWORKS = ("torch", "tensorflow", "jax")


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "wait inside of what pytest-benchmark times until PyTorch, TensorFlow or JAX have computed its result"
    parser.getgroup("triptych").addoption("--triptych", action="store_true", default=False, help=text)
    parser.addini("triptych", text, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    if not (config.getoption("triptych") or config.getini("triptych")):
        return
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError(
            "--triptych needs pytest-benchmark, which is not installed (pip install pytest-benchmark)"
        )
    config.pluginmanager.register(Synchronization(), "triptych-synchronization")


class Synchronization:
    """The hook that replaces what the `benchmark` fixture times; registered only where it is asked for."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, None]:
        outcome = yield
        if fixturedef.argname == "benchmark" and outcome.excinfo is None:
            synchronize(outcome.get_result())


def synchronize(fixture: Any) -> None:
    """Make pytest-benchmark's `fixture` wait for the results of what it times, and note in `extra_info` whether it could."""
    # Its class is replaced, since a call looks `__call__` up there; pytest-benchmark insists on a subclass of its own.
    original = type(fixture)

    class Synchronized(original):  # type: ignore[misc, valid-type]
        def __call__(self, function_to_benchmark: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result = super().__call__(waiting(function_to_benchmark, self.extra_info), *args, **kwargs)
            warn_where_uncertain(self)
            return result

        def pedantic(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result = super().pedantic(waiting(target, self.extra_info), *args, **kwargs)
            warn_where_uncertain(self)
            return result

    fixture.__class__ = Synchronized


def waiting(function: Callable[..., Any], extra_info: dict[str, Any]) -> Callable[..., Any]:
    """`function`, made to return when its result is there; whether that was always certain goes into `extra_info`."""
    note = extra_info["triptych"] = {"synchronized": True}

    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not wait(result):
            note["synchronized"] = False
        return result

    return call


def warn_where_uncertain(fixture: Any) -> None:
    if not fixture.extra_info["triptych"]["synchronized"]:
        text = (
            f"{fixture.fullname} returns nothing that can be waited for, so its time may be that of the dispatch alone; "
            "let the function return the arrays that it computes"
        )
        warnings.warn(pytest.PytestWarning(text), stacklevel=3)


def wait(result: object) -> bool:
    """Return when the devices have computed `result`; False where nothing in it tells whether they have.

    Where it holds neither arrays nor numbers, whole devices are synchronised, which PyTorch and TensorFlow can. JAX cannot:
    `jax.effects_barrier` waits for side effects only.
    """
    torch, tensorflow, jax = (sys.modules.get(name) for name in FRAMEWORKS)
    if not (torch or tensorflow or jax):
        return True
    found = elsewhere = of_tensorflow = False
    devices = set()
    for leaf in leaves(result, jax):
        package = type(leaf).__module__.partition(".")[0]
        if hasattr(leaf, "block_until_ready"):
            leaf.block_until_ready()
            found = True
        elif torch and isinstance(leaf, torch.Tensor):
            found = True
            elsewhere |= leaf.device.type not in ("cpu", "cuda")
            devices |= {leaf.device} if leaf.device.type == "cuda" else set()
        elif package == "tensorflow":
            found = of_tensorflow = True
        elif package == "numpy" or isinstance(leaf, (int, float, complex, str, bytes)):
            found = True  # the host has it, so it is there
    if torch and torch.cuda.is_initialized():
        for device in devices or {None}:  # None is the current one
            torch.cuda.synchronize(device)
    if tensorflow and (of_tensorflow or not found):
        tensorflow.test.experimental.sync_devices()
    return (found or not jax_computes()) and not elsewhere


def jax_computes() -> bool:
    """Whether JAX may have something under way. TensorFlow imports it, too, but then it has no devices yet."""
    bridge = sys.modules.get("jax._src.xla_bridge")  # there is no public way to ask
    has_devices = getattr(bridge, "backends_are_initialized", lambda: True)
    return sys.modules.get("jax") is not None and bool(has_devices())


def leaves(value: object, jax: ModuleType | None) -> Iterator[Any]:
    """What is left when containers, dataclasses and the types registered with JAX are taken apart; of None, nothing."""
    todo: list[Any] = [value]
    seen: dict[int, Any] = {}  # by identity: a result may hold itself
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, Mapping):
            todo.extend(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            todo.extend(one)
        elif hasattr(one, "block_until_ready"):
            yield one
        elif dataclasses.is_dataclass(one) and not isinstance(one, type):
            todo.extend(getattr(one, field.name) for field in dataclasses.fields(one))
        else:
            parts = jax.tree_util.tree_leaves(one) if jax else [one]
            if len(parts) == 1 and parts[0] is one:
                yield one
            else:
                todo.extend(parts)
