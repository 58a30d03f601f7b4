"""What commands are asked with: each option that several of them take, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


def split(values: list[str]) -> list[str]:
    """`--framework jax,numpy` means the same as `--framework jax --framework numpy`."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
