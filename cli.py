"""The command line: each command parses, calls `triptych`, `suite` or `reports`, and prints.

Exit codes: 0 done, 1 a check or gate failed, 2 wrong usage, 130 interrupted. Whatever a command needs is imported
inside it, so that `triptych --help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

import triptych
from suite.errors import TriptychError, UsageError, unknown

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from reports.changes import Changes
    from reports.gate import Gate, Judgement
    from suite.plan import Plan
    from suite.progress import Progress
    from suite.targets import Target

app = typer.Typer(
    help="The same computation in PyTorch, TensorFlow and JAX: checked, timed and explained side by side.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
lists = typer.Typer(help="List what there is to choose from.", no_args_is_help=True)
app.add_typer(lists, name="list")

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORKLOAD[problem]",
        help=r"conv2d, 'conv2d\[medium]', 'attention\[seq=512,causal=true]', '*norm', 'mlp\[medium] train_step'. "
        "Default: those of the profile.",
        show_default=False,
    ),
]
ProfileName = Annotated[str, typer.Option("--profile", help="smoke, quick or standard: see `triptych list profiles`.")]
Frameworks = Annotated[
    list[str], typer.Option("--framework", help="numpy, pytorch, tensorflow or jax; repeat for several. Default: all.")
]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target",
        help="NAME=path/to/python, or a name from triptych.toml: another interpreter to measure in; repeat for several.",
    ),
]
Tasks = Annotated[
    list[str],
    typer.Option(
        "--task",
        help="forward, gradient, train_step, jvp, hvp, jacobian or per_example_gradient; repeat for several.",
    ),
]
Modes = Annotated[list[str], typer.Option("--mode", help="eager, compile, graph, xla, jit or all; repeat for several.")]
Precisions = Annotated[list[str], typer.Option("--precision", help="float64, float32, tf32, bfloat16 or float16.")]
Variants = Annotated[list[str], typer.Option("--variant", help="Other ways of computing, besides the default one.")]
Device = Annotated[str, typer.Option("--device", help="Where to compute; this version knows cpu.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Threads of each framework. Default: all CPUs.")]
Seed = Annotated[int, typer.Option("--seed", help="What the numbers are drawn from, and the order of the samples.")]
Launches = Annotated[
    int | None,
    typer.Option(help="Start every worker anew so often, no more. Default: until every comparison is settled."),
]
PrecisionGoal = Annotated[
    str | None,
    typer.Option(help="A comparison is settled once its verdict is, or its interval is narrower than ± this: 2%."),
]
Rounds = Annotated[int | None, typer.Option(help="At most so many samples of each cell in a launch.")]
Budget = Annotated[str | None, typer.Option(help="Time for the whole run: 90s, 10m, 1.5h.")]
Margin = Annotated[str | None, typer.Option(help="Smaller differences are of no interest: 5%.")]
Output = Annotated[Path | None, typer.Option(help="Folder for the results. Default: a new one in results/.")]
FailAbove = Annotated[
    str | None, typer.Option(help="End with 1 where a cell is proven slower by more than this, or no longer ok: 5%.")
]
GateFile = Annotated[
    Path | None, typer.Option("--gate", help="A TOML file of thresholds by case and of outcomes that are known.")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request instead of tables.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"triptych {triptych.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Global options; `--debug` is taken out by `main`, wherever it stands."""


@app.command()
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
        _conclude(triptych.resume(resume, progress=_progress()), json)
    plan = triptych.plan(
        *(selectors or []),
        profile=profile,
        frameworks=_split(framework),
        interpreters=target,
        tasks=_split(task),
        modes=_split(mode),
        precisions=_split(precision),
        variants=_split(variant),
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
    _announce(plan)
    _conclude(triptych.run_plan(plan, output=output, progress=_progress()), json)


@app.command()
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

    _refuse_two_formats(markdown, json)
    wanted = gates.read(gate, fail_above)
    plan = triptych.plan(
        *(selectors or []),
        profile=profile,
        frameworks=_split(framework),
        interpreters=[old, new],
        tasks=_split(task),
        modes=_split(mode),
        precisions=_split(precision),
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
    _announce(plan)
    finished = triptych.run_plan(plan, output=output, progress=_progress())
    found, names = finished.contents, (old.partition("=")[0], new.partition("=")[0])
    fought = duels.duels(found, *names, gates.margins(wanted, comparison.margin(found)))
    is_whole = finished.record.ended != "interrupted"
    judgement = gates.judge(wanted, duels.as_changes(fought)) if wanted and is_whole else None
    if json:
        _print_json({"cells": duels.as_json(fought, *names), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_duels(fought, found, *names, judgement), nl=False)
    else:
        _print(duels.table(fought, found, *names))
        for path in finished.reports:
            typer.echo(str(path))
    _end_at_gate(judgement)
    _end(finished)


@app.command()
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

    _refuse_two_formats(markdown, json)
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
            progress=_progress(),
        )
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(130) from None
    before, after = (imported.read(folder) for folder in folders)
    compared = imported.changes(before, after, gates.margins(wanted, least), paired=True)
    if not (json or markdown):
        typer.echo(str(folders[1].parent))
    _show_benchmarks(compared, (one, other), wanted, markdown, json)


@app.command()
def calibrate(threads: Threads = None, device: Device = "cpu", json: Json = False) -> None:
    """Find the smallest difference that this machine can tell, by measuring every framework against itself."""
    from suite.calibration import file

    finished, found = triptych.calibrate(threads=threads, device=device, progress=_progress())
    floors = {launches: found.floor(launches) for launches in (3, 5, 10)}
    if json:
        _print_json({"spread": found.spread, "pairs": found.pairs, "floors": floors})
    else:
        told = ", ".join(f"{100 * floor:.2g} % in {launches} launches" for launches, floor in floors.items())
        typer.echo(f"This machine tells differences of {told}, and larger ones.")
        typer.echo(f"Found on {found.pairs} pairs of equals; kept in {file(triptych.RESULTS, device)}.")
    _end(finished)


@app.command()
def check(
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
    json: Json = False,
) -> None:
    """Check values and gradients, without timing anything, and tell how far each framework is from float64.

    Selectors that name no problem mean small and every stress problem, which are made to show inaccuracy.
    """
    from reports import accuracy, preflight

    plan = triptych.plan(
        *(selectors or []),
        profile=profile,
        frameworks=_split(framework),
        interpreters=target,
        tasks=_split(task),
        modes=_split(mode),
        precisions=_split(precision),
        variants=_split(variant),
        device=device,
        threads=threads,
        seed=seed,
        stress=True,
    )
    lines = triptych.check_plan(plan, progress=_progress())
    if json:
        import msgspec

        _print_json(msgspec.to_builtins(lines))
    else:
        _print(preflight.checks_table(lines))
        _print(accuracy.table(lines))
    raise typer.Exit(any(line.status in triptych.FAILURES for line in lines))


@app.command()
def diverge(
    model: Annotated[
        str, typer.Argument(metavar=r"MODEL[problem]", help="resnet18, 'bert_base[small]'. Default: tiny.")
    ],
    between: Annotated[str, typer.Option(help="The two frameworks: pytorch,jax.")] = "pytorch,jax",
    steps: Annotated[
        int | None, typer.Option(help="Train so many steps, and compare the parameters after each.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="Default: float64; with --steps float32, beside float64.")
    ] = None,
    threads: Threads = None,
    seed: Seed = 0,
    everything: Annotated[bool, typer.Option("--all", help="Show every layer.")] = False,
    json: Json = False,
) -> None:
    """Run a model in two frameworks, and find the first layer, forward or backward, or the first training step where they
    part."""
    from reports import parting

    names = _split([between])
    if len(names) != 2:
        raise UsageError(f"--between takes two frameworks, as in pytorch,jax, not '{between}'")
    one, other = names
    if steps is None:
        found = triptych.diverge(model, (one, other), precisions=[precision or "float64"], threads=threads, seed=seed)
        _print_json(parting.as_json(found)) if json else _print(parting.table(found, everything))
        raise typer.Exit(found.first is not None)
    drift = triptych.drift(model, (one, other), steps, precisions=[precision or "float32"], threads=threads, seed=seed)
    _print_json(parting.steps_as_json(drift)) if json else _print(parting.steps_table(drift))
    raise typer.Exit(drift.first is not None)


@app.command()
def learn(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, whose report gets the curves.")],
    model: Annotated[list[str], typer.Option(help="deep_mlp, lenet5, … Default: every model that has a lesson.")] = [],
    seeds: Annotated[int, typer.Option(help="How many draws of the parameters to train from.")] = 3,
) -> None:
    """Train models on real data in every framework of a run, and draw their learning curves into its report."""
    from reports import learning

    found = triptych.learn(folder, *_split(model), seeds=seeds, progress=_progress())
    for lesson in learning.lessons(found.contents.curves):
        _print(f"{lesson.label}: {lesson.finding}")
    _print(f"\n{found.folder}/report.html")


@lists.command()
def workloads(json: Json = False) -> None:
    """The workloads by family, with their tasks and problems."""
    from reports import catalogue

    _print_json(catalogue.workloads()) if json else _print(catalogue.workloads_table())


@lists.command()
def frameworks(json: Json = False) -> None:
    """The frameworks: installed version, modes and variants."""
    from reports import catalogue

    targets = _targets()
    _print_json(catalogue.frameworks(targets)) if json else _print(catalogue.frameworks_table(targets))


@lists.command()
def profiles(json: Json = False) -> None:
    """The profiles: what each runs, and for how long."""
    from reports import catalogue

    _print_json(catalogue.profiles()) if json else _print(catalogue.profiles_table())


@app.command()
def show(
    workload: Annotated[
        str, typer.Argument(metavar="WORKLOAD[problem]", help=r"For example conv2d or 'conv2d\[tiny]'.")
    ],
    json: Json = False,
) -> None:
    """A workload's definition, and its implementations side by side."""
    from reports import catalogue
    from suite.cases import select

    targets, console = _targets(), _console()
    found = select([workload])
    if json:
        _print_json([catalogue.described(each.workload, each.name, each.problem, targets) for each in found])
        return
    for each in found:
        console.print(catalogue.described_text(each.workload, each.name, each.problem, targets, console.width))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    json: Json = False,
) -> None:
    """Write the reports of a run again, and print its summary."""
    found = triptych.load(folder)
    found.write_report()
    _print_run(found, json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    format: Annotated[str, typer.Option(help="pytest-benchmark (JSON) or csv (the samples).")] = "pytest-benchmark",
    output: Annotated[Path | None, typer.Option(help="The file to write. Default: print it.")] = None,
) -> None:
    """Write a run in a format that other tools read."""
    from reports import export as exported

    text = exported.export(triptych.load(folder).contents, format)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}; name another file") from None


@app.command()
def compare(
    old: Annotated[
        Path,
        typer.Argument(metavar="OLD", help="The folder of a run; or JSON of pytest-benchmark's, a file or a folder."),
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Likewise: a later one.")],
    fail_above: FailAbove = None,
    gate: GateFile = None,
    markdown: Markdown = False,
    json: Json = False,
) -> None:
    """Hold a stored run against an earlier one: what is faster, slower, broken or new."""
    from reports import changes, comment, imported
    from reports import gate as gates
    from suite import comparison

    _refuse_two_formats(markdown, json)
    wanted = gates.read(gate, fail_above)
    if imported.are_benchmarks(old, new):
        was, now = imported.read(old), imported.read(new)
        found = imported.changes(was, now, gates.margins(wanted, imported.MARGIN))
        _show_benchmarks(found, ("old", "new"), wanted, markdown, json)
        return
    before, after = triptych.load(old).contents, triptych.load(new).contents
    found = changes.changes(before, after, gates.margins(wanted, comparison.margin(after)))
    judgement = gates.judge(wanted, found.changes, list(found.differing)) if wanted else None
    if json:
        _print_json({**changes.as_json(found), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_runs(found, before, after, judgement), nl=False)
    else:
        _print(changes.table(found, before, after))
    _end_at_gate(judgement)


@app.command()
def history(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the folders of the runs lie.")
    ] = triptych.RESULTS,
    everything: Annotated[bool, typer.Option("--all", help="Show the cells without a change as well.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="File for the figure. Default: history.svg in the folder.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """All stored runs in their order: which cells became faster or slower, since when, and what else changed then."""
    from reports import history as shown
    from reports import timelines
    from reports.write import write_figure

    found = shown.read(folder)
    if json:
        _print_json(shown.as_json(found))
    else:
        _print(shown.table(found, everything))
    if json and output is None:
        return
    figure = timelines.draw(found)
    if figure is not None:
        path = write_figure(figure, output or folder / "history.svg")
        typer.echo(str(path), err=json)


@app.command()
def doctor(json: Json = False) -> None:
    """What this machine has, what is off, and how to mend it."""
    from dataclasses import asdict

    from reports import preflight
    from suite.doctor import examine

    findings = examine(_targets(), triptych.RESULTS)
    if json:
        _print_json([asdict(finding) for finding in findings])
    else:
        _print(preflight.findings_table(findings))
    raise typer.Exit(any(finding.level == "failure" for finding in findings))


@app.command()
def conventions(framework: Frameworks = [], json: Json = False) -> None:
    """What the frameworks do where nobody pins anything, beside each other; what changed since it was written down."""
    from reports import conventions as shown
    from suite import conventions as asked
    from suite.targets import missing

    named = _split(framework)
    targets = [target for target in _targets() if target.framework in (named or asked.versions())]
    if unasked := [name for name in named if name not in asked.versions()]:
        raise unknown("framework with conventions", unasked[0], asked.versions())
    present = [target for target in targets if missing(target) is None]
    if not present:
        raise UsageError("none of these frameworks is installed; `triptych doctor` says how to mend it")
    answers = asked.ask(present, _progress())
    if json:
        _print_json(shown.as_json(asked.load(), answers))
    else:
        _print(shown.table(asked.load(), answers))
    raise typer.Exit(any(answer.changed for of_one in answers.values() for answer in of_one.values()))


def main() -> None:
    """The entry point `triptych`: errors meant for the user become one line, all others keep their traceback."""
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        app(words, prog_name="triptych")
    except TriptychError as error:
        if "--debug" in sys.argv[1:]:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _announce(plan: Plan) -> None:
    """Say what is about to happen, on stderr: stdout is for the results."""
    from reports import preflight
    from suite.targets import missing

    reasons = {target.name: missing(target) for target in plan.targets}
    summary = preflight.plan_summary(plan, {name: reason for name, reason in reasons.items() if reason})
    _console(stderr=True).print(summary)


def _conclude(finished: triptych.Run, json: bool) -> NoReturn:
    """Print what came of a run and end with its exit code."""
    _print_run(finished, json)
    _end(finished)


def _end(finished: triptych.Run) -> NoReturn:
    """The exit code of a run."""
    import shlex

    if finished.record.ended == "interrupted":
        typer.echo(f"interrupted; go on with: triptych run --resume {shlex.quote(str(finished.folder))}", err=True)
        raise typer.Exit(130)
    raise typer.Exit(bool(finished.failures))


def _show_benchmarks(found: Changes, names: tuple[str, str], gate: Gate | None, markdown: bool, json: bool) -> None:
    """Print what became of benchmarks of pytest-benchmark's, and end as the gate says, where there is one."""
    from reports import changes, comment, imported
    from reports import gate as gates

    judgement = gates.judge(gate, found.changes, list(found.differing)) if gate else None
    if json:
        _print_json({**changes.as_json(found), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_benchmarks(found, names, judgement), nl=False)
    else:
        _print(imported.table(found, names))
    _end_at_gate(judgement)


def _end_at_gate(judgement: Judgement | None) -> None:
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


def _refuse_two_formats(markdown: bool, json: bool) -> None:
    if markdown and json:
        raise UsageError("--markdown and --json cannot both be printed; leave one out")


def _print_run(found: triptych.Run, json: bool) -> None:
    """The summary and where the reports are; with --json, only what a program would read."""
    from reports import terminal

    if json:
        _print_json(terminal.as_json(found.contents))
        return
    _print(terminal.summary(found.contents))
    for path in found.reports:
        typer.echo(str(path))


def _refuse_beside_resume(context: typer.Context) -> None:
    """A resumed run does what its record says, so nothing else can be asked of it."""
    given = [name for name in context.params if _was_given(context, name) and name not in ("resume", "json")]
    if given:
        words = ["a selector" if name == "selectors" else "--" + name.replace("_", "-") for name in given]
        raise UsageError(f"--resume goes on with a run as it was begun and takes no {' or '.join(words)}; leave it out")


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _split(values: list[str]) -> list[str]:
    """`--framework jax,numpy` means the same as `--framework jax --framework numpy`."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _targets() -> list[Target]:
    from suite.targets import FRAMEWORKS, default_targets

    return default_targets(list(FRAMEWORKS))


def _progress() -> Progress:
    from reports import progress

    return progress.make(_console(stderr=True))


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def _print(what: RenderableType) -> None:
    _console().print(what)


def _print_json(data: Any) -> None:
    """JSON as the standard has it: a number that is not finite becomes null."""
    import json

    typer.echo(json.dumps(_finite(data), indent=1, allow_nan=False, ensure_ascii=False))


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and data - data != 0 else data


if __name__ == "__main__":
    main()
