"""Commands that measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import triptych
from cli.options import (
    Budget,
    Device,
    FailAbove,
    Frameworks,
    GateFile,
    Json,
    Launches,
    Margin,
    Markdown,
    Modes,
    Output,
    PrecisionGoal,
    Precisions,
    ProfileName,
    Rounds,
    Seed,
    Selectors,
    Targets,
    Tasks,
    Threads,
    Variants,
    split,
)
from cli.output import (
    announce,
    conclude,
    end_at_gate,
    end_run,
    make_progress,
    print_json,
    refuse_two_formats,
    show_benchmarks,
    show_table,
)
from suite.errors import UsageError

commands = typer.Typer()


@commands.command()
def run(
    context: typer.Context,
    selectors: Selectors = None,
    profile: ProfileName = "quick",
    framework: Frameworks = [],
    target: Targets = [],
    task: Tasks = [],
    mode: Modes = [],
    precision: Precisions = ["float32"],
    variant: Variants = [],
    device: Device = "cpu",
    threads: Threads = None,
    seed: Seed = 0,
    launches: Launches = None,
    rounds: Rounds = None,
    budget: Budget = None,
    precision_goal: PrecisionGoal = None,
    margin: Margin = None,
    baseline: Annotated[str, typer.Option(help="The target to hold all others against. Default: the fastest.")] = "",
    warm_caches: Annotated[bool, typer.Option("--warm-caches", help="Let compilers use what is on disk.")] = False,
    output: Output = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder, as it was begun.")] = None,
    json: Json = False,
) -> None:
    """Check the cells, time them, and write a report."""
    from suite.plan import parse_duration, parse_percent

    if resume is not None:
        _refuse_beside_resume(context)
        conclude(triptych.resume(resume, progress=make_progress()), json)
    plan = triptych.plan(
        *(selectors or []),
        profile=profile,
        frameworks=split(framework),
        interpreters=target,
        tasks=split(task),
        modes=split(mode),
        precisions=split(precision),
        variants=split(variant),
        device=device,
        threads=threads,
        seed=seed,
        launches=launches,
        rounds=rounds,
        budget_s=None if budget is None else parse_duration(budget),
        precision_goal=None if precision_goal is None else parse_percent(precision_goal),
        margin=None if margin is None else parse_percent(margin),
        warm_caches=warm_caches,
        baseline=baseline,
    )
    announce(plan)
    conclude(triptych.run_plan(plan, output=output, progress=make_progress()), json)


@commands.command()
def sweep(
    selectors: Selectors = None,
    over: Annotated[
        str, typer.Option(help="The parameter and its points: seq=128..4096, doubling; or kernel=3,5,7.")
    ] = "",
    of: Annotated[str, typer.Option("--of", help="What is asked about: time, memory or first_call.")] = "time",
    profile: ProfileName = "quick",
    framework: Frameworks = [],
    target: Targets = [],
    task: Tasks = [],
    mode: Modes = [],
    precision: Precisions = ["float32"],
    variant: Variants = [],
    device: Device = "cpu",
    threads: Annotated[list[str], typer.Option(help="1,2: measure with each of these. Default: all CPUs.")] = [],
    seed: Seed = 0,
    launches: Launches = None,
    rounds: Rounds = None,
    budget: Budget = None,
    precision_goal: PrecisionGoal = None,
    margin: Margin = None,
    warm_caches: Annotated[bool, typer.Option("--warm-caches", help="Let compilers use what is on disk.")] = False,
    output: Output = None,
    json: Json = False,
) -> None:
    """Measure a workload, or several, over a range of one parameter: how it grows, and where one passes another."""
    from suite.plan import parse_duration, parse_percent
    from suite.sweeping import make_sweep, parse_threads

    plan = make_sweep(
        selectors or [],
        over,
        of=of,
        thread_counts=parse_threads(split(threads)),
        profile=profile,
        frameworks=split(framework),
        interpreters=target,
        tasks=split(task),
        modes=split(mode),
        precisions=split(precision),
        variants=split(variant),
        device=device,
        seed=seed,
        launches=launches,
        rounds=rounds,
        budget_s=None if budget is None else parse_duration(budget),
        precision_goal=None if precision_goal is None else parse_percent(precision_goal),
        margin=None if margin is None else parse_percent(margin),
        warm_caches=warm_caches,
    )
    announce(plan)
    conclude(triptych.run_plan(plan, output=output, progress=make_progress()), json)


@commands.command()
def ab(
    old: Annotated[str, typer.Argument(metavar="OLD", help="NAME=path/to/python, or a name from triptych.toml.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Likewise: what is compared with OLD.")],
    selectors: Selectors = None,
    profile: ProfileName = "quick",
    framework: Frameworks = [],
    task: Tasks = [],
    mode: Modes = [],
    precision: Precisions = ["float32"],
    threads: Threads = None,
    launches: Launches = None,
    rounds: Rounds = None,
    budget: Budget = None,
    precision_goal: PrecisionGoal = None,
    margin: Margin = None,
    fail_above: FailAbove = None,
    gate: GateFile = None,
    output: Output = None,
    markdown: Markdown = False,
    json: Json = False,
) -> None:
    """Time two interpreters in turns, in one run, and say in which cells the new one is faster or slower."""
    from reports import comment, duels
    from reports import gate as gates
    from suite import comparison
    from suite.plan import parse_duration, parse_percent

    refuse_two_formats(markdown, json)
    wanted = gates.read(gate, fail_above)
    plan = triptych.plan(
        *(selectors or []),
        profile=profile,
        frameworks=split(framework),
        interpreters=[old, new],
        tasks=split(task),
        modes=split(mode),
        precisions=split(precision),
        threads=threads,
        launches=launches,
        rounds=rounds,
        budget_s=None if budget is None else parse_duration(budget),
        precision_goal=None if precision_goal is None else parse_percent(precision_goal),
        margin=gates.default_margin(wanted) if margin is None else parse_percent(margin),
        baseline=old.partition("=")[0],
    )
    if wanted and gates.gates_speed(wanted) and plan.profile.launches < 2:
        raise UsageError("nothing can be gated: one launch proves nothing slower; ask for --launches 3 or more")
    announce(plan)
    finished = triptych.run_plan(plan, output=output, progress=make_progress())
    found, names = finished.contents, (old.partition("=")[0], new.partition("=")[0])
    fought = duels.duels(found, *names, gates.margins(wanted, comparison.margin(found)))
    is_whole = finished.record.ended != "interrupted"
    judgement = gates.judge(wanted, duels.as_changes(fought)) if wanted and is_whole else None
    if json:
        print_json({"cells": duels.as_json(fought, *names), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_duels(fought, found, *names, judgement), nl=False)
    else:
        show_table(duels.table(fought, found, *names))
        for path in finished.reports:
            typer.echo(str(path))
    end_at_gate(judgement)
    end_run(finished)


@commands.command()
def pytest(
    old: Annotated[str, typer.Argument(metavar="OLD", help="NAME=path/to/python, or a name from triptych.toml.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Likewise: what is compared with OLD.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="-- WORDS", help="What pytest is given: files and options.")
    ] = None,
    old_folder: Annotated[
        Path, typer.Option(help="Where the pytest of OLD runs, such as a checkout of older code. Default: here.")
    ] = Path(),
    launches: Annotated[int, typer.Option(help="How often each side's pytest is started.")] = 6,
    timeout: Annotated[str, typer.Option(help="A pytest that takes longer ends everything: 90s, 10m, 1.5h.")] = "1h",
    margin: Margin = None,
    fail_above: FailAbove = None,
    gate: GateFile = None,
    output: Output = None,
    markdown: Markdown = False,
    json: Json = False,
) -> None:
    """Run pytest-benchmark tests in two interpreters, in turns, and say which benchmarks are faster or slower."""
    from datetime import UTC, datetime

    from reports import gate as gates
    from reports import imported
    from suite import turns
    from suite.plan import parse_duration, parse_percent
    from suite.targets import named_interpreters

    refuse_two_formats(markdown, json)
    wanted = gates.read(gate, fail_above)
    least = imported.MARGIN if margin is None else parse_percent(margin)
    timeout_s = parse_duration(timeout)
    if wanted and gates.gates_speed(wanted) and launches < 2:
        raise UsageError("nothing can be gated: one process gives no interval; ask for --launches 3 or more")
    (one, its_python), (other, python) = named_interpreters([old, new], Path()).items()
    sides = turns.Side(one, its_python, old_folder), turns.Side(other, python, Path())
    try:
        folders = turns.take(
            sides,
            words or [],
            launches=launches,
            timeout_s=timeout_s,
            output=output or triptych.RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-pytest",
            progress=make_progress(),
        )
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(130) from None
    before, after = (imported.read(folder) for folder in folders)
    compared = imported.changes(before, after, gates.margins(wanted, least), paired=True)
    if not (json or markdown):
        typer.echo(str(folders[1].parent))
    show_benchmarks(compared, (one, other), wanted, markdown, json)


@commands.command()
def calibrate(threads: Threads = None, device: Device = "cpu", json: Json = False) -> None:
    """Find the smallest difference that this machine can tell, by measuring every framework against itself."""
    from suite.calibration import file

    finished, found = triptych.calibrate(threads=threads, device=device, progress=make_progress())
    floors = {launches: found.floor(launches) for launches in (3, 5, 10)}
    if json:
        print_json({"spread": found.spread, "pairs": found.pairs, "floors": floors})
    else:
        told = ", ".join(f"{100 * floor:.2g} % in {launches} launches" for launches, floor in floors.items())
        typer.echo(f"This machine tells differences of {told}, and larger ones.")
        typer.echo(f"Found on {found.pairs} pairs of equals; kept in {file(triptych.RESULTS, device)}.")
    end_run(finished)


@commands.command()
def learn(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, whose report gets the curves.")],
    model: Annotated[list[str], typer.Option(help="deep_mlp, lenet5, … Default: every model that has a lesson.")] = [],
    seeds: Annotated[int, typer.Option(help="How many draws of the parameters to train from.")] = 3,
) -> None:
    """Train models on real data in every framework of a run, and draw their learning curves into its report."""
    from reports import learning

    found = triptych.learn(folder, *split(model), seeds=seeds, progress=make_progress())
    for lesson in learning.lessons(found.contents.curves):
        show_table(f"{lesson.label}: {lesson.finding}")
    show_table(f"\n{found.folder}/report.html")


def _refuse_beside_resume(context: typer.Context) -> None:
    """A resumed run does what its record says, so nothing else can be asked of it."""
    given = [name for name in context.params if _was_given(context, name) and name not in ("resume", "json")]
    if given:
        words = ["a selector" if name == "selectors" else "--" + name.replace("_", "-") for name in given]
        raise UsageError(f"--resume goes on with a run as it was begun and takes no {' or '.join(words)}; leave it out")


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
