"""Commands that show what there is, and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import triptych
from cli.options import FailAbove, GateFile, Json, Markdown
from cli.output import (
    end_at_gate,
    make_console,
    own_targets,
    print_json,
    print_run,
    refuse_two_formats,
    show_benchmarks,
    show_table,
)
from suite.errors import UsageError

commands = typer.Typer()
lists = typer.Typer(help="List what there is to choose from.", no_args_is_help=True)
commands.add_typer(lists, name="list")


@lists.command()
def workloads(json: Json = False) -> None:
    """The workloads by family, with their tasks and problems."""
    from reports import catalogue

    print_json(catalogue.workloads()) if json else show_table(catalogue.workloads_table())


@lists.command()
def frameworks(json: Json = False) -> None:
    """The frameworks: installed version, modes and variants."""
    from reports import catalogue

    targets = own_targets()
    print_json(catalogue.frameworks(targets)) if json else show_table(catalogue.frameworks_table(targets))


@lists.command()
def profiles(json: Json = False) -> None:
    """The profiles: what each runs, and for how long."""
    from reports import catalogue

    print_json(catalogue.profiles()) if json else show_table(catalogue.profiles_table())


@commands.command()
def show(
    workload: Annotated[
        str, typer.Argument(metavar="WORKLOAD[problem]", help=r"For example conv2d or 'conv2d\[tiny]'.")
    ],
    json: Json = False,
) -> None:
    """A workload's definition, and its implementations side by side."""
    from reports import catalogue
    from suite.cases import select

    targets, console = own_targets(), make_console()
    found = select([workload])
    if json:
        print_json([catalogue.described(each.workload, each.name, each.problem, targets) for each in found])
        return
    for each in found:
        console.print(catalogue.described_text(each.workload, each.name, each.problem, targets, console.width))


@commands.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    format: Annotated[
        str | None,
        typer.Option(
            help="html, markdown, summary (for GitHub), pdf, csv, parquet or json. Default: HTML and Markdown."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write. Default: report, with the format's ending, in the folder.")
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Show the HTML, or what was written, in the browser.")] = False,
    json: Json = False,
) -> None:
    """Write the reports of a run again, and print its summary; or write one in the format asked for."""
    import webbrowser

    found = triptych.load(folder)
    if format is None:
        if output is not None:
            raise UsageError("--output needs a --format; without one the reports go into the run's folder")
        found.write_report()
        print_run(found, json)
        shown = found.folder / "report.html"
    else:
        from reports import formats
        from reports.write import write_file

        data = formats.make(found.contents, format)
        shown = write_file(data, output or found.folder / f"report.{formats.FORMATS[format].ending}")
        typer.echo(str(shown))
    if open:
        webbrowser.open(shown.absolute().as_uri())


@commands.command()
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


@commands.command()
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

    refuse_two_formats(markdown, json)
    wanted = gates.read(gate, fail_above)
    if imported.are_benchmarks(old, new):
        was, now = imported.read(old), imported.read(new)
        found = imported.changes(was, now, gates.margins(wanted, imported.MARGIN))
        show_benchmarks(found, ("old", "new"), wanted, markdown, json)
        return
    before, after = triptych.load(old).contents, triptych.load(new).contents
    found = changes.changes(before, after, gates.margins(wanted, comparison.margin(after)))
    judgement = gates.judge(wanted, found.changes, list(found.differing)) if wanted else None
    if json:
        print_json({**changes.as_json(found), "gate": gates.as_json(judgement)})
    elif markdown:
        typer.echo(comment.of_runs(found, before, after, judgement), nl=False)
    else:
        show_table(changes.table(found, before, after))
    end_at_gate(judgement)


@commands.command()
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
        print_json(shown.as_json(found))
    else:
        show_table(shown.table(found, everything))
    if json and output is None:
        return
    figure = timelines.draw(found)
    if figure is not None:
        path = write_figure(figure, output or folder / "history.svg")
        typer.echo(str(path), err=json)


@commands.command()
def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the folders of the runs lie.")
    ] = triptych.RESULTS,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8050,
    host: Annotated[str, typer.Option(help="Who may look: by default this machine alone.")] = "127.0.0.1",
    open: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Show the runs of a folder in a browser, read only, until interrupted."""
    import webbrowser

    from reports.serving import serve

    def ready(address: str) -> None:
        typer.echo(f"{address} shows the runs in {folder}; end it with Ctrl-C")
        if open:
            webbrowser.open(address)

    try:
        serve(folder, host, port, ready)
    except KeyboardInterrupt:
        raise typer.Exit from None
