"""The report as one HTML file that needs nothing else: no network, no font, and without its script only the table of all
cells is missing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from reports import content, figures, learning, scaling
from reports.format import clean
from reports.ranking import Ranking, rank
from suite.records import Run

if TYPE_CHECKING:
    from reports.serving import Entry

TEMPLATES = Path(__file__).parent / "templates"


def render(run: Run, rankings: list[Ranking] | None = None) -> str:
    """The report on `run`; who has ranked it already may pass the `rankings`.

    Raises RecordsError where the run names no margin.
    """
    rankings = rank(run) if rankings is None else rankings
    shown = rankings[: content.MOST_CASES]
    plots = figures.interval_plots(run, shown)
    script = (TEMPLATES / "explorer.js").read_text(encoding="utf-8")
    report = content.build(run, rankings)
    template = _environment().get_template("report.html.jinja")
    return template.render(
        report=report,
        heat_map=figures.heat_map(run, shown) if shown else None,
        plots=[plots.get(ranking.case) for ranking in shown],
        scaling_figure=scaling.figure(report.scaling) if report.scaling else None,
        curves=[learning.figure(lesson) if lesson.curves else None for lesson in report.learning],
        cells=Markup(report.cells),  # holds no `<`, see reports.explorer
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def index(folder: str, entries: Sequence[Entry]) -> str:
    """The page that lists the runs of a folder."""
    template = _environment().get_template("index.html.jinja")
    return template.render(title=f"Triptych: runs in {folder}", complaint="", entries=entries)


def complaint(sentence: str) -> str:
    """A page that says what is wrong."""
    return _environment().get_template("index.html.jinja").render(title="Triptych", complaint=sentence, entries=[])


def _drawing(svg: str) -> Markup:
    # Made by reports.svg from a parsed tree, in which every text of a record is escaped.
    return Markup(svg)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else clean(str(value))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["drawing"] = _drawing
    return environment
