import subprocess
import sys
from pathlib import Path

import pytest

from reports.write import write
from suite.errors import RecordsError
from tests.reports.builders import a_cell, a_run


def test_both_reports_are_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    paths = write(a_run([a_cell()]), folder)
    assert [path.name for path in paths] == ["report.md", "report.html"]
    assert sorted(folder.iterdir()) == sorted(paths)


def test_an_earlier_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("old " * 100_000)
    write(a_run([a_cell()]), tmp_path)
    assert "old" not in (tmp_path / "report.md").read_text().split()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RecordsError, match="file"):
        write(a_run([a_cell()]), blocked)


def test_nothing_is_written_where_a_report_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(RecordsError):
        write(a_run([a_cell()], selection={}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_importing_the_package_loads_nothing_heavy_and_the_whole_of_it_no_framework() -> None:
    code = """
import sys
import reports, reports.write
assert not {"pandas", "seaborn", "matplotlib", "jinja2"} & set(sys.modules)
import reports.html, reports.markdown, reports.terminal
assert not {"torch", "tensorflow", "jax"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
