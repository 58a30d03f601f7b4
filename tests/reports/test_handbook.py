"""The pages in docs/workloads/ are those of the definitions."""

from __future__ import annotations

from reports.handbook import FOLDER, _definition, pages
from suite.workloads import WORKLOADS


def test_the_pages_on_disk_are_written_from_the_definitions_of_today() -> None:
    found = pages()
    assert {path.name for path in FOLDER.iterdir()} == set(found), "run `make docs`"
    for name, text in found.items():
        assert (FOLDER / name).read_text("utf-8") == text, "run `make docs`"


def test_every_workload_has_its_section() -> None:
    text = "".join(pages().values())
    assert all(f"## {name}\n" in text for name in WORKLOADS)


def test_a_formula_stays_as_it_was_typed_and_prose_flows() -> None:
    assert _definition("What it is.\n\ny = x\n    + 1\n\nSource: a book.") == [
        *["What it is.", "", "```", "y = x\n    + 1", "```", "", "Source: a book."]
    ]
