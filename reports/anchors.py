"""Addresses within a report that stay the same when it is written again, so that they can be shared."""

from __future__ import annotations

import re


class Anchors:
    """An address of letters, digits and hyphens for each text; two texts that would share one get numbers."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        """`conv2d[medium] gradient` is at `conv2d-medium-gradient`."""
        if text not in self._of:
            plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:120] or "unnamed"
            found, number = plain, 1
            while found in self._taken:
                number += 1
                found = f"{plain}-{number}"
            self._taken.add(found)
            self._of[text] = found
        return self._of[text]
