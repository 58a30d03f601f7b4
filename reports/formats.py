"""A report in the format that its reader wants, as the bytes of one file."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports import frames, html, markdown, terminal
from reports.format import standard_json
from reports.ranking import rank
from suite.errors import UsageError, unknown
from suite.records import Run

SUMMARY_BYTES = 1024 * 1024
"""What GitHub takes as the summary of a step."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PDF_TIMEOUT_S = 120


@dataclass(frozen=True)
class Format:
    """`make` gives the file's bytes; `ending` is that of its name."""

    ending: str
    make: Callable[[Run], bytes]


def make(run: Run, name: str) -> bytes:
    """The report on `run` in the format of this name. Raises UsageError where there is none, or where it needs what is not
    installed."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name].make(run)


def table(run: Run) -> pd.DataFrame:
    """A row for each cell: its figures, and where it is ranked its ratio to the fastest of its case, with the verdict."""
    rankings = rank(run)
    verdicts = frames.verdicts(run, rankings)[["case", "cell", "fastest", "ratio", "low", "high", "verdict"]]
    return frames.cells(run).merge(verdicts, on=["case", "cell"], how="left")


def fitting(text: str, limit: int) -> str:
    """Markdown of at most so many bytes: sections are left out from the end, and named."""
    if len(text.encode()) <= limit:
        return text
    head, *sections = text.split("\n## ")
    left_out: list[str] = []

    def whole() -> str:
        note = f"\n\nLeft out for want of room: {', '.join(reversed(left_out))}.\n" if left_out else ""
        return "\n## ".join([head, *sections]) + note

    while sections and len(whole().encode()) > limit:
        left_out.append(sections.pop().partition("\n")[0][:80])
    return whole().encode()[:limit].decode(errors="ignore")


def _pdf(run: Run) -> bytes:
    """As a browser prints the page."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise UsageError(
            "a PDF is printed by Chromium or Chrome, and neither is installed; print report.html from your browser"
        )
    with tempfile.TemporaryDirectory() as folder:
        page, printed = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html.render(run), encoding="utf-8")
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        command += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # it refuses root otherwise
        command += [f"--user-data-dir={folder}/profile", "--no-pdf-header-footer", f"--print-to-pdf={printed}"]
        try:
            subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=PDF_TIMEOUT_S)
            return printed.read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise UsageError(f"{browser} printed no PDF: {error}; print report.html from your browser") from None


def _parquet(run: Run) -> bytes:
    buffer = io.BytesIO()
    try:
        table(run).to_parquet(buffer, index=False)
    except ImportError:
        raise UsageError("Parquet needs PyArrow: pip install 'triptych[parquet]'") from None
    return buffer.getvalue()


def _json(run: Run) -> bytes:
    return (
        standard_json({"run": terminal.as_json(run), "cells": table(run).to_dict(orient="records")}) + "\n"
    ).encode()


FORMATS = {
    "html": Format("html", lambda run: html.render(run).encode()),
    "markdown": Format("md", lambda run: markdown.render(run).encode()),
    "summary": Format("md", lambda run: fitting(markdown.render(run), SUMMARY_BYTES).encode()),
    "pdf": Format("pdf", _pdf),
    "csv": Format("csv", lambda run: table(run).to_csv(index=False).encode()),
    "parquet": Format("parquet", _parquet),
    "json": Format("json", _json),
}
