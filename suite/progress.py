"""How a run tells what it is doing; who shows it, and how, is decided elsewhere."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What the coordinator calls while it works."""

    def start(self, steps: int) -> None:
        """The work begins, and takes at most so many steps."""

    def step(self, text: str) -> None:
        """The step called `text` begins; the one before, if any, is done."""

    def note(self, text: str) -> None:
        """A message worth keeping on the screen."""

    def finish(self) -> None:
        """The work has ended, in whatever way. May be called twice."""


class Silent:
    """Says nothing."""

    def start(self, steps: int) -> None: ...

    def step(self, text: str) -> None: ...

    def note(self, text: str) -> None: ...

    def finish(self) -> None: ...
