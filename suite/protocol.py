"""How worker and coordinator speak: one JSON object a line, over a private pair of pipes. Arrays travel as .npy files."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path
from typing import Any

import numpy as np

Message = dict[str, Any]


class Closed(Exception):
    """The other side has ended."""


class DeadlinePassed(Exception):
    """No answer came in time."""


class Channel:
    """One side of the pair of pipes."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self.read_fd = read_fd
        self.write_fd = write_fd
        self._buffer = b""

    def send(self, message: Message) -> None:
        """Write one message. Raises Closed where nobody reads any more."""
        data = json.dumps(message, allow_nan=True).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.write_fd, data) :]
        except (BrokenPipeError, OSError) as error:
            raise Closed from error

    def receive(self, timeout_s: float | None = None) -> Message:
        """Sleep until one message is there. Raises Closed at the end of the stream, DeadlinePassed after `timeout_s`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            if deadline is not None:
                ready, _, _ = select.select([self.read_fd], [], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise DeadlinePassed
            chunk = os.read(self.read_fd, 1 << 16)
            if not chunk:
                raise Closed
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError(f"a message must be an object, not {line[:80]!r}")
        return message

    def close(self) -> None:
        for descriptor in (self.read_fd, self.write_fd):
            os.close(descriptor)


def save_arrays(folder: Path, arrays: dict[str, np.ndarray]) -> list[str]:
    """Write each array as `<number>.npy`; returns the names in the files' order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, array in enumerate(arrays.values()):
        np.save(folder / f"{number}.npy", array, allow_pickle=False)
    return list(arrays)


def load_arrays(folder: Path, names: list[str]) -> dict[str, np.ndarray]:
    return {name: np.load(folder / f"{number}.npy", allow_pickle=False) for number, name in enumerate(names)}
