"""Its synchronisation waits for the first output only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.fakes.asynchronous import AsynchronousBackend


class HalfBackend(AsynchronousBackend):
    def synchronize(self, outputs: Sequence[Any]) -> None:
        self.wait(outputs[:1])


BACKEND = HalfBackend
