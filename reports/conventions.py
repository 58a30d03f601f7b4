"""The conventions of the frameworks beside each other: what each answered, what was expected, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.format import MISSING, count
from suite.conventions import Answer, Convention, versions
from suite.sources import expression

Answers = Mapping[str, Mapping[str, Answer]]


def as_json(conventions: list[Convention], answers: Answers) -> list[dict[str, Any]]:
    return [
        {
            "name": convention.name,
            "topic": convention.topic,
            "question": convention.question,
            "meaning": convention.meaning,
            "answers": [
                {
                    "framework": answer.framework,
                    "version": answer.version,
                    "found": answer.found,
                    "expected": answer.expected,
                    "changed": answer.changed,
                    "code": expression(f"impls.{answer.framework}", "conventions", convention.name),
                }
                for answer in answers[convention.name].values()
            ],
        }
        for convention in conventions
    ]


def table(conventions: list[Convention], answers: Answers) -> RenderableType:
    """One table a topic, then what changed since the versions that the answers are expected of."""
    parts: list[RenderableType] = []
    frameworks = list(dict.fromkeys(f for of_one in answers.values() for f in of_one))
    for topic in dict.fromkeys(convention.topic for convention in conventions):
        drawn = Table(
            box=None, pad_edge=False, header_style="bold", title=Text(topic, style="bold"), title_justify="left"
        )
        for heading in ("question", *frameworks, "what it means"):
            drawn.add_column(heading, overflow="fold")
        for convention in conventions:
            if convention.topic == topic:
                cells = [_cell(answers[convention.name].get(framework)) for framework in frameworks]
                drawn.add_row(Text(convention.question), *cells, Text(convention.meaning, style="dim"))
        parts += [drawn, Text()]
    return Group(*parts, Text("\n".join(conclusion(answers))))


def conclusion(answers: Answers) -> list[str]:
    """One sentence for each changed answer, or one that says that none is."""
    every = [(name, answer) for name, of_one in answers.items() for answer in of_one.values()]
    lines = [
        f"changed: {name} in {answer.framework} {answer.version} is {text(answer.found)}; "
        f"in {versions().get(answer.framework, 'the expected version')} it was {text(answer.expected)}"
        for name, answer in every
        if answer.changed
    ]
    return lines or [f"{count(len(every), 'answer')} to {count(len(answers), 'question')}, all as expected"]


def text(value: Any) -> str:
    """A value as a person writes it, numbers with five digits."""
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    if value is None:
        return "no answer"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _cell(answer: Answer | None) -> Text:
    if answer is None:
        return Text(MISSING)
    return (
        Text(f"{text(answer.found)} (was {text(answer.expected)})", "bold red")
        if answer.changed
        else Text(text(answer.found))
    )
