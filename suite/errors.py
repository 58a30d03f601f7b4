"""The errors that a user can cause: one sentence each, saying what was wrong and what to do.

    TriptychError
    ├── UsageError      a selector, option, file or folder that cannot be used     (exit code 2)
    └── RecordsError    a results folder that cannot be read or written            (exit code 2)

Anything else that is raised is a fault of Triptych itself and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TriptychError(Exception):
    """An error whose text is meant for the user."""


class UsageError(TriptychError):
    """The request cannot be carried out as it was made."""


class RecordsError(TriptychError):
    """A results folder is missing, broken, of another version or in use."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for `name`, which is no `kind`: names the nearest valid one, or all of them where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
    return UsageError(f"there is no {kind} '{name}'; {hint}")


def describe(error: BaseException, limit: int = 300) -> str:
    """`ValueError: its first line`, no longer than `limit` characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
