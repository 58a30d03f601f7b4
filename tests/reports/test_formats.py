from __future__ import annotations

import io
import json
import shutil
import sys

import pandas as pd
import pytest

from reports import formats
from suite.errors import UsageError
from tests.reports.builders import a_cell, a_gallery, a_run


def test_the_table_has_a_row_for_each_cell_with_its_verdict():
    run = a_gallery()
    found = pd.read_csv(io.BytesIO(formats.make(run, "csv")))
    assert len(found) == len(run.cells)
    assert {"case", "cell", "status", "median_s", "ratio", "low", "high", "verdict", "fastest"} <= set(found.columns)
    assert found.loc[found["status"] == "incorrect", ["median_s", "ratio"]].isna().all(axis=None)
    assert (found["verdict"] == "slower").any()


def test_json_is_that_of_the_standard_and_holds_what_the_others_hold():
    run = a_gallery()
    found = json.loads(formats.make(run, "json"), parse_constant=pytest.fail)
    assert len(found["cells"]) == len(run.cells)
    assert found["run"]["id"] == run.record.id


def test_html_and_markdown_are_the_reports():
    assert formats.make(a_gallery(), "html").startswith(b"<!doctype html>")
    assert formats.make(a_gallery(), "markdown").startswith(b"# Triptych")


def test_an_unknown_format_names_those_that_there_are():
    with pytest.raises(UsageError, match="csv"):
        formats.make(a_gallery(), "docx")


def test_a_summary_keeps_within_the_limit_and_says_what_it_left_out():
    run = a_run([a_cell(status="failed", reason="x" * 3_000_000, launches=[])])
    found = formats.make(run, "summary")
    assert len(found) <= formats.SUMMARY_BYTES
    assert "Left out for want of room: " in found.decode()
    assert "What has no speed, and why" in found.decode().rpartition("Left out")[2]


@pytest.mark.parametrize("limit", [0, 5, 17, 40, 100])
def test_what_does_not_fit_at_all_is_cut(limit):
    text = "# Ä title\n\n## One\n\nä words\n\n## Two\n\nmore"
    assert len(formats.fitting(text, limit).encode()) <= limit


def test_without_a_browser_there_is_no_pdf_and_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="Chromium or Chrome"):
        formats.make(a_gallery(), "pdf")


def test_a_pdf_is_what_the_browser_printed(monkeypatch, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, pathlib\n"
        "printed = next(word.partition('=')[2] for word in sys.argv if word.startswith('--print-to-pdf='))\n"
        "page = pathlib.Path(sys.argv[-1].removeprefix('file://')).read_text()\n"
        "pathlib.Path(printed).write_text('%PDF of ' + page[:15])\n"
    )
    browser.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(browser))
    assert formats.make(a_gallery(), "pdf") == b"%PDF of <!doctype html>"


def test_a_browser_that_fails_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/false")
    with pytest.raises(UsageError, match="printed no PDF"):
        formats.make(a_gallery(), "pdf")


def test_parquet_needs_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(UsageError, match="pip install"):
        formats.make(a_gallery(), "parquet")


def test_parquet_holds_the_table():
    found = pd.read_parquet(io.BytesIO(formats.make(a_gallery(), "parquet")))
    assert len(found) == len(a_gallery().cells)
