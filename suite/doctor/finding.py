"""One thing that was looked at, and how such things are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """`why` says why it matters; `remedy` how to mend it, and is empty where nothing is to be mended."""

    level: Level
    subject: str
    found: str
    why: str
    remedy: str = ""


def gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def in_brackets(reason: str) -> str:
    """The command in `pytorch is not installed (pip install torch)`, or the whole reason where there is none."""
    return reason[reason.rindex("(") + 1 : -1] if reason.endswith(")") else reason
