"""Commands that say what is right, what is wrong, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import triptych
from cli.options import (
    Device,
    Frameworks,
    Json,
    Launches,
    Modes,
    Precisions,
    ProfileName,
    Seed,
    Selectors,
    Targets,
    Tasks,
    Threads,
    Variants,
    split,
)
from cli.output import announce, conclude, end_run, make_progress, own_targets, print_json, show_table
from suite.errors import UsageError, unknown

commands = typer.Typer()


@commands.command()
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
        frameworks=split(framework),
        interpreters=target,
        tasks=split(task),
        modes=split(mode),
        precisions=split(precision),
        variants=split(variant),
        device=device,
        threads=threads,
        seed=seed,
        stress=True,
    )
    lines = triptych.check_plan(plan, progress=make_progress())
    if json:
        import msgspec

        print_json(msgspec.to_builtins(lines))
    else:
        show_table(preflight.checks_table(lines))
        show_table(accuracy.table(lines))
    raise typer.Exit(any(line.status in triptych.FAILURES for line in lines))


@commands.command()
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

    names = split([between])
    if len(names) != 2:
        raise UsageError(f"--between takes two frameworks, as in pytorch,jax, not '{between}'")
    one, other = names
    if steps is None:
        found = triptych.diverge(model, (one, other), precisions=[precision or "float64"], threads=threads, seed=seed)
        print_json(parting.as_json(found)) if json else show_table(parting.table(found, everything))
        raise typer.Exit(found.first is not None)
    drift = triptych.drift(model, (one, other), steps, precisions=[precision or "float32"], threads=threads, seed=seed)
    print_json(parting.steps_as_json(drift)) if json else show_table(parting.steps_table(drift))
    raise typer.Exit(drift.first is not None)


@commands.command()
def explain(
    selectors: Annotated[
        list[str],
        typer.Argument(metavar=r"WORKLOAD[problem]", help=r"A case: 'attention\[medium] gradient', 'conv2d\[small]'."),
    ],
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
    budget: Annotated[str, typer.Option(help="Time for the run itself, before it is explained: 90s, 10m.")] = "4m",
    trace: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a Chrome trace of each cell into this folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a case in all modes, and say why each cell takes its time: what bounds it, what compiling costs, its operators."""
    from reports import terminal
    from suite.plan import parse_duration

    plan = triptych.plan(
        *selectors,
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
        budget_s=parse_duration(budget),
    )
    announce(plan)
    found = triptych.explain_plan(plan, traces=trace, progress=make_progress())
    if json:
        print_json(terminal.why_as_json(found.contents))
        end_run(found)
    show_table(terminal.why(found.contents))
    conclude(found, json)


@commands.command()
def doctor(json: Json = False) -> None:
    """What to know of this machine before believing a number: what it has, what is off, and how to mend it.

    A worker of each framework is asked, which takes half a minute. Ends with 1 where a comparison would mislead.
    """
    from dataclasses import asdict

    from reports import preflight
    from suite.doctor import examine

    findings = examine(own_targets(), triptych.RESULTS, make_progress())
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        show_table(preflight.findings_table(findings))
    raise typer.Exit(any(finding.level == "failure" for finding in findings))


@commands.command()
def conventions(framework: Frameworks = [], json: Json = False) -> None:
    """What the frameworks do where nobody pins anything, beside each other; what changed since it was written down."""
    from reports import conventions as shown
    from suite import conventions as asked
    from suite.targets import missing

    named = split(framework)
    targets = [target for target in own_targets() if target.framework in (named or asked.versions())]
    if unasked := [name for name in named if name not in asked.versions()]:
        raise unknown("framework with conventions", unasked[0], asked.versions())
    present = [target for target in targets if missing(target) is None]
    if not present:
        raise UsageError("none of these frameworks is installed; `triptych doctor` says how to mend it")
    answers = asked.ask(present, make_progress())
    if json:
        print_json(shown.as_json(asked.load(), answers))
    else:
        show_table(shown.table(asked.load(), answers))
    raise typer.Exit(any(answer.changed for of_one in answers.values() for answer in of_one.values()))


@commands.command()
def probe(
    model: Annotated[
        str, typer.Argument(metavar="MODULE:NAME", help="mymodule:MyModel, or a function of it that makes the model.")
    ],
    input: Annotated[
        list[str],
        typer.Option(help="What it takes, in order: 8x3x32x32, '8x16<1000' for integers, 8x16=1 for ones; repeat."),
    ] = [],
    framework: Annotated[str | None, typer.Option(help="Default: the one that the module imports.")] = None,
    target: Annotated[str | None, typer.Option(help="Another Python: NAME=path, or a name from triptych.toml.")] = None,
    only: Annotated[list[str], typer.Option(help="A probe by its name; repeat for several. Default: all.")] = [],
    sequence: Annotated[int | None, typer.Option(help="The axis of the first input that counts positions.")] = None,
    causal: Annotated[bool, typer.Option("--causal", help="No output may depend on later positions.")] = False,
    mask: Annotated[int | None, typer.Option(help="The input, from 0 on, that says what is padding (0).")] = None,
    equivariant: Annotated[
        str | None, typer.Option(help="permutation or translation: what must not matter but for the order of results.")
    ] = None,
    receptive_field: Annotated[int | None, typer.Option(help="How many positions an output shall see.")] = None,
    classes: Annotated[int | None, typer.Option(help="Of a classifier; chance is the logarithm.")] = None,
    json: Json = False,
) -> None:
    """Look for faults in a model of yours that run silently, and name what is to blame."""
    from reports import probed

    claims: dict[str, Any] = dict(sequence=sequence, mask=mask, receptive_field=receptive_field, classes=classes)
    claims |= dict(equivariant=equivariant, causal=causal or None)
    found = triptych.probe(
        model,
        inputs=input,
        framework=framework,
        interpreter=target,
        only=only,
        claims={name: claim for name, claim in claims.items() if claim is not None},
        progress=make_progress(),
    )
    print_json(probed.as_json(found)) if json else show_table(probed.table(found))
    raise typer.Exit(bool(found.faults) or any(outcome.status == "failed" for outcome in found.outcomes))
