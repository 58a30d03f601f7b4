"""How commands print, and how they end.

Exit codes: 0 done, 1 a check or gate failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import typer

import triptych
from suite.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from reports.changes import Changes
    from reports.gate import Gate, Judgement
    from suite.plan import Plan
    from suite.progress import Progress
    from suite.targets import Target


def announce(plan: Plan) -> None:
    """Say what is about to happen, on stderr: stdout is for the results."""
    from reports import preflight
    from suite.targets import missing

    reasons = {target.name: missing(target) for target in plan.targets}
    summary = preflight.plan_summary(plan, {name: reason for name, reason in reasons.items() if reason})
    make_console(stderr=True).print(summary)


def conclude(finished: triptych.Run, json: bool) -> NoReturn:
    """Print what came of a run and end with its exit code."""
    print_run(finished, json)
    end_run(finished)


def print_run(found: triptych.Run, json: bool) -> None:
    """The summary and where the reports are; with --json, only what a program would read."""
    from reports import terminal

    if json:
        print_json(terminal.as_json(found.contents))
        return
    show_table(terminal.summary(found.contents))
    for path in found.reports:
        typer.echo(str(path))


def end_run(finished: triptych.Run) -> NoReturn:
    """The exit code of a run."""
    import shlex

    if finished.record.ended == "interrupted":
        typer.echo(f"interrupted; go on with: triptych run --resume {shlex.quote(str(finished.folder))}", err=True)
        raise typer.Exit(130)
    raise typer.Exit(bool(finished.failures))


def show_benchmarks(found: Changes, names: tuple[str, str], gate: Gate | None, markdown: bool, json: bool) -> None:
    """Print what became of benchmarks of pytest-benchmark's, and end as the gate says, where there is one."""
    from reports import changes, comment, imported
    from reports import gate as gates

    judgement = gates.judge(gate, found.changes, list(found.differing)) if gate else None
    if json:
        print_json({**changes.as_json(found), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_benchmarks(found, names, judgement), nl=False)
    else:
        show_table(imported.table(found, names))
    end_at_gate(judgement)


def end_at_gate(judgement: Judgement | None) -> None:
    """Say on stderr what a gate found and end with its exit code; a cell that failed before too is not its concern."""
    from reports import gate
    from reports.format import clean

    if judgement is None:
        return
    if judgement.blind:
        raise UsageError(f"nothing can be gated: {judgement.blind}")
    for sentence in gate.sentences(judgement):
        typer.echo(clean(sentence), err=True)
    raise typer.Exit(not judgement.passed)


def refuse_two_formats(markdown: bool, json: bool) -> None:
    if markdown and json:
        raise UsageError("--markdown and --json cannot both be printed; leave one out")


def own_targets() -> list[Target]:
    from suite.targets import FRAMEWORKS, default_targets

    return default_targets(list(FRAMEWORKS))


def make_progress() -> Progress:
    from reports import progress

    return progress.make(make_console(stderr=True))


def make_console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def show_table(what: RenderableType) -> None:
    make_console().print(what)


def print_json(data: Any) -> None:
    """JSON as the standard has it: a number that is not finite becomes null."""
    from reports.format import standard_json

    typer.echo(standard_json(data))
