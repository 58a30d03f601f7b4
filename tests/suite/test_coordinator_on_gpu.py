"""Runs on a GPU that is none (see `tests.fakes.device`): the queue, the proofs, memory, throttling, strangers, faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reports import content
from suite.cases import Case, Column
from suite.plan import Plan
from suite.records import Cell, Run
from suite.targets import Target
from tests.fakes.device import FakeDevice
from tests.fakes.running import QUICK, case, fake, run

TARGET = replace(fake("gpu"), name="first")
OTHER = replace(fake("gpu"), name="second")
GREED = 2000
"""With which the arrays of `linear[small]` take 157 MiB in float32, and those of the check in float64 another 314."""
ONE = 560 * 2**20
"""Room for one worker and its check, but not for what another one holds beside."""


def wanted(
    cases: list[Case], variants: tuple[str, ...] = ("default",), targets: tuple[Target, ...] = (TARGET,)
) -> Plan:
    columns = [Column(target.name, "numpy", "eager", variant) for target in targets for variant in variants]
    return Plan(QUICK, cases, list(targets), columns, 0, warm_caches=False)


def on_cuda(problem: str = "tiny", precision: str = "float32", workload: str = "linear") -> Case:
    return case(workload, problem, precision=precision, device="cuda")


def only(of: Run) -> Cell:
    (cell,) = of.cells
    return cell


def test_a_run_on_a_gpu_tells_what_the_device_did(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    found = run(wanted([on_cuda(precision=p) for p in ("float32", "tf32")]), tmp_path / "run")
    assert [(cell.status, cell.reason) for cell in found.cells] == [("ok", ""), ("ok", "")]
    (launch,) = found.cells[0].launches
    assert launch.on_gpu is not None
    assert len(launch.on_gpu.dispatch_ns) == len(launch.latency_ns)
    assert launch.on_gpu.cold_latency_ns
    assert launch.on_gpu.kernel_ns is not None
    assert launch.on_gpu.memory_bytes > 0
    assert not launch.on_gpu.apart
    assert launch.peak_memory_bytes == 3 * 4 * 4  # the output, by the framework's own counter
    assert {sample.clock_mhz for sample in launch.samples} == {1800}
    assert all(not sample.held_down and not sample.strangers for sample in launch.samples)
    (target,) = found.record.targets
    assert target.refused == {}
    assert {ceiling.precision for ceiling in found.record.ceilings} == {"float32", "tf32"}
    report = content.build(found)
    assert [row[1] for row in report.on_gpu.rows] == ["first eager"] * 2
    assert report.notes == []


def test_what_disturbs_a_gpu_is_marked_and_told(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(throttles=True, strangers=2)
    found = run(wanted([on_cuda()]), tmp_path / "run")
    (launch,) = only(found).launches
    assert all(
        sample.held_down
        == (
            "heat",
            "power",
        )
        and sample.clock_mhz == 900
        for sample in launch.samples
    )
    assert {sample.strangers for sample in launch.samples} == {2}
    clock, others = content.build(found).notes
    assert "clock was held down (heat, power) during 100 %" in clock
    assert "not of this run were on the GPU" in others


def test_a_synchronisation_that_lies_is_not_timed(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(lies=True)
    cell = only(run(wanted([on_cuda()]), tmp_path / "run"))
    assert cell.status == "failed"
    assert "its synchronisation does not wait for its work" in cell.reason
    assert "reading the results back waited for 0%" not in cell.reason


def test_float32_that_is_tf32_is_not_timed_while_tf32_is(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(always_tf32=True)
    in_float32, in_tf32 = run(wanted([on_cuda(precision=p) for p in ("float32", "tf32")]), tmp_path / "run").cells
    assert in_float32.status == "failed"
    assert "asked for float32, rounded to TF32: linear is, conv2d is" in in_float32.reason
    assert in_tf32.status == "ok"


def test_a_lost_device_ends_its_cell_and_its_worker_but_nothing_else(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    lost, later = run(wanted([on_cuda(), on_cuda("small")], ("lost",)), tmp_path / "run").cells
    assert lost.status == later.status == "crashed"
    assert "the device was lost: RuntimeError: CUDA error: an illegal memory access" in lost.reason
    assert lost.reason.split("process")[1] != later.reason.split("process")[1]  # another one was started
    fine = only(run(wanted([on_cuda()]), tmp_path / "fine"))
    assert fine.status == "ok"


def test_what_does_not_fit_together_is_measured_apart_and_that_is_told(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(capacity=ONE, greed=GREED)
    found = run(wanted([on_cuda("small"), on_cuda()], targets=(TARGET, OTHER)), tmp_path / "run")
    together = {(cell.problem, cell.target): cell for cell in found.cells}
    assert {cell.status for cell in found.cells} == {"ok"}
    apart = {key: launch.on_gpu.apart for key, cell in together.items() for launch in cell.launches if launch.on_gpu}
    assert apart == {
        ("small", "first"): True,
        ("small", "second"): True,
        ("tiny", "first"): False,
        ("tiny", "second"): False,
    }
    (note,) = content.build(found).notes
    assert "Not all workers fit on the GPU together for linear[small] forward" in note


def test_a_worker_that_cannot_even_start_beside_others_is_measured_apart(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(capacity=ONE, context=300 * 2**20)
    found = run(wanted([on_cuda()], targets=(TARGET, OTHER)), tmp_path / "run")
    assert [(cell.status, cell.reason) for cell in found.cells] == [("ok", "")] * 2
    assert all(launch.on_gpu and launch.on_gpu.apart for cell in found.cells for launch in cell.launches)


def test_what_does_not_even_fit_alone_is_out_of_memory_and_the_next_case_runs(
    fake_gpu: FakeDevice, tmp_path: Path
) -> None:
    fake_gpu.set(capacity=ONE, greed=4 * GREED)
    small, tiny = run(wanted([on_cuda("small"), on_cuda()]), tmp_path / "run").cells
    assert small.status == "out_of_memory"
    assert "CUDA error: out of memory" in small.reason
    assert tiny.status == "ok"


def test_memory_in_pieces_is_whole_again_in_a_new_process(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    """Each worker's memory runs out in the second case, which each alone has room for."""
    fake_gpu.set(capacity=4 * 2**30, greed=GREED, fragments=True)
    found = run(wanted([on_cuda("small"), on_cuda("small", "tf32")], targets=(TARGET, OTHER)), tmp_path / "run")
    assert [cell.status for cell in found.cells] == ["ok"] * 4
    assert any(launch.on_gpu and launch.on_gpu.apart for cell in found.cells for launch in cell.launches)


def test_a_gpu_for_one_process_is_given_to_one_worker_after_the_other(fake_gpu: FakeDevice, tmp_path: Path) -> None:
    fake_gpu.set(compute_mode=3)
    found = run(wanted([on_cuda()], targets=(TARGET, OTHER)), tmp_path / "run")
    assert [cell.status for cell in found.cells] == ["ok", "ok"]
    assert all(launch.on_gpu and launch.on_gpu.apart for cell in found.cells for launch in cell.launches)
