"""Small runs for tests: a plan by hand, measured in a temporary folder with NumPy-only workers."""

from __future__ import annotations

import sys
from pathlib import Path

from suite import coordinator, records
from suite.cases import Case, Column
from suite.plan import Plan, Profile
from suite.progress import Silent
from suite.records import Cell, Run, RunRecord
from suite.targets import Target
from suite.workloads import WORKLOADS

QUICK = Profile(
    name="test",
    summary="",
    selectors=[],
    tasks=[],
    modes=[],
    launches=1,
    most_launches=1,
    rounds=3,
    sample_s=1e-4,
    warmup_s=0.01,
    budget_s=60,
    case_s=60,
    precision_goal=0.05,
    margin=0.05,
)


def case(
    workload: str = "linear",
    problem: str = "tiny",
    task: str = "forward",
    precision: str = "float32",
    device: str = "cpu",
) -> Case:
    return Case(workload, problem, WORKLOADS[workload].problem(problem), task, precision, device, 1)


def fake(name: str) -> Target:
    return Target(name, "numpy", sys.executable, f"tests.fakes.{name}")


NUMPY = Target("numpy", "numpy", sys.executable, "impls.numpy")
NUMPY_COLUMN = Column("numpy", "numpy", "eager")


def plan(
    cases: list[Case], variants: list[str], target: Target | None = None, profile: Profile = QUICK, seed: int = 0
) -> Plan:
    """NumPy beside `target` (the faulty fake), one cell for each of its `variants`."""
    target = target or fake("faulty")
    columns = [NUMPY_COLUMN, *(Column(target.name, "numpy", "eager", variant) for variant in variants)]
    return Plan(profile, cases, [NUMPY, target], columns, seed, warm_caches=False)


def record(wanted: Plan) -> RunRecord:
    return RunRecord(records.SCHEMA_VERSION, "test", "2026-01-01T00:00:00Z", "0", "", wanted.as_dict(), {}, [])


def run(wanted: Plan, folder: Path) -> Run:
    """A new run, measured and read back."""
    with records.open_new(folder, record(wanted)) as writer:
        ended = coordinator.execute(wanted, writer, Silent())
        writer.write_record(ended=ended)
    return records.read_run(folder)


def cells(of: Run) -> dict[tuple[str, str], Cell]:
    """By target and variant."""
    return {(cell.target, cell.variant): cell for cell in of.cells}
