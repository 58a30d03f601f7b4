"""The text of the implementations, read without importing any framework.

NumPy has no implementations of models: it runs their definitions, which are its text.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suite.naming import snake_case


@dataclass(frozen=True)
class Source:
    """One function or class that a framework's package files for a workload, as it is written."""

    workload: str
    variant: str
    path: str
    """`impls/pytorch/convolution.py`."""
    line: int
    """Where its first decorator stands, counted from 1."""
    text: str


def implementation(package: str, workload: str, variant: str = "default") -> Source | None:
    """How `package` (`impls.pytorch`) computes `workload`; None where it does not."""
    return next((s for s in sources(package) if (s.workload, s.variant) == (workload, variant)), None)


@cache
def expression(package: str, module: str, key: str) -> str | None:
    """What the dictionary in `package`'s `module` holds under `key`, as it is written: a probe's one line of code."""
    spec = importlib.util.find_spec(f"{package}.{module}")
    if spec is None or spec.origin is None:
        return None
    text = Path(spec.origin).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                if _text(name) == key:
                    body = value.body if isinstance(value, ast.Lambda) else value
                    return " ".join((ast.get_source_segment(text, body) or "").split())
    return None


def variants_of(package: str) -> list[str]:
    """The variants that `package` has of any workload, each once, `default` first."""
    return list(dict.fromkeys(["default", *(source.variant for source in sources(package))]))


@cache
def sources(package: str) -> tuple[Source, ...]:
    """Everything in `package` that is decorated with `implements`, module by module."""
    found = [*_sources(package, "*.py"), *_sources(package, "models/*.py")]
    if package == "impls.numpy":
        found += _sources("suite", "workloads/models/*.py")
    return tuple(found)


def _sources(package: str, pattern: str) -> list[Source]:
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or []]
    files = [(path, path.relative_to(folder)) for folder in folders for path in sorted(folder.glob(pattern))]
    shown = package.replace(".", "/")
    return [source for path, below in files for source in _read(path, f"{shown}/{below.as_posix()}")]


def _read(path: Path, shown: str) -> list[Source]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    for node in ast.parse(text, filename=str(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            body = "\n".join(lines[start - 1 : node.end_lineno])
            for workload, variant in _filed_under(node):
                found.append(Source(workload, variant, shown, start, body))
    return found


def _filed_under(definition: ast.FunctionDef | ast.ClassDef) -> list[tuple[str, str]]:
    """The (workload, variant) pairs that the decorators `@implements("conv2d", variant="…")` and `@model(…)` name."""
    pairs = []
    for call in definition.decorator_list:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "model":
            pairs.append((snake_case(definition.name), "default"))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "implements":
            words = {keyword.arg: keyword.value for keyword in call.keywords}
            workload = _text(call.args[0] if call.args else words.get("workload"))
            variant = _text(words["variant"]) if "variant" in words else "default"
            if workload and variant:
                pairs.append((workload, variant))
    return pairs


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
