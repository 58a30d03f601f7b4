from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suite import checking
from suite.cases import Column
from suite.checking import Checker
from suite.workers import CellFailed, Workers
from tests.fakes.running import case

COLUMNS = [Column(name, name, "eager") for name in ("pytorch", "jax")]


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Checker:
    """One whose case is too large for the oracle, and whose frameworks are proven."""
    monkeypatch.setattr(checking, "ORACLE_FLOPS", 0)
    monkeypatch.setattr(Checker, "_is_proven", lambda *_: True)
    nobody: Any = object()
    workers: Workers = nobody
    return Checker(case(), workers, 0, COLUMNS)


def give(monkeypatch: pytest.MonkeyPatch, *results: float | CellFailed) -> None:
    """What evaluating in float64 gives, framework by framework."""
    left = iter(results)

    def evaluate(*_: Any, **__: Any) -> Any:
        found = next(left)
        if isinstance(found, CellFailed):
            raise found
        return {"y": np.array([found])}, []

    monkeypatch.setattr(Checker, "_evaluate", evaluate)


def test_two_frameworks_that_agree_stand_in_for_the_oracle(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, 1.0, 1.0 + 1e-14)
    assert checker.reference(case())[1] == "pytorch and jax"


def test_two_that_differ_stand_in_for_nothing(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, 1.0, 1.1)
    with pytest.raises(CellFailed, match="no two frameworks agree") as failure:
        checker.reference(case())
    assert failure.value.status == "failed"


def test_want_of_memory_in_float64_is_told_as_such(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, CellFailed("out_of_memory", "no memory for 9 GiB"), 1.0)
    with pytest.raises(CellFailed, match="beside it in float64: no memory for 9 GiB") as failure:
        checker.reference(case())
    assert failure.value.status == "out_of_memory"
