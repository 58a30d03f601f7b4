from __future__ import annotations

import io
import json

import pytest

import cli
import cli.output
from reports import preflight
from reports import progress as progress_report
from suite.plan import make_plan
from tests.cli.runs import AB


def test_json_holds_no_number_that_is_not_finite(capsys):
    cli.output.print_json({"a": [1.5, float("nan"), float("-inf")], "b": (True, None, 2**70)})
    assert json.loads(capsys.readouterr().out) == {"a": [1.5, None, None], "b": [True, None, 2**70]}


@pytest.mark.parametrize("words", [AB, ("compare", "old", "new")])
def test_markdown_and_json_at_once_are_refused(triptych_command, measuring, words):
    done = triptych_command(*words, "--json", "--markdown")
    assert (done.code, measuring) == (2, [])
    assert done.err == "error: --markdown and --json cannot both be printed; leave one out\n"


def test_the_bar_is_for_terminals_and_lines_for_everything_else():
    from rich.console import Console

    assert isinstance(progress_report.make(Console(force_terminal=True)), progress_report.Bar)
    assert isinstance(progress_report.make(Console(force_terminal=False)), progress_report.Lines)


def test_the_plan_that_is_announced_counts_its_cells():
    from rich.console import Console

    console = Console(width=120, record=True, file=io.StringIO())
    plan = make_plan(["linear[tiny]", "mlp[tiny]"], profile="smoke", frameworks=["jax"], threads=1)
    console.print(preflight.plan_summary(plan, {}))
    assert "smoke: 5 cases × 2 columns = 10 cells, 1 launch of up to 6 rounds" in console.export_text()
