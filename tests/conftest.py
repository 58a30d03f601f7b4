"""Settings of the whole test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite import gpu
from tests.fakes.device import VARIABLE, FakeDevice, FakeNvml

ASKED_FOR = tuple(Path(__file__).parent / name for name in ("benchmarks", "browser"))
"""Folders of tests that run only where they are named: `make bench`, `make browser`."""

os.environ["MPLBACKEND"] = "agg"  # no window, whatever the machine has


@pytest.fixture
def outside_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that start a pytest of their own: pytest-benchmark measures nothing in a process that xdist started."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def fake_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """A GPU that the driver's library and the workers of `tests.fakes.gpu` see, and nobody else."""
    folder = tmp_path / "gpu"
    folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device = FakeDevice(folder)
    nvml = FakeNvml(device)
    monkeypatch.setattr(gpu, "library", lambda: nvml)
    return device


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of `ASKED_FOR` only what is asked for by name."""
    asked = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    if collection_path in ASKED_FOR and not any(path.is_relative_to(collection_path) for path in asked):
        return True
    return None
