"""Which outside truth backs each oracle, and how many of its mutants it kills: `reports/truth.json` and `docs/truth.md`.

`python -m tests.truth` (or `make docs`) writes both; a test holds them against what the cases say now.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from impls import interface
from impls.interface import as_tuple
from suite.workloads import WORKLOADS, Workload
from suite.workloads.draw import draw
from tests.impls.problems import OPERATIONS
from tests.mutants.planting import mutants
from tests.truth.oracle import agrees, cases_of
from tests.truth.outside import SOURCES

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "reports/truth.json"
DOCUMENT = ROOT / "docs/truth.md"

Evidence = dict[str, dict[str, Any]]

UNBACKED: tuple[str, ...] = ()
"""The workloads that nothing outside backs."""


def evidence() -> Evidence:
    """By workload: the number of outside cases of each source, and how many mutants of the oracle's forward function were
    planted and killed by them."""
    _, implementations = interface.load("tests.mutants.numpy")
    found: Evidence = {}
    numbered = list(enumerate(m for m in mutants() if m.framework == "numpy"))
    for workload in sorted(OPERATIONS.values(), key=lambda w: (w.family, w.name)):
        cases = cases_of(workload.name)
        healthy = implementations[workload.name, "default"]
        planted = killed = 0
        for number, mutant in numbered:
            if mutant.workload != workload.name or mutant.variant != "default":
                continue
            mutated = implementations[workload.name, f"mutant {number}"]
            if _differ(workload, healthy, mutated):
                planted += 1
                killed += any(not agrees(mutated.function, case) for case in cases)
        sources = dict(sorted(Counter(case.source for case in cases).items()))
        found[workload.name] = {"sources": sources, "planted": planted, "killed": killed}
    return found


def document(found: Evidence) -> str:
    """The page: one table a family."""
    lines = [
        "# Outside truth",
        "",
        "An oracle that only this project vouches for proves little. So each is held against results that others computed:",
        "to 3e-6 where these are known in float32, to 1e-12 where they are in float64. `tests/truth/` has one module a",
        "family; `make docs` writes this page.",
        "",
        "| source | what it is |",
        "|---|---|",
        *(f"| {source} | {where} |" for source, where in SOURCES.items()),
        "",
        "The last column of the tables below says what these cases are worth: faults are planted into the oracle's forward",
        "function (`tests/mutants/`), and those that at least one outside case catches are killed. Outside data has no",
        "gradients; the backward functions are held against differences over every element instead.",
        "",
    ]
    backed = sum(bool(entry["sources"]) for entry in found.values())
    total = sum(sum(entry["sources"].values()) for entry in found.values())
    killed, planted = (sum(entry[key] for entry in found.values()) for key in ("killed", "planted"))
    lines += [
        f"{total} outside cases back {backed} of {len(found)} workloads; they kill {killed} of {planted} mutants.",
        "",
    ]
    for family in sorted({WORKLOADS[name].family for name in found}):
        lines += [f"## {family.capitalize()}", "", "| workload | outside cases | mutants killed |", "|---|---|---|"]
        for name, entry in found.items():
            if WORKLOADS[name].family == family:
                sources = ", ".join(f"{count} {source}" for source, count in entry["sources"].items())
                killed = f"{entry['killed']} of {entry['planted']}" if entry["planted"] else "none planted"
                lines.append(f"| {name} | {sources or 'nothing outside backs it'} | {killed} |")
        lines.append("")
    return "\n".join(lines)


def write() -> None:
    found = evidence()
    RECORD.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    DOCUMENT.write_text(document(found), "utf-8")


def _differ(workload: Workload, healthy: Any, mutated: Any) -> bool:
    """Whether the two give other results on a tiny problem; an exception is one."""
    for name in [name for name in workload.problems if name.startswith("tiny")]:
        problem = workload.problem(name)
        values = draw(workload, problem, seed=0)
        arguments = [values[argument] for argument in workload.arguments(problem)]
        right = as_tuple(healthy.bind(problem)(*arguments)[0])
        try:
            with np.errstate(all="ignore"):
                wrong = as_tuple(mutated.bind(problem)(*arguments)[0])
        except Exception:  # a mutant may break in any way
            return True
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(right, wrong, strict=True)):
            return True
    return False
