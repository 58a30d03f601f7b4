"""What there is to choose from: workloads, frameworks, profiles, and one workload's definition beside its panels.

Each table comes as plain data first, which is what --json prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from reports.format import MISSING, count, launches, rate, size
from suite.cases import FRAMEWORK_MODES
from suite.plan import load_profiles
from suite.sources import Source, implementation, variants_of
from suite.targets import Target, installed_version, missing
from suite.workloads import WORKLOADS, Problem, Tensor, Workload

_PANEL_WIDTH = 76
"""Columns below which code in a panel wraps too often to be read; border and padding take four."""
_NAME_WIDTH = 24
"""Columns of the names that a list begins its lines with."""


def workloads() -> list[dict[str, Any]]:
    return [
        {
            "family": workload.family,
            "workload": workload.name,
            "summary": workload.summary,
            "tasks": list(workload.tasks),
            "problems": {name: dict(values) for name, values in workload.problems.items()},
            "truth": _truth().get(workload.name, {}).get("sources", {}),
        }
        for workload in sorted(WORKLOADS.values(), key=lambda workload: (workload.family, workload.name))
    ]


def workloads_table() -> RenderableType:
    rows: list[RenderableType] = []
    family = ""
    for row in workloads():
        if row["family"] != family:
            family = row["family"]
            rows.append(Text(family, style="bold"))
        tasks, problems = ", ".join(row["tasks"]), ", ".join(row["problems"])
        rows.append(
            _entry(
                row["workload"],
                row["summary"],
                f"tasks: {tasks}",
                f"problems: {problems}",
                f"outside truth: {backing(row['workload'])}",
            )
        )
    return Group(*rows)


def backing(workload: str) -> str:
    """Which outside cases back the oracle: `4 onnx node, 5 onnx reference`; or that none do."""
    if WORKLOADS[workload].network:
        return "that of its layers"
    sources = _truth().get(workload, {}).get("sources", {})
    return ", ".join(f"{number} {source}" for source, number in sources.items()) or "none"


def frameworks(targets: Sequence[Target]) -> list[dict[str, Any]]:
    return [
        {
            "framework": target.framework,
            "version": installed_version(target.framework),
            "modes": list(FRAMEWORK_MODES[target.framework]),
            "variants": variants_of(target.package),
            "unavailable": missing(target),
        }
        for target in targets
    ]


def frameworks_table(targets: Sequence[Target]) -> RenderableType:
    table = _table("framework", "version", "modes", "variants")
    for row in frameworks(targets):
        if row["unavailable"]:
            table.add_row(*_texts(row["framework"], f"unavailable: {row['unavailable']}"))
        else:
            version = row["version"] or "unknown"
            table.add_row(*_texts(row["framework"], version, ", ".join(row["modes"]), ", ".join(row["variants"])))
    return table


def profiles() -> list[dict[str, Any]]:
    return [asdict(profile) for profile in load_profiles().values()]


def profiles_table() -> RenderableType:
    rows = []
    for row in profiles():
        effort = (
            f"{launches(row['launches'], row['most_launches'])} of up to {count(row['rounds'], 'round')}, "
            f"at most about {duration(row['budget_s'])}"
        )
        rows.append(_entry(row["name"], row["summary"], effort, ", ".join(row["selectors"])))
    return Group(*rows)


def definition(workload: Workload, name: str, problem: Problem) -> dict[str, Any]:
    """The definition with its tensors at `problem`, and the cost of every problem (operations and float32 bytes)."""
    every = {known: workload.problem(known) for known in workload.problems} | {name: problem}
    return {
        "workload": workload.name,
        "family": workload.family,
        "definition": workload.doc,
        "tasks": list(workload.tasks),
        "loss": workload.loss,
        "smooth": workload.smooth,
        "problem": name,
        "tensors": [_tensor(key, tensor, tensor.role) for key, tensor in workload.tensors(problem).items()]
        + [_tensor(key, tensor, tensor.role) for key, tensor in workload.outputs(problem).items()],
        "problems": [
            {
                "problem": known,
                "parameters": dict(each),
                "forward_flops": workload.cost(each).flops,
                "forward_bytes": workload.bytes(each, "forward", "float32"),
                "longest_reduction": workload.cost(each).reduction,
            }
            for known, each in every.items()
        ],
    }


def folded(tensors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `definition` for a reader: those of one role and one part of a model (`layer1.…`) in one, with their number
    and that of their entries."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in tensors:
        part, dot, _ = row["tensor"].partition(".")
        groups.setdefault((row["role"], part + dot), []).append(row)
    rows = []
    for (role, part), group in groups.items():
        if len(group) < 3:
            rows += group
        else:
            entries = sum(prod(row["shape"]) for row in group)
            rows.append(dict(tensor=f"{part}…", role=role, axes=f"{len(group)} tensors", entries=entries, drawn=""))
    return rows


def extent(row: dict[str, Any]) -> str:
    """The shape of a row of `folded`, or how many entries it stands for."""
    return f"{row['entries']:,} entries" if "entries" in row else " × ".join(map(str, row["shape"])) or "scalar"


def definition_text(workload: Workload, name: str, problem: Problem) -> RenderableType:
    data = definition(workload, name, problem)
    tensors = _table("tensor", "role", "axes", "shape", "drawn as", title=f"tensors of {workload.name}[{name}]")
    for row in folded(data["tensors"]):
        tensors.add_row(*_texts(row["tensor"], row["role"], row["axes"], extent(row), row["drawn"] or MISSING))
    problems = _table(
        "problem", "parameters", "operations", "bytes (float32)", "longest sum", title="problems, forward"
    )
    for row in data["problems"]:
        numbers = (
            rate(row["forward_flops"], "flop").removesuffix("/s"),
            size(row["forward_bytes"]),
            str(row["longest_reduction"]),
        )
        problems.add_row(*_texts(row["problem"], Problem(row["parameters"]).text(), *numbers))
    facts = f"family {workload.family}; tasks {', '.join(workload.tasks)}"
    facts += f"; loss {workload.loss}" if workload.loss else ""
    facts += "" if workload.smooth else "; has kinks, where it has no gradient"
    return Group(Text(workload.name, style="bold"), Text(workload.doc), Text(), Text(facts), Text(), tensors, problems)


def described(workload: Workload, name: str, problem: Problem, targets: Sequence[Target]) -> dict[str, Any]:
    """The definition together with the implementations."""
    return definition(workload, name, problem) | {"implementations": implementations(workload, targets)}


def described_text(
    workload: Workload, name: str, problem: Problem, targets: Sequence[Target], width: int
) -> RenderableType:
    return Group(definition_text(workload, name, problem), Text(), panels(workload, targets, width))


def implementations(workload: Workload, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Each framework's source text for `workload`, the default variants first; `text` is None where there is none."""
    return [
        {
            "framework": target.framework,
            "variant": variant,
            **_source(implementation(target.package, workload.name, variant)),
        }
        for variant in dict.fromkeys(v for target in targets for v in variants_of(target.package))
        for target in targets
        if variant == "default" or implementation(target.package, workload.name, variant)
    ]


def panels(workload: Workload, targets: Sequence[Target], width: int) -> RenderableType:
    """The implementations as highlighted panels, as many side by side as fit into `width` columns."""
    rows = implementations(workload, targets)
    beside = max(1, min(len(targets), width // _PANEL_WIDTH))
    grid = Table.grid(expand=True)
    for _ in range(beside):
        grid.add_column(ratio=1)
    drawn = [_panel(row) for row in rows]
    for first in range(0, len(drawn), beside):
        grid.add_row(*drawn[first : first + beside])
    return grid


def duration(value: float) -> str:
    """Seconds as `45 s`, `2 min 30 s` or `1 h 20 min`."""
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else seconds, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or f"{value:.1g} s"


@cache
def _truth() -> dict[str, Any]:
    """What `make docs` found: see `docs/truth.md`."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("truth.json").read_text("utf-8"))
    return found


def _panel(row: dict[str, Any]) -> Panel:
    title = Text(row["framework"] + ("" if row["variant"] == "default" else f" ({row['variant']})"))
    if row["text"] is None:
        return Panel(Text("not implemented"), title=title, title_align="left")
    code = Syntax(row["text"], "python", theme="ansi_dark", background_color="default", word_wrap=True)
    return Panel(
        code, title=title, title_align="left", subtitle=Text(f"{row['path']}:{row['line']}"), subtitle_align="right"
    )


def _source(source: Source | None) -> dict[str, Any]:
    if source is None:
        return {"path": None, "line": None, "text": None}
    return {"path": source.path, "line": source.line, "text": source.text}


def _tensor(name: str, tensor: Tensor, role: str) -> dict[str, Any]:
    drawn = "" if role in ("output", "statistic") else _rounded(repr(tensor.draw))
    return {"tensor": name, "role": role, "axes": tensor.axes, "shape": list(tensor.shape), "drawn": drawn}


def _rounded(text: str) -> str:
    """`Normal(scale=0.23570226039551584)` with three digits."""
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.3g}", text)


def _table(*headings: str, title: str = "") -> Table:
    table = Table(
        box=None,
        pad_edge=False,
        header_style="bold",
        title=Text(title, style="italic") if title else None,
        title_justify="left",
    )
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _entry(name: str, *lines: str) -> Table:
    """A name and, beside it, what there is to say of it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_NAME_WIDTH, no_wrap=True)
    for number, line in enumerate(lines):
        grid.add_row(*_texts("  " + name if number == 0 else "", line))
    return grid


def _texts(*words: str) -> list[Text]:
    """Plain text, in which square brackets mean nothing."""
    return [Text(word) for word in words]
