"""Selectors, cases and cells: which rows and columns a request means.

A selector is a workload's name or pattern, with the problem in brackets: `conv2d`, `conv2d[medium]`,
`attention[seq=512,heads=8]`, `attention[large,causal=false]`, `*norm`, `conv2d[resnet50.*]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from suite.errors import UsageError, unknown
from suite.records import Line, Status, case_text, cell_name
from suite.workloads import TASKS, WORKLOADS, Problem, Workload

FRAMEWORK_MODES: dict[str, tuple[str, ...]] = {
    "numpy": ("eager",),
    "pytorch": ("eager", "compile"),
    "tensorflow": ("eager", "graph", "xla"),
    "jax": ("eager", "jit"),
}
CUDA_MODES: dict[str, tuple[str, ...]] = {"pytorch": ("reduce-overhead", "max-autotune")}
"""Further modes, on a GPU only: CUDA graphs; and kernels tried out, which takes minutes, so that `all` does not mean it."""
SLOW_MODES = ("max-autotune",)
PRECISIONS = ("float64", "float32", "tf32", "bfloat16", "float16")


def modes_of(framework: str, device: str) -> tuple[str, ...]:
    """Every mode that the framework has on the device."""
    return FRAMEWORK_MODES[framework] + (() if device == "cpu" else CUDA_MODES.get(framework, ()))


@dataclass(frozen=True)
class Case:
    """workload × problem × task × precision × device × threads: one row of a comparison."""

    workload: str
    problem: str
    parameters: Problem
    task: str
    precision: str
    device: str
    threads: int

    @property
    def definition(self) -> Workload:
        return WORKLOADS[self.workload]

    @property
    def text(self) -> str:
        """As in the reports and in `Cell.case`: `conv2d[medium] gradient float32 cpu 2 threads`."""
        return case_text(self)

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True)
class Column:
    """target × mode × variant: what turns a case into a cell."""

    target: str
    framework: str
    mode: str
    variant: str = "default"

    @property
    def name(self) -> str:
        return cell_name(self)


_SELECTOR = re.compile(r"(?P<workload>[\w*?.-]+)(?:\[(?P<problem>[^\[\]]*)\])?(?P<tasks>(?:\s+\w+)*)")


class Selected(NamedTuple):
    """What a selector means: a problem of a workload, and the tasks that it names; none for all that are wanted anyway."""

    workload: Workload
    name: str
    problem: Problem
    tasks: tuple[str, ...] = ()


def select(selectors: list[str], default_problem: str = "small") -> list[Selected]:
    """The workloads and problems that `selectors` mean, each once, in their order.

    A selector without brackets means `default_problem`; one that names some parameters means `small` with these changed.
    Tasks may follow: `mlp[medium] forward train_step`. Raises UsageError with one sentence.
    """
    chosen: dict[tuple[str, str], Selected] = {}
    for selector in selectors:
        match = _SELECTOR.fullmatch(selector.strip())
        if not match:
            raise UsageError(
                f"'{selector}' is no selector; write for example conv2d, conv2d[medium] or 'attention[seq=512]'"
            )
        pattern = match["workload"]
        workloads = [w for name, w in WORKLOADS.items() if fnmatchcase(name, pattern)]
        if not workloads:
            raise unknown("workload", pattern, WORKLOADS)
        tasks = _tasks(selector, match["tasks"].split(), workloads)
        found = False
        for workload in workloads:
            for name, problem in _problems(workload, match["problem"], default_problem):
                chosen.setdefault((workload.name, name), Selected(workload, name, problem, tasks))
                found = True
        if not found:
            name = match["problem"].partition(",")[0].strip()
            raise unknown(f"problem of {pattern}", name, {name for w in workloads for name in w.problems})
    return list(chosen.values())


def _tasks(selector: str, words: list[str], workloads: list[Workload]) -> tuple[str, ...]:
    for task in words:
        if task not in TASKS:
            raise unknown("task", task, TASKS)
        if not any(task in workload.tasks for workload in workloads):
            raise UsageError(f"'{selector}' names the task '{task}', which {workloads[0].name} does not have")
    return tuple(words)


def stress_selectors(selectors: list[str]) -> list[str]:
    """Selectors of the problems made to show inaccuracy, for each workload that `selectors` mean and that has some."""
    names = dict.fromkeys(workload.name for workload, *_ in select(selectors))
    return [f"{name}[stress.*]" for name in names if any(p.startswith("stress.") for p in WORKLOADS[name].problems)]


def _problems(workload: Workload, text: str | None, default: str) -> list[tuple[str, Problem]]:
    if not text:
        return [(default, workload.problem(default))]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    name = None if not parts or "=" in parts[0] else parts.pop(0)
    changes = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"'{part}' in '{workload.name}[{text}]' is no parameter; write name=value")
        changes[key.strip()] = value.strip()
    # A name may be a pattern, and a workload that was itself chosen by a pattern need not have it.
    names = [None] if name is None else [known for known in workload.problems if fnmatchcase(known, name)]
    changed = [f"{key}={value}" for key, value in changes.items()]
    return [(",".join([*([known] if known else []), *changed]), workload.problem(known, **changes)) for known in names]


def line(case: Case, column: Column, *, status: Status, reason: str = "", **measured: Any) -> Line:
    """The record of a cell: its identity, the definition's cost, and what was found or measured."""
    definition, problem = case.definition, case.parameters
    return Line(
        workload=case.workload,
        problem=case.problem,
        parameters=dict(problem),
        task=case.task,
        precision=case.precision,
        device=case.device,
        threads=case.threads,
        target=column.target,
        framework=column.framework,
        mode=column.mode,
        variant=column.variant,
        status=status,
        reason=reason,
        flops=float(definition.flops(problem, case.task)),
        bytes=definition.bytes(problem, case.task, case.precision),
        **measured,
    )
