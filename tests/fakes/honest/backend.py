"""Its synchronisation waits for all outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.fakes.asynchronous import AsynchronousBackend


class HonestBackend(AsynchronousBackend):
    def synchronize(self, outputs: Sequence[Any]) -> None:
        self.wait(outputs)


BACKEND = HonestBackend
