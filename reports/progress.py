"""A run's progress: a bar with the time left on a terminal, one line a step everywhere else."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

from reports.format import clean
from suite.progress import Progress

_SPEED_OVER_S = 3600.0
"""Steps of the last hour tell the time left; a single one can take minutes."""


def make(console: Console) -> Progress:
    """What suits `console`: a bar on a terminal, lines in a file or in CI."""
    return Bar(console) if console.is_terminal else Lines(console)


class Bar:
    """A bar with the share done, the time passed and the time left, and what is being done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = RichProgress(
            BarColumn(bar_width=16),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
            speed_estimate_period=_SPEED_OVER_S,
        )
        self._task = self._bar.add_task("", total=None)
        self._begun = 0

    def start(self, steps: int) -> None:
        self._begun = 0
        self._bar.reset(self._task, total=steps)
        self._bar.start()

    def step(self, text: str) -> None:
        self._bar.update(self._task, completed=self._begun, description=clean(text))
        self._begun += 1

    def note(self, text: str) -> None:
        self._console.print(Text(clean(text)))

    def finish(self) -> None:
        self._bar.stop()


class Lines:
    """`[3/104] conv2d[small] forward …`, a line for each step as it begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0
        self._begun = 0

    def start(self, steps: int) -> None:
        self._steps, self._begun = steps, 0

    def step(self, text: str) -> None:
        self._begun += 1
        self._say(f"[{self._begun}/{self._steps}] {text}")

    def note(self, text: str) -> None:
        self._say(text)

    def finish(self) -> None: ...

    def _say(self, text: str) -> None:
        self._console.print(Text(clean(text)), soft_wrap=True)
