from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from reports.history import History, history
from reports.svg import Figure
from reports.timelines import PANELS, draw, finding
from suite.records import Run
from tests.reports.builders import a_cell, a_run, a_target, noisy

SVG = "{http://www.w3.org/2000/svg}"


def runs(cells: int, number: int = 8, changed: int = 0, evil: str = "") -> list[Run]:
    """`cells` cells, of which the last `changed` become slower half-way."""
    return [
        a_run(
            [
                a_cell(
                    launches=noisy(
                        1.5 if cell >= cells - changed and day >= number // 2 else 1.0, 3, 2, seed=99 * cell + day
                    ),
                    problem=f"p{cell}{evil}",
                )
                for cell in range(cells)
            ],
            id=f"run-{day}",
            created=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat(),
            targets=[a_target("pytorch", versions={"pytorch": "2.13" if day >= number // 2 else "2.12"})],
        )
        for day in range(number)
    ]


def drawn(found: History) -> Figure:
    figure = draw(found)
    assert figure is not None
    return figure


def texts(figure: Figure) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(figure.svg).iter(f"{SVG}text")]


def test_the_figure_states_what_changed_in_words_too() -> None:
    figure = drawn(history(runs(3, changed=1), []))
    assert figure.title == "1 of 3 cells changed over 8 runs: 1 slower at the last change, the newest on 2026-01-05"
    assert figure.title in texts(figure)
    assert "pytorch eager, linear[p2] gradient: slower since 2026-01-05: 1.5" in figure.alternative
    assert "pytorch 2.12 → 2.13" in texts(figure)
    assert {"2026-01-01", "2026-01-08"} <= set(texts(figure))


def test_where_nothing_changed_the_figure_says_so() -> None:
    assert finding(history(runs(2), [])) == "No change of speed was found in 2 cells over 8 runs"
    assert "no change" in texts(drawn(history(runs(2), [])))


def test_cells_with_a_change_are_drawn_first_and_the_others_counted() -> None:
    figure = drawn(history(runs(PANELS + 6, 6, changed=2), []))
    shown = [text for text in texts(figure) if text.startswith("pytorch eager, ")]
    assert len(shown) == PANELS
    assert {shown[0], shown[1]} == {f"pytorch eager, linear[p{cell}] gradient" for cell in (PANELS + 4, PANELS + 5)}
    assert any("6 cells not drawn, 0 with a change" in text for text in texts(figure))


def test_one_run_has_no_figure() -> None:
    assert draw(history(runs(2, 1), [])) is None


def test_the_same_records_draw_the_same_bytes() -> None:
    assert drawn(history(runs(2), [])).svg == drawn(history(runs(2), [])).svg


@pytest.mark.parametrize("evil", ["</text><script>alert(1)</script>", "$\\frac{1$", "\x1b[2J\x00"])
def test_hostile_names_stay_text_in_a_figure(evil: str) -> None:
    root = ElementTree.fromstring(drawn(history(runs(1, evil=evil), [])).svg)
    assert not [element for element in root.iter() if "script" in element.tag]
