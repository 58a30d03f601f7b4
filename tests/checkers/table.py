"""Every checker against every fault at every size, as Markdown tables."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tests.checkers.bugs import BUGS, NO_BUG, Array, Function, point
from tests.checkers.verdicts import Verdict

SIZES = (10, 1_000, 1_000_000)
CHECKERS = {
    "gradcheck slow": "pytorch.slow",
    "gradcheck fast": "pytorch.fast",
    "check_grads rev": "jax.reverse",
    "check_grads fwd": "jax.forward",
    "compute_gradient": "tensorflow.compute_gradient",
    "check_directions": "triptych.directions",
    "check_elements": "triptych.elements",
}
"""By the name in the table, the module here and its function; a module is only imported when its checker runs."""

ROWS = {
    **{bug: (bug, False) for bug in BUGS},
    "none, smooth": (NO_BUG, False),
    "none, kinked": (NO_BUG, True),
}
"""By the name in the table, the fault, and whether the function has kinks."""

DRAWS = 10
DRAWN_ROWS = ("one sign flipped", "none, smooth", "none, kinked")
DRAWN_CHECKERS = ("gradcheck fast", "check_grads rev", "check_grads fwd", "check_directions")
"""Those that look along random directions, so that chance has a part in what they say."""

Key = tuple[str, bool, str, int]
"""Row, whether there are many outputs, checker, size."""


def verdicts(checkers: Iterable[str], sizes: Sequence[int]) -> dict[Key, Verdict]:
    """What each checker says in each row, for one output and for many."""
    return {
        (row, many, name, n): _checker(name)(Function(*_bug_of(row, many)), point(n))
        for name in checkers
        for n in sizes
        for row in ROWS
        for many in (False, True)
    }


def drawn(checkers: Iterable[str], sizes: Sequence[int]) -> dict[Key, int]:
    """How often each checker is right over several draws of the point and of the place of the fault."""
    places = np.random.default_rng(0).random(DRAWS)
    counts: dict[Key, int] = {}
    for name in checkers:
        for n in sizes:
            for row in DRAWN_ROWS:
                for many in (False, True):
                    functions = [Function(*_bug_of(row, many), place) for place in places]
                    found = (_checker(name)(function, point(n, seed)) for seed, function in enumerate(functions))
                    counts[row, many, name, n] = sum(is_right(row, verdict) for verdict in found)
    return counts


def is_right(row: str, found: Verdict) -> bool:
    """Whether the checker accuses a fault, and only a fault."""
    return (found.status == "caught") == (row in BUGS)


def mark(row: str, found: Verdict) -> str:
    """✓ for the right answer, ✗ for the wrong one, – for none."""
    if found.status == "refused":
        return "–"
    return "✓" if is_right(row, found) else "✗"


def table(marks: dict[Key, str], many: bool) -> list[str]:
    """A row a fault and a column a checker; in each cell a mark a size."""
    names = list(dict.fromkeys(name for _, _, name, _ in marks))
    sizes = list(dict.fromkeys(n for *_, n in marks))
    lines = [f"| planted fault | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in dict.fromkeys(row for row, *_ in marks):
        cells = (" ".join(marks[row, many, name, n] for n in sizes) for name in names)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def _checker(name: str) -> Callable[[Function, Array], Verdict]:
    module, _, function = CHECKERS[name].partition(".")
    found: Callable[[Function, Array], Verdict] = getattr(importlib.import_module(f"tests.checkers.{module}"), function)
    return found


def _bug_of(row: str, many: bool) -> tuple[str, bool, bool]:
    bug, kinked = ROWS[row]
    return bug, many, kinked
