"""The command line: each command parses, calls `triptych`, `suite` or `reports`, and prints.

Whatever a command needs is imported inside it, so that `triptych --help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

import triptych
from cli import diagnosing, measuring, reading
from suite.errors import TriptychError

app = typer.Typer(
    help="The same computation in PyTorch, TensorFlow and JAX: checked, timed and explained side by side.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for each in (measuring, diagnosing, reading):
    app.add_typer(each.commands)


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
