from __future__ import annotations

import json

import pytest

from reports import content, explorer
from reports.anchors import Anchors
from reports.ranking import rank
from suite.records import Run
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, noisy


def table(run: Run) -> tuple[list[str], list[dict[str, object]]]:
    """The headings, and the rows by heading: what is shown, and under `heading key` what a number is sorted by."""
    found = json.loads(explorer.data(rank(run), Anchors()))
    rows = []
    for row in found["rows"]:
        told: dict[str, object] = {}
        entries = iter(row)
        for heading, is_number, _ in found["heads"]:
            told[heading] = found["texts"][next(entries)]
            if is_number:
                told[f"{heading} key"] = next(entries)
        told["case"], told["own"] = (found["texts"][entry] for entry in entries)
        rows.append(told)
    return [head[0] for head in found["heads"]], rows


def test_there_is_a_row_for_each_cell_ranked_or_not():
    run = a_gallery()
    _, rows = table(run)
    assert len(rows) == len(run.cells)
    assert {row["status"] for row in rows} >= {"ok", "incorrect"}
    assert len({row["own"] for row in rows}) == len(rows)


def test_a_number_is_shown_with_its_unit_and_sorted_by_its_value():
    _, (first, second) = table(
        a_run([a_cell("pytorch", launches=[[1.0] * 3] * 3), a_cell("jax", launches=[[3.0] * 3] * 3)])
    )
    assert (first["time a call"], first["time a call key"]) == ("1.00 ms", pytest.approx(1e-3))
    assert (second["ratio to the fastest"], second["ratio to the fastest key"]) == ("3.00×", pytest.approx(3.0))
    assert (first["verdict"], second["verdict"]) == ("reference", "slower")


def test_a_cell_without_a_speed_has_its_reason_and_no_time():
    wrong = a_cell("jax", "jit", noisy(1.0), status="incorrect", reason="gradient is off", checks=BAD)
    _, rows = table(a_run([a_cell(), wrong]))
    (row,) = [row for row in rows if row["status"] == "incorrect"]
    assert row["time a call key"] is None
    assert "gradient is off" in str(row["why it has no speed"])


@pytest.mark.parametrize("evil", ["</script><script>alert(1)</script>", "<!--", "\u2028", "x" * 10_000_000])
def test_no_text_ends_the_element_or_fills_the_page(evil):
    data = explorer.data(rank(a_run([a_cell(), a_cell("jax", status="failed", reason=evil, launches=[])])), Anchors())
    assert "<" not in data
    assert "\u2028" not in data
    assert len(data) < 20_000


def test_addresses_are_plain_stay_the_same_and_are_never_shared():
    anchors = Anchors()
    assert anchors.of("conv2d[medium] gradient float32") == "conv2d-medium-gradient-float32"
    assert anchors.of("conv2d medium/gradient float32") == "conv2d-medium-gradient-float32-2"
    assert anchors.of("conv2d[medium] gradient float32") == "conv2d-medium-gradient-float32"
    assert anchors.of("<script>") == "script"
    assert anchors.of("☃") == "unnamed"


def test_of_many_cases_the_first_have_sections_and_all_have_rows(monkeypatch):
    monkeypatch.setattr(content, "MOST_CASES", 2)
    run = a_run([a_cell(problem=f"p{number}") for number in range(5)])
    report = content.build(run)
    assert len(report.cases) == 2
    assert report.left_out.startswith("The first 2 of 5 cases")
    assert len(table(run)[1]) == 5
