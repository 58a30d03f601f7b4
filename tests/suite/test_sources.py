from __future__ import annotations

import subprocess
import sys

import pytest

from suite.sources import implementation, sources, variants_of
from suite.workloads import WORKLOADS

PACKAGES = ["impls.numpy", "impls.pytorch", "impls.tensorflow", "impls.jax"]

MODULE = '''
import a_framework_that_is_not_there

@implements("conv2d", layout={"x": "N H W C"})
def conv2d(x):
    """Its own text."""
    return x

@other
@implements(workload="conv2d", variant="fast")
def fast(x):
    return x

@registers("conv2d", variant="other")
def helper(x):
    return x
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "a_package_of_ours"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError")
    (folder / "convolution.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_a_function_is_found_by_workload_and_variant_without_importing_it(package):
    found = implementation(package, "conv2d")
    assert found is not None
    assert (found.path, found.line) == ("a_package_of_ours/convolution.py", 4)
    assert found.text.startswith('@implements("conv2d", layout={"x": "N H W C"})\ndef conv2d(x):')
    assert found.text.endswith("return x")


def test_the_text_begins_with_the_first_decorator(package):
    found = implementation(package, "conv2d", "fast")
    assert found is not None
    assert found.text.splitlines()[0] == "@other"


def test_functions_that_are_not_filed_are_left_out(package):
    assert [(source.workload, source.variant) for source in sources(package)] == [
        ("conv2d", "default"),
        ("conv2d", "fast"),
    ]
    assert variants_of(package) == ["default", "fast"]


def test_what_a_package_does_not_compute_is_none(package):
    assert implementation(package, "attention") is None
    assert sources("no_such_package") == ()


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_every_framework_shows_its_text_for_every_workload(name, workload):
    found = implementation(name, workload)
    assert found is not None
    assert "def " in found.text


def test_reading_the_texts_imports_no_framework():
    code = f"""
import sys
from suite.sources import sources
assert all(sources(package) for package in {PACKAGES})
print([name for name in ("torch", "tensorflow", "jax", "numpy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
