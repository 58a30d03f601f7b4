from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reports import content, devices, html, markdown, sentences
from reports.measures import measure
from reports.ranking import rank
from suite.records import Ceiling, Cell, OnGpu, Sample
from tests.reports.builders import MS, a_cell, a_run


def on_gpu(target: str = "pytorch", ms: float = 1.0, **figures: Any) -> Cell:
    """A cell of two launches on a GPU; `sample` changes every sample."""
    sample = figures.pop("sample", {})
    told: dict[str, Any] = dict(
        dispatch_ns=[0.01 * MS], cold_latency_ns=[1.5 * MS], kernel_ns=0.95 * ms * MS, memory_bytes=1 << 30
    )
    samples = [Sample(number, ms * MS, **{"clock_mhz": 1800, **sample}) for number in range(3)]
    fields = {"on_gpu": OnGpu(**(told | figures)), "samples": samples}
    return a_cell(target, "eager", [[ms] * 3] * 2, device="cuda", launch_fields=fields)


def test_a_cpu_has_no_such_table() -> None:
    report = content.build(a_run([a_cell()]))
    assert report.on_gpu.rows == []
    assert "on a GPU" not in dict(report.reading)


@pytest.mark.parametrize(
    ("figures", "bound"),
    [
        ({"kernel_ns": 0.95 * MS}, False),
        ({"kernel_ns": 0.2 * MS}, True),
        ({"kernel_ns": None, "dispatch_ns": [0.1 * MS]}, False),
        ({"kernel_ns": None, "dispatch_ns": [0.95 * MS]}, True),
        ({"kernel_ns": 0.95 * MS, "dispatch_ns": [0.95 * MS]}, False),
    ],
)
def test_a_cell_whose_device_waits_for_the_host_is_bound_by_launches(figures: dict[str, Any], bound: bool) -> None:
    run = a_run([on_gpu(**figures)])
    (found,) = measure(run)
    assert found.launch_bound is bound
    (row,) = content.build(run).on_gpu.rows
    assert ("launches" in row) is bound


def test_the_table_shows_what_was_measured() -> None:
    (row,) = content.build(a_run([on_gpu()])).on_gpu.rows
    assert row[2:7] == ("1.00 ms", "950 µs", "10.0 µs", "1.05 ms", "1.50 ms")
    assert row[8:] == ("1.00 GiB", "1800 MHz", "–")


def test_nothing_wrong_is_no_note() -> None:
    assert devices.notes(rank(a_run([on_gpu(), on_gpu("jax", 2.0)]))) == []


def test_a_throttled_clock_strangers_and_cells_apart_are_noted() -> None:
    run = a_run(
        [
            on_gpu(sample={"held_down": ("power",)}),
            on_gpu("jax", 2.0, sample={"strangers": 1}, apart=True),
        ]
    )
    throttled, shared, apart = devices.notes(rank(run))
    assert sentences.notes(run, rank(run))[-3:] == [throttled, shared, apart]
    assert throttled.startswith("The GPU's clock was held down (power) during 50 % of the samples")
    assert shared == "Processes that are not of this run were on the GPU while it was measured."
    assert "for linear[small] gradient: there each target was measured with the others gone" in apart
    marked = {row[1]: row[-1] for row in content.build(run).on_gpu.rows}
    assert marked == {
        "pytorch eager": "clock held down in 100 % (power)",
        "jax eager": "shared in 100 %; measured apart",
    }


def test_a_cell_is_held_against_the_best_of_all_ceilings() -> None:
    cell = a_cell(flops=2e6, bytes=1e3)
    ceilings = [
        Ceiling(target, "float32", "cpu", 2, flops, 1024, 1e9) for target, flops in (("jax", 4e9), ("pytorch", 3e9))
    ]
    run = a_run([cell], ceilings=ceilings)
    (found,) = measure(run)
    assert found.ceiling_share == pytest.approx(0.5)
    assert found.ceiling == "arithmetic"
    report = content.build(run)
    assert [row[0] for row in report.ceilings.rows] == ["jax", "pytorch"]
    assert "50 %, arithmetic" in report.cases[0].ranking.rows[0]
    (other,) = measure(replace(run, cells=[replace(cell, precision="float64")]))
    assert (other.ceiling_share, other.ceiling) == (None, "")


def test_the_gpu_is_part_of_the_machine() -> None:
    environment = {"cpu": {"model": "Example 9000"}, "gpus": [{"name": "Some GPU"}]}
    assert "machine: Example 9000 and Some GPU." in content.build(a_run([on_gpu()], environment=environment)).subject
    assert "machine: Example 9000." in content.build(a_run([a_cell()], environment=environment)).subject


def test_both_reports_show_the_tables() -> None:
    run = a_run([on_gpu()], ceilings=[Ceiling("jax", "float32", "cuda", 2, 4e12, 8192, 1e12)])
    for text in (html.render(run), markdown.render(run)):
        assert "What the GPU did" in text
        assert "What the machine can do" in text
