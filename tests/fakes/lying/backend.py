"""Its synchronisation waits for nothing."""

from __future__ import annotations

from tests.fakes.asynchronous import AsynchronousBackend


class LyingBackend(AsynchronousBackend):
    pass


BACKEND = LyingBackend
