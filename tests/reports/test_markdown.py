import re

import pytest
from markdown_it import MarkdownIt

from reports import markdown
from tests.reports.builders import a_cell, a_gallery, a_run
from tests.reports.test_html import EVIL, Page, a_hostile_run

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").render

MARKUP = [
    *EVIL,
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "# heading",
    "a | b | c",
    "`code` and ``more``",
    "**bold** _it_ ~~no~~",
    "1. one",
    "- item",
    "line\n\n# two\n\n| a |\n| - |",
    "back\\slash \\| pipe",
    "```\nfence",
    "[a]: https://evil.example",
]


@pytest.mark.parametrize("evil", MARKUP)
def test_text_of_a_record_is_shown_and_never_obeyed(evil: str) -> None:
    harmless = Page(RENDER(markdown.render(a_hostile_run("name"))))
    hostile = Page(RENDER(markdown.render(a_hostile_run(evil))))
    assert hostile.tags == harmless.tags
    assert " ".join(evil.split()) in " ".join(hostile.text.split())


def test_identifiers_stay_readable_in_the_source() -> None:
    assert markdown.escape("layer_norm[small] gradient 1.83×") == "layer_norm[small] gradient 1.83×"


def test_a_fence_is_longer_than_any_within() -> None:
    assert markdown.fence("a ```` b").startswith("`````\n")


def test_every_row_of_a_table_is_as_wide_as_its_head() -> None:
    page = RENDER(markdown.render(a_gallery()))
    tables = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(tables) > 10
    for table in tables:
        assert len({len(re.findall("<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}) == 1
        assert "<tbody>" in table


def test_the_findings_the_ratios_and_the_reasons_are_there_and_no_nan() -> None:
    text = markdown.render(a_gallery())
    for words in ("jax jit is fastest", "1.00× =", "groups above 1 outside XLA", "Example 9000", "--seed 7"):
        assert words in text
    assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE)


def test_unusual_runs_still_give_a_sensible_page() -> None:
    assert "No cell was recorded" in markdown.render(a_run())
    assert "No cell ended ok" in markdown.render(a_run([a_cell(status="failed", reason="no", launches=[])]))
    assert "> **Note.** This run is unfinished" in markdown.render(a_run([a_cell()], ended=""))
