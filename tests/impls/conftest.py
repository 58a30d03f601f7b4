"""The workers of the tests of implementations: each framework is imported once, in a worker that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from suite.cases import FRAMEWORK_MODES
from suite.checking import ORACLE
from suite.environment import allowed_cpus
from suite.targets import default_targets
from suite.workers import Workers, scratch_folder

THREADS = 1


@pytest.fixture(scope="session")
def workers(worker_id: str) -> Iterator[Workers]:
    """The workers of this test process, on a CPU of its own as far as there are enough."""
    cpus = sorted(allowed_cpus())
    own = cpus[int(worker_id.removeprefix("gw")) % len(cpus)] if worker_id != "master" else cpus[0]
    with scratch_folder() as scratch:
        targets = [ORACLE, *default_targets(list(FRAMEWORK_MODES))]
        shared = Workers(scratch, targets, THREADS, scratch.folder / "logs", warm_caches=False)
        shared.cpus = [own]
        yield shared
        shared.stop()
