"""The report as Markdown (GitHub's dialect), for a pull request or a wiki."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2

from reports import content
from reports.format import clean
from reports.ranking import Ranking
from reports.tables import Table
from suite.records import Run


class Verbatim(str):
    """Markdown made here, not to be escaped again."""


def render(run: Run, rankings: list[Ranking] | None = None) -> str:
    """The report on `run`; who has ranked it already may pass the `rankings`.

    Raises RecordsError where the run names no margin.
    """
    return fill("report.md.jinja", report=content.build(run, rankings))


def fill(template: str, **values: Any) -> str:
    """The template of that name with `values`, each of them escaped but for what is `Verbatim`."""
    return _environment().get_template(template).render(**values).strip() + "\n"


def escape(text: str) -> str:
    """`text` so that Markdown shows it and does not obey it: no markup, HTML, link, mathematics or line of its own."""
    text = " ".join(clean(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"[\\`*|~$]", r"\\\g<0>", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)  # within a word it means nothing: layer_norm
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    return re.sub(r"^([-+=#]|\d+(?=[.)](?:\s|$)))", _escape_start, text)


def fence(text: str) -> Verbatim:
    """`text` as a code block, in a fence longer than any within it."""
    text = clean(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return Verbatim(f"{marks}\n{text}\n{marks}")


def table(table: Table) -> Verbatim:
    """A pipe table; numbers stand on the right."""
    heads = [escape(column.heading) for column in table.columns]
    rules = ["---:" if column.kind == "number" else "---" for column in table.columns]
    lines = [heads, rules, *([escape(cell) for cell in row] for row in table.rows)]
    return Verbatim("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _escape_start(match: re.Match[str]) -> str:
    """A mark that would open a list or a heading; of a number that would, the mark after it is escaped."""
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def _finalize(value: Any) -> str:
    """Every expression in the template is escaped, unless it says that it is Markdown."""
    return value if isinstance(value, Verbatim) else escape(str(value))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # it is not HTML: _finalize escapes for Markdown
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(table=table, fence=fence)
    return environment
