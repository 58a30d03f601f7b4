"""Takes more threads than it was given."""

from __future__ import annotations

from impls.numpy.backend import NumpyBackend


class OverthreadedBackend(NumpyBackend):
    def settings(self) -> dict[str, str | int | bool | None]:
        return {"threads": 64}


BACKEND = OverthreadedBackend
