"""Settings of the whole test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite import gpu
from tests.fakes.device import VARIABLE, FakeDevice, FakeNvml

BENCHMARKS = Path(__file__).parent / "benchmarks"

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
    """Benchmarks run only where they are asked for by name: `make bench`."""
    asked = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    if collection_path == BENCHMARKS and not any(path.resolve().is_relative_to(BENCHMARKS) for path in asked):
        return True
    return None
