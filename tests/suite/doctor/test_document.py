"""docs/doctor.md lists what the doctor finds: no more, no less."""

from __future__ import annotations

import re
from pathlib import Path

from suite.doctor import judge
from suite.doctor.variables import ANY, VARIABLES, Variable
from tests.suite.doctor.planting import CAUSES, HEALTHY, on_gpu, planted

LEVELS = ("failure", "warning")
DOCUMENT = Path(__file__).parents[3] / "docs" / "doctor.md"


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = DOCUMENT.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def general(subject: str) -> str:
    return re.sub(r"\b(numpy|pytorch)\b", "NAME", subject)


def test_every_finding_has_a_row_that_says_when_it_is_off() -> None:
    levels = {(general(subject), level) for subject, level, *_ in CAUSES}
    table = rows("What is looked at")
    written = {(row[0], level) for row in table for level, text in zip(LEVELS, row[1:3], strict=True) if text}
    assert written == levels


def test_no_row_is_of_something_that_is_not_looked_at() -> None:
    everywhere = [*judge(HEALTHY), *judge(planted(**on_gpu()))]
    looked_at = {general(finding.subject) for finding in everywhere} | {general(subject) for subject, *_ in CAUSES}
    written = [row[0] for row in rows("What is looked at")]
    assert set(written) == looked_at
    assert len(set(written)) == len(written)


def test_every_variable_has_its_row() -> None:
    assert rows("Environment variables") == [[f"`{name}`", level(of), of.effect] for name, of in VARIABLES.items()]


def level(of: Variable) -> str:
    if of.misleads == ANY:
        return "failure"
    return "failure or warning, by its value" if of.misleads else "warning"
