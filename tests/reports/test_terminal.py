import io
import json
import re

import pytest
from rich.console import Console

from reports import terminal
from suite.records import Run
from tests.reports.builders import BAD, a_cell, a_gallery, a_run, noisy


def printed(run: Run, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, legacy_windows=False)
    console.print(terminal.summary(run))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_and_shows_every_case_target_and_reason(width: int) -> None:
    text = printed(a_gallery(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    words = " ".join(text.split())
    for expected in (
        "numpy pytorch tensorflow jax verdict",
        "908 µs",
        "1.00× =",
        "undecided",
        "unsupported 2",
        "timeout",
    ):
        assert expected in words


def test_the_fastest_shows_its_time_and_the_others_their_ratio() -> None:
    run = a_run([a_cell("jax", "jit", [[2.0] * 3] * 3), a_cell("pytorch", "eager", [[3.0] * 3] * 3)])
    row = next(line for line in printed(run).splitlines() if line.startswith("linear[small]"))
    assert row.split() == ["linear[small]", "2.00", "ms", "1.50×", "faster"]


def test_an_incorrect_cell_shows_no_ratio() -> None:
    wrong = a_cell("jax", "jit", noisy(0.1), status="incorrect", reason="gradient", checks=BAD)
    text = printed(a_run([a_cell("pytorch"), wrong]))
    assert "incorrect" in text and "×" not in text


def test_text_of_a_record_steers_neither_rich_nor_the_terminal() -> None:
    evil = "[red]x[/red]\x1b[31m"
    text = printed(a_run([a_cell(evil, problem=evil), a_cell("jax", status="failed", reason=evil)]), 120)
    assert "[red]x[/red]" in text and "\x1b" not in text


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("interrupted", "interrupted"),
        ("budget", "The budget ended this run"),
        ("goal", "every comparison is settled"),
        ("launches", "all the launches that it may have"),
    ],
)
def test_the_summary_says_what_ended_the_run_once(ended: str, words: str) -> None:
    assert " ".join(printed(a_run([a_cell()], ended=ended)).split()).count(words) == 1
    assert "No cell was recorded." in printed(a_run())


@pytest.mark.parametrize("run", [a_gallery(), a_gallery(1), a_run()])
def test_the_json_is_strict_json(run: Run) -> None:
    text = json.dumps(terminal.as_json(run), allow_nan=False)
    assert not re.search("NaN|Infinity", text)
    assert len(json.loads(text)["cases"]) == len({cell.case for cell in run.cells})


def test_the_json_gives_unrounded_numbers_and_no_interval_where_one_launch_gives_none() -> None:
    cells = [
        a_cell("jax", launches=[[1.0]]),
        a_cell("numpy", launches=[[3.0]]),
        a_cell("pytorch", status="failed", reason="no"),
    ]
    [case] = terminal.as_json(a_run(cells))["cases"]
    assert (case["fastest"], case["verdict"]) == ("jax eager", "undecided")
    assert case["ranking"][1]["ratio"] == pytest.approx(3.0)
    assert case["ranking"][1]["ratio_interval"] is None
    assert case["unranked"][0]["reason"] == "no"
