"""Arbitrary JSON, as a run's environment is, made into rows for a table."""

from __future__ import annotations

from typing import Any

from reports.format import MISSING, known

_PROCESSOR_KEYS = ("cpu_model", "model_name", "cpu_name", "model", "brand", "brand_raw", "processor", "cpu")


def flatten(value: Any) -> list[tuple[tuple[str, ...], str]]:
    """The leaves of nested dicts and lists, each with its path, in their order; a list of plain values is one leaf.

    Walks with a stack of its own: a stranger's file may be nested deeper than Python recurses.
    """
    rows: list[tuple[tuple[str, ...], str]] = []
    stack: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict) and item:
            stack.extend((((*path, str(key)), inner)) for key, inner in reversed(item.items()))
        elif isinstance(item, list) and any(isinstance(inner, dict | list) for inner in item):
            stack.extend(((*path, str(index)), item[index]) for index in reversed(range(len(item))))
        else:
            rows.append((path, leaf(item)))
    return rows


def leaf(value: Any) -> str:
    """A plain value, or a list of plain values, as text."""
    if value is None or value in ("", [], {}):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if known(value) else MISSING
    if isinstance(value, list):
        return ", ".join(leaf(item) for item in value)
    return str(value)


def pairs(mapping: dict[str, Any]) -> str:
    """`threads=2, tf32=no`."""
    return ", ".join(f"{name}={leaf(value)}" for name, value in mapping.items())


def processor(environment: dict[str, Any]) -> str:
    """The processor's name, under whichever of its usual names the environment has it; empty where it does not say."""
    found: dict[str, str] = {}
    for path, text in flatten(environment):
        if path and text != MISSING:
            found.setdefault(path[-1], text)
    return next((found[key] for key in _PROCESSOR_KEYS if key in found), "")
