"""Puts the reports beside the records."""

from __future__ import annotations

import os
from pathlib import Path

from suite.errors import RecordsError
from suite.records import Run


def write(run: Run, folder: Path) -> list[Path]:
    """Write `report.md` and `report.html` into `folder`, which is made where it is missing, and return their paths.

    Each file is replaced as a whole, so that a reader never sees half of one. Raises RecordsError where the folder
    cannot be written, or where the run names no margin.
    """
    from reports import html, markdown

    texts = {"report.md": markdown.render(run), "report.html": html.render(run)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_replace(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise RecordsError(f"{folder} cannot be written: {error.strerror}; name another folder") from None


def _replace(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
