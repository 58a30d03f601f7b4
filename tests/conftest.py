"""Settings of the whole test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"

os.environ["MPLBACKEND"] = "agg"  # no window, whatever the machine has


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Benchmarks run only where they are asked for by name: `make bench`."""
    asked = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    if collection_path == BENCHMARKS and not any(path.resolve().is_relative_to(BENCHMARKS) for path in asked):
        return True
    return None
