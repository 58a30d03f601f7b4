"""A mutant is a text in an implementation's module that is replaced by another; here they are read and brought to life.

    [[mutant]]
    workload = "layer_norm"
    framework = "numpy"
    what = "eps outside the root"
    find = "1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)"
    replace = "1 / (np.sqrt((centred**2).mean(axis=-1, keepdims=True)) + eps)"

`variant` (default `default`) names the implementation; `find` stands in its module exactly once, or in its function
exactly once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impls import interface
from suite import sources
from suite.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
IMPORT = re.compile(r"^(from impls\.interface import .*?)(?:, )?\bimplements$", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    workload: str
    framework: str
    what: str
    find: str
    replace: str
    variant: str = "default"

    @property
    def family(self) -> str:
        return WORKLOADS[self.workload].family

    def __str__(self) -> str:
        return f"{self.framework} {self.workload}: {self.what}"

    def text(self) -> str:
        """The module's text with the fault in it. Raises ValueError where `find` is not there exactly once."""
        source = sources.implementation(f"impls.{self.framework}", self.workload, self.variant)
        if source is None:
            raise ValueError(f"{self}: there is no such implementation")
        whole = (ROOT / source.path).read_text("utf-8")
        for part in (source.text, whole):
            if part.count(self.find) == 1:
                return whole.replace(part, part.replace(self.find, self.replace))
        raise ValueError(f"{self}: `{self.find}` is not there exactly once in {source.path}")


def mutants(*families: str) -> list[Mutant]:
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        if not families or path.stem in families:
            found += [Mutant(**entry) for entry in tomllib.loads(path.read_text("utf-8"))["mutant"]]
    return found


def plant(package: str, framework: str) -> None:
    """File under `package` all implementations of operations of `framework`, and each of its mutants as a variant
    `mutant 0`, `mutant 1` … in their order in the files."""
    for path in sorted((ROOT / "impls" / framework).glob("*.py")):
        text = path.read_text("utf-8")
        if "@implements" in text:
            _run(text, package, str(path), interface.implements)
    for number, mutant in enumerate(m for m in mutants() if m.framework == framework):
        _run(mutant.text(), package, f"<{mutant}>", _only(mutant, f"mutant {number}"))


def _only(mutant: Mutant, name: str) -> Callable[..., Any]:
    """An `implements` that files nothing but the mutated implementation, under another name."""

    def implements(workload: str, *, variant: str = "default", **words: Any) -> Any:
        if (workload, variant) == (mutant.workload, mutant.variant):
            return interface.implements(workload, variant=name, **words)
        return lambda function: function

    return implements


def _without(found: re.Match[str]) -> str:
    """The import of everything else from there."""
    return "" if found[1].endswith("import ") else found[1]


def _run(text: str, package: str, filename: str, implements: Callable[..., Any]) -> None:
    code = compile(IMPORT.sub(_without, text), filename, "exec", dont_inherit=True)
    exec(code, {"__name__": f"{package}.planted", "implements": implements})
