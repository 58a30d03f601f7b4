"""An oracle held against outside cases: the families' modules together, and what a case says of an implementation."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

import numpy as np

import tests.truth
from impls.interface import as_tuple
from tests.truth.outside import TOLERANCE, Truth


@cache
def cases() -> tuple[Truth, ...]:
    """The outside cases of every family."""
    found: list[Truth] = []
    for module in pkgutil.iter_modules(tests.truth.__path__):
        if not module.name.startswith("test_"):
            found += getattr(importlib.import_module(f"tests.truth.{module.name}"), "truths", list)()
    return tuple(found)


def cases_of(workload: str) -> list[Truth]:
    return [case for case in cases() if case.workload == workload]


def error(function: Any, case: Truth) -> float:
    """The worst |found − expected| / max(1, |expected|) of an oracle's `function` in float64; infinite where the shapes
    differ or a number is missing."""
    wanted = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    settings = {name: case.problem[name] for name in wanted}
    values = [np.array(v, dtype=np.float64 if v.dtype.kind == "f" else None) for v in case.values]
    found = as_tuple(function(*values, **settings)[0])
    worst = 0.0
    for result, expected in zip(found, case.expected, strict=False):
        if np.shape(result) != np.shape(expected):
            return np.inf
        both_nan = np.isnan(result) & np.isnan(expected)
        gap = np.abs(np.subtract(result, expected, dtype=np.float64)) / np.maximum(1, np.abs(expected))
        gap = np.where(both_nan | (np.asarray(result) == expected), 0, gap)
        worst = max(worst, float(np.nan_to_num(gap, nan=np.inf).max(initial=0)))
    return worst


def agrees(function: Any, case: Truth) -> bool:
    """Whether it does; an exception is no agreement."""
    try:
        with np.errstate(all="ignore"):
            return error(function, case) <= TOLERANCE[case.precision]
    except Exception:  # a mutant may break in any way
        return False
