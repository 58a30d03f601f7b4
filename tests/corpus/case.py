"""Models with a fault that runs silently, each with its mended twin: what probes must catch, and must not accuse."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent
Maker = Callable[[bool], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A function of the corpus, as it is found without importing it."""

    framework: str
    reference: str
    """`tests.corpus.pytorch.attention:name`; `.mended` behind it names the twin."""
    probe: str
    blamed: str
    """What the probe's `where` must hold."""


def case(probe: str, blamed: str) -> Callable[[Maker], Callable[[], dict[str, Any]]]:
    """For a function that makes a `Specimen`'s fields, faulty or not: `probe` catches it, and blames this."""

    def decorate(function: Maker) -> Callable[[], dict[str, Any]]:
        def faulty() -> dict[str, Any]:
            return function(True)

        def mended() -> dict[str, Any]:
            return function(False)

        faulty.mended = mended  # type: ignore[attr-defined]
        return faulty

    return decorate


def sound() -> list[tuple[str, str]]:
    """Framework and reference of models that have no fault, though they look as if."""
    found = []
    for path in sorted(CORPUS.glob("sound/*.py")):
        functions = [each.name for each in ast.parse(path.read_text("utf-8")).body if isinstance(each, ast.FunctionDef)]
        module = f"tests.corpus.sound.{path.stem}"
        found += [(path.stem, f"{module}:{name}") for name in functions if not name.startswith("_")]
    return found


def cases() -> list[Case]:
    """All of the corpus."""
    found = []
    for path in sorted(CORPUS.glob("*/*.py")):
        module = ".".join(path.relative_to(CORPUS.parents[1]).with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "case":
                        probe, blamed = (ast.literal_eval(argument) for argument in decorator.args)
                        found.append(Case(path.parent.name, f"{module}:{node.name}", probe, blamed))
    return found
