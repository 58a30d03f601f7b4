"""A run in the formats of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from suite import comparison
from suite.errors import unknown
from suite.records import Cell, Run

PYTEST_BENCHMARK = "5.1.0"
"""The version of pytest-benchmark whose fields these are."""


def export(run: Run, name: str) -> str:
    """`run` in the format of this name. Raises UsageError where there is none."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name](run)


def pytest_benchmark(run: Run) -> dict[str, Any]:
    """What pytest-benchmark would have written with `--benchmark-json`: each ranked cell is a benchmark, its case the group.

    `extra_info.triptych` says from which launch and round each time comes. Cells without a speed are named, with the reason,
    in `triptych.unranked`. Times are in seconds.
    """
    unranked = {_fullname(cell): reason for cell in run.cells if (reason := comparison.unranked_reason(cell))}
    environment = run.record.environment
    checkout = _part(environment, "triptych")
    return {
        "machine_info": _machine_info(environment),
        "commit_info": {
            "id": checkout.get("commit") or "unversioned",
            "time": None,
            "author_time": None,
            "dirty": bool(checkout.get("changed")),
            "project": "triptych",
            "branch": "(unknown)",
        },
        "benchmarks": [_benchmark(cell) for cell in run.cells if _fullname(cell) not in unranked],
        "datetime": run.record.created,
        "version": PYTEST_BENCHMARK,
        "triptych": {
            "version": run.record.triptych,
            "run": run.record.id,
            "command": run.record.command,
            "unranked": unranked,
        },
    }


def statistics(data: list[float]) -> dict[str, Any]:
    """pytest-benchmark's `stats` of one or more times in seconds.

    Quartiles are Hazen's (1914), which are those of pytest-benchmark; outliers lie more than a standard deviation from the
    mean, or 1.5 interquartile ranges beyond a quartile.
    """
    times = np.array(data)
    mean, deviation = float(times.mean()), float(times.std(ddof=1)) if len(data) > 1 else 0.0
    low, middle, high = (float(value) for value in np.percentile(times, [25, 50, 75], method="hazen"))
    fences = low - 1.5 * (high - low), high + 1.5 * (high - low)
    far = int(((times < mean - deviation) | (times > mean + deviation)).sum())
    beyond = int(((times < fences[0]) | (times > fences[1])).sum())
    return {
        "min": float(times.min()),
        "max": float(times.max()),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": middle,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": beyond,
        "stddev_outliers": far,
        "outliers": f"{far};{beyond}",
        "ld15iqr": float(times[times >= fences[0]].min()),
        "hd15iqr": float(times[times <= fences[1]].max()),
        "ops": len(data) / float(times.sum()),
        "total": float(times.sum()),
        "data": data,
    }


def _benchmark(cell: Cell) -> dict[str, Any]:
    samples = [(launch.launch, sample) for launch in cell.launches for sample in launch.samples]
    choices = {"framework": cell.framework, "mode": cell.mode, "variant": cell.variant, "target": cell.target}
    return {
        "group": cell.case,
        "name": cell.name,
        "fullname": _fullname(cell),
        "params": {"workload": cell.workload, "problem": cell.problem, "task": cell.task, **choices},
        "param": cell.name,
        "extra_info": {
            **choices,
            **cell.parameters,
            "triptych": {
                "synchronized": True,
                "launches": [launch for launch, _ in samples],
                "rounds": [sample.round for _, sample in samples],
            },
        },
        "options": {"disable_gc": True, "timer": "perf_counter_ns", "warmup": True},
        "stats": {
            **statistics([sample.ns / 1e9 for _, sample in samples]),
            "iterations": cell.launches[0].calls_per_sample,
        },
    }


def _fullname(cell: Cell) -> str:
    return f"{cell.case}::{cell.name}"


def _machine_info(environment: Mapping[str, Any]) -> dict[str, Any]:
    cpu, system, python = (_part(environment, name) for name in ("cpu", "system", "python"))
    return {
        "node": "",  # no host name is recorded
        "processor": system.get("architecture"),
        "machine": system.get("architecture"),
        "python_implementation": python.get("implementation"),
        "python_implementation_version": python.get("version"),
        "python_version": python.get("version"),
        "release": system.get("kernel"),
        "system": system.get("name"),
        "cpu": {
            "brand_raw": cpu.get("model"),
            "count": cpu.get("logical_cores"),
            **{name: cpu.get(name) for name in ("allowed", "governor", "turbo", "idle_cores")},
        },
    }


def _part(environment: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = environment.get(name)
    return found if isinstance(found, dict) else {}


def _as_json(run: Run) -> str:
    return json.dumps(pytest_benchmark(run), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _as_csv(run: Run) -> str:
    from reports import frames  # pandas takes a while

    return frames.samples(run).to_csv(index=False)


FORMATS: dict[str, Callable[[Run], str]] = {"pytest-benchmark": _as_json, "csv": _as_csv}
