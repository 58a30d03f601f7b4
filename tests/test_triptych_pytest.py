from __future__ import annotations

import ast
import dataclasses
import json
import os
import subprocess
import sys
import types
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triptych_pytest
from triptych_pytest import leaves, wait, waiting

pytestmark = pytest.mark.usefixtures("outside_xdist")

ROOT = Path(__file__).parents[1]
Pair = namedtuple("Pair", "left right")


class Promise:
    """An array that is there once somebody has waited for it, like JAX's."""

    def __init__(self) -> None:
        self.waited = 0

    def block_until_ready(self) -> None:
        self.waited += 1


@dataclasses.dataclass
class Held:
    value: Any


class Registered:
    """Of a type that only JAX knows how to take apart."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts


def fake_jax() -> Any:
    def tree_leaves(tree: Any) -> list[Any]:
        return list(tree.parts) if isinstance(tree, Registered) else [tree]

    return types.SimpleNamespace(tree_util=types.SimpleNamespace(tree_leaves=tree_leaves))


@dataclasses.dataclass(frozen=True)
class Device:
    type: str
    index: int = 0


class Tensor:
    def __init__(self, device: Device) -> None:
        self.device = device


def fake_torch(synchronized: list[Any], initialized: bool = True) -> Any:
    cuda = types.SimpleNamespace(is_initialized=lambda: initialized, synchronize=synchronized.append)
    return types.SimpleNamespace(Tensor=Tensor, cuda=cuda)


def fake_tensorflow(synchronized: list[Any]) -> Any:
    experimental = types.SimpleNamespace(sync_devices=lambda: synchronized.append("all"))
    return types.SimpleNamespace(test=types.SimpleNamespace(experimental=experimental))


EagerTensor = type("EagerTensor", (), {"__module__": "tensorflow.python.framework.ops"})


@pytest.fixture
def loaded(monkeypatch):
    """Makes these frameworks the only ones that seem to be imported; none, to begin with."""

    def load(**modules: Any) -> None:
        for name in triptych_pytest.FRAMEWORKS:
            monkeypatch.setitem(sys.modules, name, modules.get(name))
        monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", bridge)

    bridge = types.SimpleNamespace(backends_are_initialized=lambda: True)
    load()
    return load


# what is waited for


@pytest.mark.parametrize(
    "nested",
    [
        lambda a, b: (a, b),
        lambda a, b: [a, {"b": [b, None, 1.0]}],
        lambda a, b: Pair(left={"a": a}, right=(b,)),
        lambda a, b: Held([Held(a), b]),
        lambda a, b: Registered(a, [Registered(b)]),
        lambda a, b: {"x": [1.0, "text", np.ones(3), a], "y": b},
    ],
)
def test_every_array_of_a_nested_result_is_waited_for(loaded, nested):
    loaded(jax=fake_jax())
    first, last = Promise(), Promise()
    assert wait(nested(first, last))
    assert (first.waited, last.waited) == (1, 1)


def test_a_result_that_holds_itself_comes_to_an_end(loaded):
    loaded(jax=fake_jax())
    promise = Promise()
    result: list[Any] = [promise]
    result.append(result)
    assert wait(result)
    assert promise.waited == 1


def test_the_gpus_that_hold_results_of_pytorch_are_synchronised_each_once(loaded):
    synchronized: list[Any] = []
    loaded(torch=fake_torch(synchronized))
    one, other = Device("cuda", 0), Device("cuda", 1)
    assert wait({"a": Tensor(one), "b": [Tensor(other), Tensor(other)], "c": Tensor(Device("cpu"))})
    assert sorted(synchronized, key=lambda device: device.index) == [one, other]


@pytest.mark.parametrize(("initialized", "expected"), [(True, [None]), (False, [])])
def test_without_a_result_the_current_gpu_is_synchronised_where_there_is_one(loaded, initialized, expected):
    synchronized: list[Any] = []
    loaded(torch=fake_torch(synchronized, initialized))
    assert wait(None)
    assert synchronized == expected


@pytest.mark.parametrize(
    ("result", "expected"), [(EagerTensor(), ["all"]), ([EagerTensor()], ["all"]), (None, ["all"]), (1.0, [])]
)
def test_tensorflow_synchronises_its_devices_for_its_tensors_and_where_nothing_is_returned(loaded, result, expected):
    synchronized: list[Any] = []
    loaded(tensorflow=fake_tensorflow(synchronized))
    assert wait(result)
    assert synchronized == expected


@pytest.mark.parametrize("result", [None, object(), [], {"model": object()}])
def test_a_result_that_tells_nothing_is_not_certain_where_jax_is_loaded(loaded, result):
    loaded(jax=fake_jax())
    assert not wait(result)
    assert wait([result, 1.0])


def test_jax_that_has_no_devices_yet_computes_nothing(loaded, monkeypatch):
    loaded(jax=fake_jax())
    monkeypatch.setattr(sys.modules["jax._src.xla_bridge"], "backends_are_initialized", lambda: False)
    assert wait(None)


def test_a_tensor_on_a_device_that_cannot_be_synchronised_is_not_certain(loaded):
    loaded(torch=fake_torch([]))
    assert not wait([Tensor(Device("mps")), 1.0])


def test_without_a_framework_nothing_is_looked_into(loaded):
    promise = Promise()
    assert wait([promise])
    assert promise.waited == 0


def test_one_uncertain_call_makes_the_benchmark_uncertain(loaded):
    loaded(jax=fake_jax())
    info: dict[str, Any] = {}
    results = iter([1.0, None, 2.0])
    call = waiting(lambda: next(results), info)
    assert (call(), info) == (1.0, {"triptych": {"synchronized": True}})
    assert (call(), call(), info) == (None, 2.0, {"triptych": {"synchronized": False}})


def test_leaves_of_nothing_are_none():
    assert list(leaves([None, {}, ()], None)) == []


def test_every_output_of_real_jax_is_ready_when_the_timed_call_returns():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import jax
from triptych_pytest import waiting

@jax.jit
def products(x):
    for _ in range(20):
        x = x @ x / 600
    return {"first": x[0], "rest": (x, [x.sum()])}

x = jax.random.normal(jax.random.key(0), (600, 600))
result = waiting(products, info := {})(x)
print(*(leaf.is_ready() for leaf in jax.tree_util.tree_leaves(result)), info["triptych"]["synchronized"])
"""
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True"] * 4, done.stderr


def test_real_tensorflow_is_waited_for_by_all_its_devices():
    code = """
import sys
sys.path.insert(0, sys.argv[1])
import tensorflow
from triptych_pytest import wait
wait_for_all, calls = tensorflow.test.experimental.sync_devices, []
tensorflow.test.experimental.sync_devices = lambda: calls.append(wait_for_all())
print(wait([tensorflow.ones(3), tensorflow.Variable(1.0)]), wait(None), len(calls))
"""
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "True", "2"], done.stderr


# the plugin in pytest

JAX = """
import types

class Array:
    made, waited = 0, 0

    def __init__(self):
        Array.made += 1

    def block_until_ready(self):
        Array.waited += 1

tree_util = types.SimpleNamespace(tree_leaves=lambda tree: [tree])
"""
BENCHMARKS = """
import jax

def test_call(benchmark):
    benchmark(lambda: {"a": jax.Array(), "b": [jax.Array()]})

def test_pedantic(benchmark):
    benchmark.pedantic(lambda: [jax.Array()], rounds=3, iterations=2)

def test_nothing(benchmark):
    benchmark(lambda: None)

def test_count():
    print(f"made {jax.Array.made}, waited for {jax.Array.waited}")
"""


def run_pytest(folder: Path, *words: str, **files: str) -> tuple[str, dict[str, Any]]:
    """What pytest prints for `files`, and the benchmarks that it leaves, by name."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "triptych_pytest", "-p", "no:cacheprovider", "-s"]
    limits = ["--benchmark-min-rounds=2", "--benchmark-max-time=0.001", "--benchmark-json=out.json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *limits, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    out = folder / "out.json"
    found = json.loads(out.read_text()) if out.exists() else {"benchmarks": []}
    return done.stdout + done.stderr, {benchmark["name"]: benchmark for benchmark in found["benchmarks"]}


def test_with_the_option_everything_that_benchmarks_return_is_waited_for(tmp_path):
    said, found = run_pytest(tmp_path, "--triptych", jax=JAX, test_it=BENCHMARKS)
    made, waited = (int(word.strip(",")) for word in said.split("made ")[1].splitlines()[0].split()[::3])
    assert made == waited > 0
    assert {name: one["extra_info"] for name, one in found.items()} == {
        "test_call": {"triptych": {"synchronized": True}},
        "test_pedantic": {"triptych": {"synchronized": True}},
        "test_nothing": {"triptych": {"synchronized": False}},
    }
    assert said.count("returns nothing that can be waited for") == 1
    assert "test_it.py::test_nothing returns nothing" in said


def test_the_ini_file_turns_it_on_too(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\ntriptych = true\n")
    _, found = run_pytest(tmp_path, "-k", "pedantic", jax=JAX, test_it=BENCHMARKS)
    assert found["test_pedantic"]["extra_info"] == {"triptych": {"synchronized": True}}


def test_without_the_option_nothing_is_changed(tmp_path):
    said, found = run_pytest(tmp_path, jax=JAX, test_it=BENCHMARKS)
    assert "waited for 0" in said
    assert [one["extra_info"] for one in found.values()] == [{}] * 3


def test_without_pytest_benchmark_the_option_is_refused_in_one_sentence(tmp_path):
    command = [sys.executable, "-m", "pytest", "-p", "triptych_pytest", "-p", "no:benchmark", "--triptych"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    assert "ERROR: --triptych needs pytest-benchmark, which is not installed" in done.stderr


# what it costs where nobody asks for it


def test_the_plugin_imports_the_standard_library_and_pytest_only():
    tree = ast.parse(Path(triptych_pytest.__file__).read_text("utf-8"), feature_version=(3, 10))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - {*sys.stdlib_module_names} == {"pytest"}


def test_the_entry_point_is_called_like_the_module():
    assert 'triptych_pytest = "triptych_pytest"' in (ROOT / "pyproject.toml").read_text("utf-8")
