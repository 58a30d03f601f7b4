"""Writes reports and figures, each file as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from suite.errors import RecordsError
from suite.records import Run

if TYPE_CHECKING:
    from reports.svg import Figure


def write(run: Run, folder: Path) -> list[Path]:
    """Write `report.md` and `report.html` into `folder`, which is made where it is missing, and return their paths.

    Each file is replaced as a whole, so that a reader never sees half of one. Raises RecordsError where the folder
    cannot be written, or where the run names no margin.
    """
    from reports import html, markdown
    from reports.ranking import rank

    rankings = rank(run)
    texts = {"report.md": markdown.render(run, rankings), "report.html": html.render(run, rankings)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_replace(folder / name, text.encode()) for name, text in texts.items()]
    except OSError as error:
        raise RecordsError(f"{folder} cannot be written: {error.strerror}; name another folder") from None


def write_file(data: bytes, path: Path) -> Path:
    """Write `data` as a whole file. Raises RecordsError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _replace(path, data)
    except OSError as error:
        raise RecordsError(f"{path} cannot be written: {error.strerror}; name another file") from None


def write_figure(figure: Figure, path: Path) -> Path:
    """Write `figure` as a file of its own. Raises RecordsError where that cannot be done."""
    return write_file(f"{figure.svg}\n".encode(), path)


def _replace(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
