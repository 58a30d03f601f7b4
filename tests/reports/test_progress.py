from __future__ import annotations

import io

import pytest
from rich.console import Console

from reports.progress import Bar, Lines
from suite.progress import Progress, Silent


def told(kind: type[Bar] | type[Lines], terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
    progress: Progress = kind(console)
    progress.start(2)
    progress.step("conv2d[small] forward")
    progress.note("[bold]out of memory\x1b[31m")
    progress.step("conv2d[small] gradient")
    progress.finish()
    progress.finish()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_count_the_steps_as_they_begin():
    assert told(Lines, terminal=False).splitlines() == [
        "[1/2] conv2d[small] forward",
        "[bold]out of memory�[31m",
        "[2/2] conv2d[small] gradient",
    ]


def test_the_bar_shows_what_is_being_done_and_keeps_the_notes():
    text = told(Bar, terminal=True)
    assert "[bold]out of memory�[31m" in text
    assert "conv2d[small] gradient" in text
    assert "1/2" in text


def test_a_bar_that_was_never_started_can_be_finished():
    Bar(Console(file=io.StringIO(), force_terminal=True)).finish()


@pytest.mark.parametrize("steps", [0, 5])
def test_silence_says_nothing(steps, capfd):
    silent: Progress = Silent()
    silent.start(steps)
    silent.step("a")
    silent.note("b")
    silent.finish()
    assert capfd.readouterr() == ("", "")
