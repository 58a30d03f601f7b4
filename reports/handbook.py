"""One page a family for `docs/workloads/`, written from the definitions: `python -m reports.handbook` or `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports.catalogue import backing, definition, extent, folded
from reports.format import rate, size
from suite.cases import FRAMEWORK_MODES
from suite.sources import sources
from suite.workloads import WORKLOADS, Problem, Workload

FOLDER = Path(__file__).parents[1] / "docs/workloads"


def pages() -> dict[str, str]:
    """The text of every page by its file's name."""
    families = sorted({workload.family for workload in WORKLOADS.values()})
    found = {f"{family}.md": _page(family) for family in families}
    listed = [f"- [{family}]({family}.md): {', '.join(w.name for w in _of(family))}" for family in families]
    head = [
        "# Workloads",
        "",
        f"{len(WORKLOADS)} workloads by family; written from the definitions by `make docs`.",
        "",
    ]
    return found | {"README.md": "\n".join([*head, *listed, ""])}


def _of(family: str) -> list[Workload]:
    return sorted((w for w in WORKLOADS.values() if w.family == family), key=lambda w: w.name)


def _page(family: str) -> str:
    own = _of(family)
    place = f"suite/workloads/{'models/' if own[0].network else ''}{family}.py"
    lines = [f"# {family.capitalize()}", "", f"Written from `{place}` by `make docs`.", ""]
    for workload in own:
        lines += _section(workload)
    return "\n".join(lines)


def _section(workload: Workload) -> list[str]:
    data = definition(workload, "small", workload.problem("small"))
    facts = [f"tasks: {', '.join(workload.tasks)}"]
    facts += [f"loss: {workload.loss}"] if workload.loss else []
    facts += [] if workload.smooth else ["has kinks"]
    facts += (
        [f"{workload.parameter_count(workload.problem('small')):,} parameters at `small`"] if workload.network else []
    )
    return [
        f"## {workload.name}",
        "",
        *_definition(workload.doc),
        "",
        f"{'; '.join(facts)}. Outside truth: {backing(workload.name)}.",
        "",
        "| tensor | role | axes | shape of `small` |",
        "|---|---|---|---|",
        *(_tensor(row) for row in folded(data["tensors"])),
        "",
        "| problem | parameters | operations | bytes (float32) |",
        "|---|---|---|---|",
        *(_problem(row) for row in data["problems"]),
        "",
        "| framework | variants |",
        "|---|---|",
        *(f"| {framework} | {_variants(framework, workload.name)} |" for framework in FRAMEWORK_MODES),
        "",
    ]


def _definition(doc: str) -> list[str]:
    """The docstring; a paragraph that is a formula stays as it was typed."""
    lines = []
    for paragraph in doc.split("\n\n"):
        text = paragraph.strip("\n")
        formula = "=" in text.partition("\n")[0] and not text[0].isupper()
        lines += ["", *(["```", text, "```"] if formula else [text])]
    return lines[1:]


def _tensor(row: dict[str, Any]) -> str:
    return f"| {row['tensor']} | {row['role']} | {row['axes']} | {extent(row)} |"


def _problem(row: dict[str, Any]) -> str:
    operations = rate(row["forward_flops"], "flop").removesuffix("/s") if row["forward_flops"] else "none"
    text = Problem(row["parameters"]).text()
    return f"| {row['problem']} | {text} | {operations} | {size(row['forward_bytes'])} |"


def _variants(framework: str, workload: str) -> str:
    return ", ".join(source.variant for source in sources(f"impls.{framework}") if source.workload == workload)


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
