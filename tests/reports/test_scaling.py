from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from rich.console import Console

from reports import html, markdown, scaling, terminal
from reports.scaling import Scaling, exponent
from suite.records import Cell, Run
from suite.statistics import Interval
from tests.reports.builders import a_cell, a_gallery
from tests.suite.test_series import a_sweep, linear, quadratic, swept


def built(*cells: Cell, of: str = "time") -> Scaling:
    found = scaling.build(a_sweep(*cells, of=of))
    assert found is not None
    return found


def crossing() -> list[Cell]:
    return [*swept(quadratic), *swept(linear, target="jax", seed=1)]


def printed(run: Run, width: int = 80) -> str:
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(terminal.summary(run))
    return capture.get()


def test_a_run_that_sweeps_nothing_has_no_such_part() -> None:
    run = a_gallery()
    assert scaling.build(run) is None
    assert "How it grows" not in html.render(run)
    assert "How it grows" not in markdown.render(run)
    assert "scaling" not in terminal.as_json(run)


def test_the_finding_of_one_crossing_is_its_sentence() -> None:
    found = built(*crossing())
    assert found.crossings == [found.finding]
    assert found.finding.startswith("pytorch eager is faster than jax eager below seq ")
    assert found.finding.endswith(", jax eager above")
    assert found.others == []


def test_the_sentence_names_what_two_series_share_once() -> None:
    cells = [
        *swept(quadratic, threads=1),
        *swept(linear, threads=1, workload="mlp", seed=1),
        *swept(lambda n: quadratic(n) / 9, threads=2, seed=2),
    ]
    found = built(*cells)
    (sentence,) = found.crossings
    assert sentence.startswith("1 thread: linear is faster than mlp below seq ")
    assert found.others == ["linear: no crossover within 64..1024: 2 threads is faster than 1 thread throughout"]


def test_exponents_stand_beside_those_of_the_definition() -> None:
    time, memory, first_call = built(*crossing()).tables
    assert time.caption == "How the time a call grows with seq"
    assert [column.heading for column in time.columns[:4]] == ["series", "exponent", "by definition", "at the end"]
    (label, told, by_definition, *_), other = time.rows
    assert (label, by_definition) == ("pytorch eager", "2.00")
    assert told.startswith(("1.9", "2.0"))
    assert other[1].startswith(("0.9", "1.0"))
    assert memory.rows[0][2] == "1.00"
    assert "by definition" not in [column.heading for column in first_call.columns]


@pytest.mark.parametrize("of", ["time", "memory", "first_call"])
def test_what_was_asked_about_comes_first(of: str) -> None:
    name = {"time": "time a call", "memory": "peak memory", "first_call": "first call"}[of]
    assert built(*crossing(), of=of).tables[0].caption == f"How the {name} grows with seq"


def test_a_pair_without_a_crossing_says_why() -> None:
    one = swept(quadratic)
    same = built(*swept(quadratic, noise=0.002), *swept(quadratic, noise=0.002, target="jax", seed=1))
    assert same.others == ["No difference between pytorch eager and jax eager within 64..1024"]
    alone = built(*swept(quadratic, launches=1), *swept(linear, launches=1, target="jax", seed=1))
    assert alone.others[0].startswith(
        "undecided between pytorch eager and jax eager within 64..1024; the medians cross near"
    )
    throughout = built(*one, *swept(lambda n: quadratic(n) * 3, target="jax", seed=1))
    assert throughout.others == ["No crossover within 64..1024: pytorch eager is faster than jax eager throughout"]
    assert throughout.finding.endswith("; no two are proven to cross")


def test_exponents_that_are_not_known_are_not_the_finding() -> None:
    found = built(*swept(quadratic, launches=2, noise=0.5))
    assert "not known to ± 0.5" in found.finding


def test_too_few_points_are_told() -> None:
    assert built(*swept(linear)[:2]).finding == "Too few points ended ok to say how the time a call grows with seq"
    assert built().finding.startswith("Too few points")
    assert scaling.figure(built()) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Interval(1.98, 1.95, 2.01), "1.98 (1.95 to 2.01)"),
        (Interval(-0.001, -0.004, 0.004), "0.00 (0.00 to 0.00)"),
        (Interval(1.98, -0.1, 4.06), "not known"),
        (Interval(1.98, float("-inf"), float("inf")), "not known"),
    ],
)
def test_an_exponent_has_two_decimals_and_its_interval(value: Interval, text: str) -> None:
    assert exponent(value) == text


def test_the_figure_says_what_it_shows_and_holds_every_series() -> None:
    found = built(*crossing())
    drawn = scaling.figure(found)
    assert drawn is not None
    assert drawn.title == found.finding
    assert "pytorch eager: 146 µs at 64, " in drawn.alternative
    assert "at 1024" in drawn.alternative
    root = ElementTree.fromstring(drawn.svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"pytorch eager", "jax eager", "64", "1024", "seq, log axis"} <= set(texts)


def test_a_name_from_a_record_is_not_obeyed() -> None:
    found = built(*swept(linear, target="<b>\x1b[31m$x^2$"), *swept(quadratic, target="jax", seed=1))
    drawn = scaling.figure(found)
    assert drawn is not None
    assert "<b>" not in drawn.svg
    run = a_sweep(*swept(linear, target="<b>bold</b>"), *swept(quadratic, target="jax", seed=1))
    assert "<b>bold" not in html.render(run)


def test_the_reports_show_figure_tables_and_pairs() -> None:
    run = a_sweep(*crossing())
    page, text = html.render(run), markdown.render(run)
    for words in ("How it grows with seq", "How the peak memory grows with seq", "is faster than jax eager below seq"):
        assert words in page
        assert words in text
    assert 'id="scaling"' in page
    assert "left of a measure once its fixed cost is taken off" in text


def test_the_terminal_has_room_for_the_exponents_on_80_columns() -> None:
    shown = printed(a_sweep(*crossing()))
    assert all(len(line) <= 80 for line in shown.splitlines())
    row = next(line for line in shown.splitlines() if line.startswith("pytorch eager  "))
    assert " 2.00 " in row
    assert "pytorch eager is faster than jax eager below seq" in " ".join(shown.split())


def test_json_has_the_numbers_unrounded() -> None:
    data = json.loads(json.dumps(terminal.as_json(a_sweep(*crossing()))["scaling"]))
    one, other = data["series"]
    assert one["sizes"] == [64, 128, 256, 512, 1024]
    assert one["time"]["interval"][0] <= 2 <= one["time"]["interval"][1]
    assert one["expected"]["flops"] == pytest.approx(2.0, abs=1e-3)
    assert other["time"]["launches"] == 5
    (pair,) = data["pairs"]
    assert pair["crossings"][0]["interval"][0] <= 300 <= pair["crossings"][0]["interval"][1]


def test_points_without_a_speed_leave_the_series_shorter_and_are_told_with_the_others() -> None:
    cells = swept(quadratic)
    failed = [
        a_cell(status="failed", reason="it broke", parameters={"seq": 2048}, problem="small,seq=2048", launches=())
    ]
    found = built(*cells, *failed)
    assert list(found.series[0].cells)[-1] == 1024
    assert "it broke" in printed(a_sweep(*cells, *failed))
