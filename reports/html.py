"""The report as one HTML file that needs nothing else: no script, no network, no font."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reports import content, figures, learning
from reports.format import clean
from reports.ranking import rank
from suite.records import Run


def render(run: Run) -> str:
    """The report on `run`. Raises RecordsError where the run names no margin."""
    rankings = rank(run)
    plots = figures.interval_plots(run, rankings)
    report = content.build(run, rankings)
    template = _environment().get_template("report.html.jinja")
    return template.render(
        report=report,
        heat_map=figures.heat_map(run, rankings) if rankings else None,
        plots=[plots.get(ranking.case) for ranking in rankings],
        curves=[learning.figure(lesson) if lesson.curves else None for lesson in report.learning],
    )


def _drawing(svg: str) -> Markup:
    # Made by reports.svg from a parsed tree, in which every text of a record is escaped.
    return Markup(svg)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else clean(str(value))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["drawing"] = _drawing
    return environment
