"""The corpus before the probes: what is caught, and who is accused."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite import probing
from suite.probing import Examination
from suite.progress import Silent
from suite.targets import Target
from suite.workers import Workers, scratch_folder
from tests.corpus.case import CORPUS, Case

ROOT = CORPUS.parents[1]
FRAMEWORKS = ("pytorch", "tensorflow", "jax")


@contextmanager
def workers() -> Iterator[Workers]:
    """One for each framework, started when it is first asked."""
    targets = [Target(name, name, sys.executable, f"impls.{name}") for name in FRAMEWORKS]
    with scratch_folder() as scratch:
        running = Workers(scratch, targets, 1, scratch.folder / "logs", warm_caches=False)
        yield running
        running.stop()


def examine(
    running: Workers,
    framework: str,
    reference: str,
    only: Sequence[str] = (),
    folder: Path = ROOT,
    inputs: Sequence[dict[str, Any]] = (),
) -> Examination:
    arguments = {"reference": reference, "folder": str(folder), "inputs": list(inputs), "claims": {}}
    return probing.probed(running, running.targets[framework], arguments, list(only), Silent())


def catches(case: Case, found: Examination) -> bool:
    """Whether the case's probe found its fault, and blames what is to blame."""
    (own,) = [outcome for outcome in found.outcomes if outcome.probe == case.probe]
    return any(case.blamed in fault.where for fault in own.faults)
