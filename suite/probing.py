"""A person's own model put before every probe, in a worker of its framework: nothing that it does can end this process."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from suite.errors import UsageError, unknown
from suite.fault import Fault
from suite.progress import Progress
from suite.targets import FRAMEWORKS, Target, missing
from suite.workers import CellFailed, Workers, scratch_folder

TIMEOUT_S = 300.0
"""For one probe: one of them trains."""
IMPORTS = {"torch": "pytorch", "tensorflow": "tensorflow", "keras": "tensorflow", "jax": "jax", "flax": "jax"}
"""What imports tell of the framework that a module is written for."""
_INPUT = re.compile(r"(\d+(?:x\d+)*)(?:<(\d+)|=(-?\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class Input:
    """One argument to be drawn: normal numbers, integers from 0 on and `below` a number, or all the same number."""

    shape: tuple[int, ...]
    below: int | None = None
    fill: float | None = None

    @classmethod
    def parse(cls, text: str) -> Input:
        """`8x3x32x32`, `8x16<1000` (integers), `8x16=1`. Raises UsageError."""
        match = _INPUT.fullmatch(text.replace(" ", ""))
        if match is None or "0" in (sizes := match[1].split("x")):
            raise UsageError(f"'{text}' is no input; write its shape, as in 8x3x32x32, 8x16<1000 (integers) or 8x16=1")
        return cls(
            tuple(map(int, sizes)),
            int(match[2]) if match[2] else None,
            float(match[3]) if match[3] is not None else None,
        )


@dataclass(frozen=True)
class Outcome:
    """What came of one probe; `reason` says why it does not fit, or how it failed."""

    probe: str
    status: Literal["passed", "fault", "unfit", "failed"]
    reason: str
    faults: list[Fault]


@dataclass(frozen=True)
class Examination:
    """A model, and what came of each probe."""

    reference: str
    framework: str
    parameters: int
    inputs: list[str]
    outputs: list[str]
    outcomes: list[Outcome]

    @property
    def faults(self) -> list[Fault]:
        return [fault for outcome in self.outcomes for fault in outcome.faults]


def examine(
    reference: str,
    *,
    progress: Progress,
    framework: str | None = None,
    python: str = sys.executable,
    folder: Path | None = None,
    inputs: list[str] | None = None,
    claims: dict[str, Any] | None = None,
    only: list[str] | None = None,
) -> Examination:
    """Put what `reference` (`mymodule:MyModel`, looked for in `folder`, by default the current one) names before the probes,
    by default all; `claims` are those of `impls.subject.CLAIMS`.

    Raises UsageError where it cannot be found, made or called with its inputs.
    """
    folder = (folder or Path()).absolute()
    framework = framework or framework_of(reference.partition(":")[0], folder)
    if framework not in IMPORTS.values():
        raise unknown("framework that can be probed", framework, sorted(set(IMPORTS.values())))
    target = Target(framework, framework, python, f"impls.{framework}")
    if reason := missing(target):
        raise UsageError(reason)
    arguments = {
        "reference": reference,
        "folder": str(folder),
        "inputs": [vars(Input.parse(text)) for text in inputs or []],
        "claims": claims or {},
    }
    with scratch_folder() as scratch:
        workers = Workers(scratch, [target], 1, scratch.folder / "logs", warm_caches=True)
        try:
            return probed(workers, target, arguments, only or [], progress)
        finally:
            workers.stop()
            progress.finish()


def probed(
    workers: Workers, target: Target, arguments: dict[str, Any], only: list[str], progress: Progress
) -> Examination:
    """What came of each probe, in a worker that is there; `arguments` are those of the worker's `look_at`.

    Raises UsageError as `examine` does.
    """
    try:
        seen = workers.ask(target.name, "look_at", TIMEOUT_S, **arguments)
    except CellFailed as failure:
        raise UsageError(f"{arguments['reference']} cannot be probed: {failure.reason}") from None
    if wrong := [name for name in only if name not in seen["probes"]]:
        raise unknown("probe", wrong[0], seen["probes"])
    names = only or seen.pop("probes")
    seen.pop("probes", None)
    progress.start(len(names))
    outcomes = []
    for name in names:
        progress.step(name)
        outcomes.append(_outcome(workers, target, arguments, name))
    return Examination(arguments["reference"], target.framework, outcomes=outcomes, **seen)


def _outcome(workers: Workers, target: Target, arguments: dict[str, Any], name: str) -> Outcome:
    try:
        reply = workers.ask(target.name, "probe", TIMEOUT_S, which=name, **arguments)
    except CellFailed as failure:
        return Outcome(name, "failed", failure.reason, [])
    faults = [Fault(**{**each, "figure": float(each["figure"])}) for each in reply["faults"]]
    return Outcome(name, "unfit" if reply["unfit"] else "fault" if faults else "passed", reply["unfit"], faults)


def framework_of(module: str, folder: Path) -> str:
    """The framework that the module imports, by its text. Raises UsageError where it imports none, or several."""
    try:
        tree = ast.parse(_source(module, folder).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{module} is no Python: {error}") from None
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    found = sorted({IMPORTS[name] for name in names & IMPORTS.keys()})
    if len(found) == 1:
        return found[0]
    told = f"imports {' and '.join(found)}" if found else "imports none of the frameworks itself"
    raise UsageError(
        f"{module} {told}: say which it is with --framework {'|'.join(f for f in FRAMEWORKS if f != 'numpy')}"
    )


def _source(module: str, folder: Path) -> Path:
    """The module's file, found without importing anything."""
    inside = Path(*module.split("."))
    for place in (folder, *map(Path, sys.path)):
        for path in (place / inside.with_suffix(".py"), place / inside / "__init__.py"):
            if path.is_file():
                return path
    raise UsageError(f"there is no module '{module}' in {folder}, nor among the installed ones")
