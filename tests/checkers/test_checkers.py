"""The planted faults are faults, Triptych sees them all, and `docs/checkers.md` says what the checkers say today.

What takes long is not run again: slow checks at n = 10 only, and of a million entries little.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from suite import gradients
from tests.checkers import triptych
from tests.checkers.bugs import BUGS, Function, point
from tests.checkers.document import DOCUMENT
from tests.checkers.table import DRAWS, ROWS, SIZES, Key, is_right, mark, verdicts
from tests.checkers.verdicts import Verdict, too_slow

ROOT = Path(__file__).parents[2]
MANY = pytest.mark.parametrize("many", [False, True], ids=["one output", "many outputs"])
IN_ONE_ENTRY = ["one sign flipped", "one entry zero", "two neighbours swapped"]


def read(text: str, sizes: tuple[int, ...] = SIZES, starts: tuple[str, str] = ("## One", "## Many")) -> dict[Key, str]:
    """The marks of two tables, for one output and for many: the first after each start."""
    marks: dict[Key, str] = {}
    for many, start in enumerate(starts):
        after = text.partition(start)[2]
        lines = after[after.index("| planted fault") :].partition("\n\n")[0].splitlines()
        (_, *names), _, *rows = [line.strip("| ").split(" | ") for line in lines]
        for row, *cells in rows:
            for name, cell in zip(names, cells, strict=True):
                for n, found in zip(sizes, cell.split(), strict=True):
                    marks[row, bool(many), name, n] = found
    return marks


@cache
def page() -> dict[Key, str]:
    return read(DOCUMENT.read_text("utf-8"))


@cache
def draws() -> dict[Key, str]:
    return read(DOCUMENT.read_text("utf-8").partition("draws\n")[2], starts=("One output:", "Many outputs:"))


def printed(sizes: tuple[int, ...], *checkers: str) -> dict[Key, str]:
    """What the program prints now, in a process of its own."""
    command = [sys.executable, "-m", "tests.checkers", *checkers, "--sizes", *map(str, sizes)]
    return read(subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout, sizes)


@MANY
@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("n", [10, 1000])
def test_every_fault_changes_the_derivative(bug: str, many: bool, n: int) -> None:
    x, direction = point(n), point(n, seed=1)
    weights = direction if many else np.ones(())
    right, wrong = (Function(name, many).pullback(x, weights) for name in ("none", bug))
    assert not np.allclose(right, wrong, rtol=1e-9, atol=0)
    right, wrong = (Function(name, many).pushforward(x, direction) for name in ("none", bug))
    assert not np.allclose(right, wrong, rtol=1e-9, atol=0)


@MANY
@pytest.mark.parametrize("kinked", [False, True])
def test_the_right_derivative_is_that_of_the_values(kinked: bool, many: bool) -> None:
    function, x, h = Function(many=many, kinked=kinked), point(10), 1e-6
    weights = point(10, seed=1) if many else np.ones(())
    gradient = [
        np.sum(weights * (function.value(x + step) - function.value(x - step))) / (2 * h) for step in h * np.eye(10)
    ]
    assert function.pullback(x, weights) == pytest.approx(gradient, rel=1e-7, abs=1e-8)
    direction = point(10, seed=2)
    assert np.sum(weights * function.pushforward(x, direction)) == pytest.approx(np.dot(gradient, direction), rel=1e-7)


def test_triptych_sees_every_fault_and_accuses_nothing_else() -> None:
    found = verdicts(["check_directions"], [10, 1000]) | verdicts(["check_elements"], [10])
    assert [key for key, verdict in found.items() if not is_right(key[0], verdict)] == []
    assert {key: mark(key[0], verdict) for key, verdict in found.items()}.items() <= page().items()


@MANY
@pytest.mark.parametrize("bug", ["one sign flipped", "all rounded to float32"])
def test_triptych_sees_a_fault_among_a_million_entries(bug: str, many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "_narrow_down", lambda *arguments: "")  # takes seconds, and comes after the answer
    assert triptych.directions(Function(bug, many), point(10**6)).status == "caught"


@MANY
def test_triptych_accuses_no_right_gradient_of_a_million_entries(many: bool) -> None:
    assert triptych.directions(Function(many=many), point(10**6)).status == "missed"


def test_the_page_says_what_fast_gradcheck_and_check_grads_say() -> None:
    marks = printed((10, 1000), "gradcheck fast", "check_grads rev", "check_grads fwd")
    assert len(marks) == 2 * 3 * 2 * len(ROWS)
    assert marks.items() <= page().items()


@pytest.mark.xdist_group("tensorflow")
def test_the_page_says_what_slow_gradcheck_and_compute_gradient_say() -> None:
    marks = printed((10,), "gradcheck slow", "compute_gradient")
    assert len(marks) == 2 * 2 * len(ROWS)
    assert marks.items() <= page().items()


@MANY
def test_the_reasons_given_are_in_the_tables(many: bool) -> None:
    def seen(checker: str, n: int) -> set[str]:
        return {bug for bug in BUGS if page()[bug, many, checker, n] == "✓"}

    for n in SIZES[:2]:
        assert seen("gradcheck slow", n) == set(BUGS) - {"all times 1.0001", "all rounded to float32"}
        assert seen("compute_gradient", n) == seen("check_grads rev", n) == set(BUGS) - {"all rounded to float32"}
        assert seen("check_elements", n) == set(BUGS)
    for n in SIZES:
        assert not seen("gradcheck fast", n) & {"all times 1.0001", "all rounded to float32"}
        assert seen("check_directions", n) == set(BUGS)
        assert page()["none, smooth", many, "check_directions", n] == "✓"
        assert many or seen("check_grads fwd", n) == seen("check_grads rev", n)
    assert not seen("gradcheck fast", 1000) & set(IN_ONE_ENTRY)
    assert page()["none, kinked", many, "check_grads rev", 10**6] == "✗"
    if many:
        assert seen("gradcheck fast", 10**6) == seen("check_grads fwd", 10**6) == {"one entry NaN"}
    for checker in ("gradcheck slow", "compute_gradient", "check_elements"):
        assert {page()[row, many, checker, 10**6] for row in ROWS} == {"–"}


def test_what_the_page_says_of_the_draws_is_in_their_tables() -> None:
    flipped = {key[1:]: int(count) for key, count in draws().items() if key[0] == "one sign flipped"}
    fast = [flipped[False, "gradcheck fast", n] for n in SIZES]
    assert fast[0] == DRAWS > fast[1] > fast[2] == 0
    assert flipped[True, "gradcheck fast", 1000] == flipped[True, "check_grads fwd", 10**6] == 0
    assert {flipped[many, "check_grads rev", n] for many in (False, True) for n in SIZES} == {DRAWS}
    assert {flipped[many, "check_directions", n] for many in (False, True) for n in SIZES} == {DRAWS}
    kinked = {key[1:]: int(count) for key, count in draws().items() if key[0] == "none, kinked"}
    assert kinked[False, "check_grads rev", 10**6] == kinked[False, "check_grads fwd", 10**6] == 0
    assert kinked[True, "check_grads rev", 10**6] == 0
    assert kinked[True, "check_grads fwd", 10**6] == kinked[False, "check_directions", 10**6] == DRAWS
    assert 0 < kinked[True, "check_directions", 10**6] < DRAWS


def test_a_checker_that_would_take_too_long_is_not_run() -> None:
    refused = triptych.elements(Function(), point(10**6))
    assert refused == Verdict("refused", "4,000,000 evaluations")
    assert mark("none, smooth", refused) == "–"
    assert too_slow(lambda: None, 10) is None


def test_a_false_alarm_is_marked_as_wrong() -> None:
    assert mark("none, kinked", Verdict("caught")) == "✗"
    assert mark("one entry zero", Verdict("caught")) == "✓"
    assert mark("one entry zero", Verdict("missed")) == "✗"


def test_an_unknown_checker_is_refused() -> None:
    command = [sys.executable, "-m", "tests.checkers", "gradcheck"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert result.returncode == 2 and "no checker is called gradcheck" in result.stderr
