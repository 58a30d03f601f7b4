"""Where the frameworks differ when nobody pins anything: what is asked of each, and what these versions answer.

`conventions.toml` holds the questions and the answers expected; `impls/*/conventions.py` asks, one line each.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.progress import Progress
from suite.targets import Target
from suite.workers import Workers, scratch_folder

TABLE = Path(__file__).with_name("conventions.toml")
TOLERANCE = 1e-5
"""Relative: answers are float32, and a kernel may round otherwise."""
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Convention:
    """One question; `expected` is the answer by framework, of those versions that `versions()` names."""

    name: str
    topic: str
    question: str
    meaning: str
    expected: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a framework of this machine answered."""

    framework: str
    version: str
    found: Any
    expected: Any

    @property
    def changed(self) -> bool:
        return not same(self.found, self.expected)


def load() -> list[Convention]:
    return [Convention(**entry) for entry in tomllib.loads(TABLE.read_text("utf-8"))["convention"]]


def versions() -> dict[str, str]:
    """Of which versions the answers are expected."""
    found: dict[str, str] = tomllib.loads(TABLE.read_text("utf-8"))["versions"]
    return found


def same(found: Any, expected: Any) -> bool:
    """Whether two answers say the same; numbers may differ by a relative 1e-5."""
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected, strict=True))
    if isinstance(found, bool | str) or isinstance(expected, bool | str):
        return type(found) is type(expected) and bool(found == expected)
    if found is None or expected is None:
        return found is expected
    return bool(abs(found - expected) <= TOLERANCE * max(abs(found), abs(expected)))


def ask(targets: list[Target], progress: Progress) -> dict[str, dict[str, Answer]]:
    """By convention and framework, what the frameworks at `targets` answer. Raises CellFailed where one cannot start."""
    answers: dict[str, dict[str, Answer]] = {convention.name: {} for convention in load()}
    progress.start(len(targets))
    with scratch_folder() as scratch:
        workers = Workers(scratch, targets, 1, scratch.folder / "logs", warm_caches=False)
        try:
            for target in targets:
                progress.step(target.name)
                for name, answer in _answers(workers, target).items():
                    answers.setdefault(name, {})[target.framework] = answer
        finally:
            workers.stop()
            progress.finish()
    return answers


def _answers(workers: Workers, target: Target) -> dict[str, Answer]:
    version = workers.get(target.name).hello["versions"][target.framework]
    found = workers.ask(target.name, "probe_conventions", TIMEOUT_S)["found"]
    expected = {c.name: c.expected[target.framework] for c in load() if target.framework in c.expected}
    return {
        name: Answer(target.framework, version, found.get(name), expected.get(name)) for name in found.keys() | expected
    }
