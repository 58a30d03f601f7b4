from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from suite import checking, coordinator, idling, records, stopping, workers
from suite.cases import Column
from suite.coordinator import latin_rounds
from suite.errors import RecordsError
from suite.plan import Sweep
from suite.progress import Silent
from suite.records import Cell, Run, Sample
from suite.targets import Target
from suite.workers import ROOT, CellFailed, WorkerProcess, Workers
from suite.workloads import WORKLOADS
from tests.fakes.awake import noted
from tests.fakes.running import QUICK, case, cells, fake, plan, record, run

ADAPTIVE = replace(QUICK, launches=2, most_launches=4)
CRASHING = [
    *("raises", "out_of_memory", "aborts_for_memory", "killed", "segfault", "exits"),
    *("prints", "nan", "transposed", "float32_result"),
]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Cell]:
    wanted = plan([case("linear", "tiny")], ["default", *CRASHING])
    return cells(run(wanted, tmp_path_factory.mktemp("faults") / "run"))


@pytest.mark.parametrize(
    ("variant", "status", "words"),
    [
        ("raises", "failed", "ValueError: a planted fault"),
        ("out_of_memory", "out_of_memory", "Unable to allocate"),
        ("aborts_for_memory", "out_of_memory", "the framework gave up for want of memory"),
        ("killed", "crashed", "the worker died of SIGKILL"),
        ("segfault", "crashed", "the worker died of SIGSEGV"),
        ("exits", "crashed", "the worker exited with code 3; its last words: goodbye"),
        ("nan", "incorrect", "not a finite number in y[2, 3]"),
        ("transposed", "incorrect", "value is off by"),
        ("float32_result", "ok", ""),
    ],
)
def test_a_fault_ends_its_own_cell_with_its_status_and_reason(
    faults: dict[tuple[str, str], Cell], variant: str, status: str, words: str
) -> None:
    cell = faults["faulty", variant]
    assert cell.status == status
    assert words in cell.reason
    assert "second line" not in cell.reason


def test_want_of_memory_is_told_with_the_batch_that_would_fit(faults: dict[tuple[str, str], Cell]) -> None:
    reason = faults["faulty", "out_of_memory"].reason
    assert "by its definition it takes 0.0 GiB at least" in reason
    assert reason.endswith("batch=2 would fit")


def test_cells_beside_a_fault_are_measured_all_the_same(faults: dict[tuple[str, str], Cell]) -> None:
    for key in [("numpy", "default"), ("faulty", "default")]:
        assert faults[key].status == "ok"
        samples = faults[key].launches[0].samples
        assert len(samples) >= 3
        assert all(sample.anchor_ns > 0 for sample in samples)


def test_what_a_library_prints_does_not_break_the_protocol(faults: dict[tuple[str, str], Cell]) -> None:
    assert faults["faulty", "prints"].status == "ok"


def test_a_cell_that_is_not_ok_has_no_samples(faults: dict[tuple[str, str], Cell]) -> None:
    for cell in faults.values():
        assert bool(cell.launches) == (cell.status == "ok")


def test_a_worker_that_hangs_is_ended_and_its_cell_timed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CALL_TIMEOUT_S", 1.0)
    found = cells(run(plan([case()], ["hangs", "default"]), tmp_path / "run"))
    assert (found["faulty", "hangs"].status, found["faulty", "default"].status) == ("timeout", "ok")
    assert found["faulty", "hangs"].reason == "no answer to 'build' within 1 s"


def test_a_case_whose_time_is_over_leaves_the_rest_of_its_cells_and_the_next_case_is_measured(tmp_path: Path) -> None:
    cases = [case(), case("layer_norm")]
    done = run(plan(cases, ["hangs", "default"], profile=replace(QUICK, case_s=3.0)), tmp_path / "run")
    found = {(cell.workload, cell.target, cell.variant): (cell.status, cell.reason) for cell in done.cells}
    hung = "the time that its case may take was over before there was an answer to 'build'"
    assert found["linear", "faulty", "hangs"] == ("timeout", hung)
    assert found["layer_norm", "numpy", "default"] == ("ok", "")
    assert {found["linear", *rest][0] for rest in (("numpy", "default"), ("faulty", "default"))} <= {"ok", "skipped"}


def test_a_case_that_may_take_no_time_is_skipped_and_says_why(tmp_path: Path) -> None:
    done = run(plan([case()], [], profile=replace(QUICK, case_s=1e-6)), tmp_path / "run")
    (cell,) = done.cells
    assert (cell.status, done.record.ended) == ("skipped", "budget")
    assert cell.reason == "the 1e-06 s that a case may take were over before this cell was built"


@pytest.mark.parametrize("command", ["build", "evaluate", "check_gradient", "warm_up", "sample", "finish"])
def test_a_worker_that_dies_at_any_step_costs_only_its_cell(tmp_path: Path, command: str) -> None:
    variant = f"dies_in_{command}"
    found = cells(run(plan([case(task="gradient")], [variant, "default"]), tmp_path / "run"))
    assert (found["faulty", variant].status, found["faulty", variant].reason[-6:]) == ("crashed", "code 9")
    assert found["faulty", "default"].status == "ok"
    assert found["numpy", "default"].status == "ok"


@pytest.mark.parametrize("name", ["stillborn", "overthreaded"])
def test_a_worker_that_cannot_start_as_asked_makes_its_target_unavailable(tmp_path: Path, name: str) -> None:
    done = run(plan([case()], ["default"], fake(name)), tmp_path / "run")
    cell = cells(done)[name, "default"]
    words = {"stillborn": "code 5; its last words: cannot go on", "overthreaded": "64 threads where 1 were asked for"}
    assert cell.status == "unavailable"
    assert words[name] in cell.reason
    assert [target.available for target in done.record.targets if target.name == name] == [False]


@pytest.mark.parametrize(
    ("variant", "task", "check"),
    [
        ("one_percent", "gradient", "gradient"),
        ("nan_gradient", "gradient", "gradient"),
        ("transposed", "gradient", "gradient"),
        ("float32_inside", "gradient", "gradient.oracle"),
    ],
)
def test_a_wrong_gradient_is_incorrect_and_says_which_check_saw_it(
    tmp_path: Path, variant: str, task: str, check: str
) -> None:
    cell = cells(run(plan([case("linear", "tiny", task)], [variant]), tmp_path / "run"))["faulty", variant]
    assert cell.status == "incorrect"
    assert check in [one.name for one in cell.checks if not one.passed]


@pytest.mark.parametrize("variant", ["float32_inside", "float32_result"])
def test_a_float32_hidden_in_a_float64_path_is_incorrect(tmp_path: Path, variant: str) -> None:
    cell = cells(run(plan([case(precision="float64")], [variant]), tmp_path / "run"))["faulty", variant]
    assert cell.status == "incorrect"


def test_a_float64_in_a_float32_case_is_incorrect_however_exact(tmp_path: Path) -> None:
    cell = cells(run(plan([case()], ["float64_result"]), tmp_path / "run"))["faulty", "float64_result"]
    assert (cell.status, "y came as float64, not as float32" in cell.reason) == ("incorrect", True)


def test_swapped_stride_and_dilation_are_incorrect(tmp_path: Path) -> None:
    wanted = plan([case("conv2d", "tiny"), case("conv2d", "tiny.dilated")], ["swapped"])
    found = [cell for cell in run(wanted, tmp_path / "run").cells if cell.variant == "swapped"]
    assert [cell.status for cell in found] == ["incorrect", "incorrect"]


@pytest.mark.parametrize(("name", "status"), [("lying", "failed"), ("half", "failed"), ("honest", "ok")])
def test_only_a_backend_whose_synchronisation_waits_for_every_output_is_timed(
    tmp_path: Path, name: str, status: str
) -> None:
    cell = cells(run(plan([case()], ["default"], fake(name)), tmp_path / "run"))[name, "default"]
    assert cell.status == status
    assert ("does not wait for its work" in cell.reason) == (status == "failed")


def test_an_unknown_variant_is_unsupported_and_names_what_there_is(tmp_path: Path) -> None:
    cell = cells(run(plan([case()], ["nonsense"]), tmp_path / "run"))["faulty", "nonsense"]
    assert cell.status == "unsupported"
    assert "prints" in cell.reason


def test_every_launch_is_another_process_and_is_kept_apart(tmp_path: Path) -> None:
    wanted = plan([case(), case("layer_norm")], [], profile=replace(QUICK, launches=2, precision_goal=1e-9))
    done = run(wanted, tmp_path / "run")
    assert {tuple(launch.launch for launch in cell.launches) for cell in done.cells} == {(0, 1)}
    assert len(list((tmp_path / "run" / "logs").glob("numpy-*.log"))) == 2


def launches_of(done: Run) -> list[int]:
    return [len(cell.launches) for cell in done.cells]


def test_a_settled_comparison_gets_no_further_launch(tmp_path: Path) -> None:
    done = run(plan([case()], ["default"], profile=replace(ADAPTIVE, precision_goal=1e9)), tmp_path / "run")
    assert (launches_of(done), done.record.ended) == ([2, 2], "goal")


def test_what_is_not_settled_gets_all_the_launches_that_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "settled", lambda *_: False)  # where it is, real times decide
    done = run(plan([case()], ["default"], profile=ADAPTIVE), tmp_path / "run")
    assert (launches_of(done), done.record.ended) == ([4, 4], "launches")


def test_only_cells_that_are_not_settled_are_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wanting(cells: Sequence[Cell], *rest: object) -> set[object]:
        return {records.identity(cell) for cell in cells if cell.workload == "linear" and cell.target == "numpy"}

    monkeypatch.setattr(stopping, "unsettled", wanting)
    done = run(plan([case(), case("layer_norm")], ["default"], profile=ADAPTIVE), tmp_path / "run")
    launches = {(cell.workload, cell.target): len(cell.launches) for cell in done.cells if cell.status == "ok"}
    assert launches == {("linear", "numpy"): 4, ("linear", "faulty"): 2, ("layer_norm", "numpy"): 2}


def test_no_launch_begins_that_the_budget_would_not_see_the_end_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "_mean", lambda seconds: 1e6 if seconds else 0.0)
    monkeypatch.setattr(stopping, "settled", lambda *_: False)
    done = run(plan([case()], ["default"], profile=ADAPTIVE), tmp_path / "run")
    assert (launches_of(done), done.record.ended) == ([2, 2], "budget")


def test_rounds_go_on_for_cells_that_do_not_agree_with_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wanting(self: coordinator.Coordinator, cells: list[coordinator.Sampling]) -> list[coordinator.Sampling]:
        return [cell for cell in cells if cell.column.target == "numpy" and len(cell.samples) < 18]

    monkeypatch.setattr(coordinator.Coordinator, "_wanting", wanting)
    done = cells(run(plan([case()], ["default"], profile=replace(QUICK, rounds=20)), tmp_path / "run"))
    assert {key: len(cell.launches[0].samples) for key, cell in done.items()} == {
        ("numpy", "default"): 18,
        ("faulty", "default"): stopping.ROUNDS,
    }


def test_no_worker_is_always_the_first_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(coordinator.Coordinator, "_ready", lambda self, target, mode: started.append(target))
    wanted = plan([case()], [])
    with records.open_new(tmp_path / "run", record(wanted)) as writer, workers.scratch_folder() as scratch:
        one = coordinator.Coordinator(wanted, writer, Silent(), scratch)
        for _ in range(20):
            one._start_workers([Column(name, "numpy", "eager") for name in "abc"])
    assert {started[launch] for launch in range(0, 60, 3)} == {"a", "b", "c"}


@pytest.mark.parametrize(("baseline", "held_against"), [("", ["fast"]), ("slow", ["slow"])])
def test_rounds_of_a_cell_are_held_against_the_fastest_or_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, baseline: str, held_against: list[str]
) -> None:
    seen = []

    def enough(ratios: list[float], goal: float) -> bool:
        seen.append("fast" if ratios[0] > 1 else "slow")
        return True

    monkeypatch.setattr(stopping, "enough_rounds", enough)
    wanted = replace(plan([case()], []), baseline=baseline)
    with records.open_new(tmp_path / "run", record(wanted)) as writer, workers.scratch_folder() as scratch:
        one = coordinator.Coordinator(wanted, writer, Silent(), scratch)
    sampled = [
        coordinator.Sampling(Column(name, "numpy", "eager"), name, samples=[Sample(n, ns) for n in range(6)])
        for name, ns in (("fast", 1.0), ("slow", 2.0))
    ]
    assert one._wanting(sampled) == []
    assert seen == held_against


def test_a_spent_budget_skips_what_was_not_begun_and_says_so(tmp_path: Path) -> None:
    done = run(plan([case(), case("layer_norm")], [], profile=replace(QUICK, budget_s=1e-6)), tmp_path / "run")
    assert done.record.ended == "budget"
    assert {cell.status for cell in done.cells} == {"skipped"}
    assert "the budget of 1e-06 s was spent" in done.cells[0].reason


def test_an_interrupted_run_keeps_what_is_finished_and_goes_on_from_there(tmp_path: Path) -> None:
    wanted = plan([case(), case("layer_norm")], [])

    class Interrupting(Silent):
        def step(self, text: str) -> None:
            if "layer_norm" in text:
                raise KeyboardInterrupt

    with records.open_new(tmp_path / "run", record(wanted)) as writer:
        assert coordinator.execute(wanted, writer, Interrupting()) == "interrupted"
    before = records.read_run(tmp_path / "run")
    assert [cell.workload for cell in before.cells] == ["linear"]
    with records.open_existing(tmp_path / "run") as writer:
        assert coordinator.execute(wanted, writer, Silent()) == "goal"
    after = records.read_run(tmp_path / "run")
    assert [cell.workload for cell in after.cells] == ["linear", "layer_norm"]
    assert after.cells[0].launches == before.cells[0].launches


def test_cores_are_kept_awake_while_a_run_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(idling, "kept_awake", lambda: noted(events))
    wanted = plan([case()], [])

    class Telling(Silent):
        def step(self, text: str) -> None:
            events.append(text)

    with records.open_new(tmp_path / "run", record(wanted)) as writer:
        coordinator.execute(wanted, writer, Telling())
    assert (events[0], events[-1]) == ("awake", "asleep")
    assert len(events) > 2


KILLED = """
import os, signal, sys
from pathlib import Path
from suite import coordinator, records
from suite.progress import Silent
from tests.fakes.running import case, plan, record

class Killing(Silent):
    def step(self, text):
        if "layer_norm" in text:
            os.kill(os.getpid(), signal.SIGKILL)

wanted = plan([case(), case("layer_norm")], ["default"])
with records.open_new(Path(sys.argv[1]), record(wanted)) as writer:
    coordinator.execute(wanted, writer, Killing())
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "settled", lambda *_: False)  # where it is, real times decide how a run ends
    folder = tmp_path / "run"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    with open(folder / "cells.jsonl", "ab") as file:
        file.write(b'{"workload":"layer_norm","prob')  # a write that the kill cut short
    with pytest.raises(RecordsError, match=r"cells\.jsonl, line 3 is .*"):
        records.read_run(folder)
    first = (folder / "cells.jsonl").read_bytes().splitlines()[:2]
    with records.open_existing(folder) as writer:
        wanted = plan([case(), case("layer_norm")], ["default"])
        assert coordinator.execute(wanted, writer, Silent()) == "launches"
    assert (folder / "cells.jsonl").read_bytes().splitlines()[:2] == first
    statuses = [(cell.workload, cell.status) for cell in records.read_run(folder).cells]
    assert statuses[:3] == [("linear", "ok"), ("linear", "ok"), ("layer_norm", "ok")]


def test_a_second_coordinator_on_one_folder_is_refused(tmp_path: Path) -> None:
    wanted = plan([case()], [])
    with (
        records.open_new(tmp_path, record(wanted)),
        pytest.raises(RecordsError, match="another run is writing into"),
        records.open_existing(tmp_path),
    ):
        pass


def test_numbers_that_differ_from_the_oracles_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Workers.ask

    def tampering(self: Workers, name: str, command: str, timeout_s: float, **arguments: object) -> object:
        reply = ask(self, name, command, timeout_s, **arguments)
        return {"checksum": "another"} if (name, command) == ("faulty", "open_case") else reply

    monkeypatch.setattr(Workers, "ask", tampering)
    cell = cells(run(plan([case()], ["default"]), tmp_path / "run"))["faulty", "default"]
    assert (cell.status, "drew other numbers" in cell.reason) == ("failed", True)


def test_two_frameworks_that_agree_stand_in_for_an_oracle_that_would_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ORACLE_FLOPS", 0)
    wanted = plan([case("linear", "small")], ["default", "transposed"])
    others = [replace(column, framework="other") for column in wanted.columns]
    found = cells(run(replace(wanted, columns=others), tmp_path / "run"))
    assert (found["numpy", "default"].status, found["numpy", "default"].reference) == ("ok", "numpy and faulty")
    assert found["faulty", "transposed"].status == "incorrect"


def test_without_two_that_agree_nothing_stands_in_for_the_oracle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ORACLE_FLOPS", 0)
    found = cells(run(plan([case("linear", "small")], ["default"]), tmp_path / "run"))
    assert found["faulty", "default"].status == "failed"
    assert "no two frameworks agree" in found["faulty", "default"].reason


def test_what_a_case_has_no_time_for_is_skipped_and_says_so(tmp_path: Path) -> None:
    short = replace(QUICK, case_s=1e-6)
    done = run(plan([case(), case("layer_norm")], ["default"], profile=short), tmp_path / "run")
    assert {cell.status for cell in done.cells} == {"skipped"}
    assert "the 1e-06 s that a case may take were over" in done.cells[0].reason
    assert done.record.ended == "budget"


def test_a_worker_that_does_not_answer_before_the_cases_time_is_over_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    ask = Workers.ask

    def noting(self: Workers, name: str, command: str, timeout_s: float, **arguments: object) -> object:
        asked.append((command, timeout_s))
        return ask(self, name, command, timeout_s, **arguments)

    monkeypatch.setattr(Workers, "ask", noting)
    run(plan([case()], ["default"], profile=replace(QUICK, case_s=30)), tmp_path / "run")
    assert all(timeout_s <= 30 for command, timeout_s in asked if command in ("open_case", "build", "evaluate"))


def test_over_a_latin_square_every_cell_comes_once_in_every_place() -> None:
    rounds = list(latin_rounds(5, 10, random.Random(0)))
    for square in (rounds[:5], rounds[5:]):
        for place in range(5):
            assert Counter(order[place] for order in square) == Counter(range(5))
    assert rounds[:5] != rounds[5:]


def test_a_failure_carries_its_status() -> None:
    failure = CellFailed("timeout", "too late")
    assert (failure.status, str(failure)) == ("timeout", "too late")


def test_a_sweep_has_workers_of_its_own_for_each_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    start = Workers._start

    def watched(self: Workers, target: Target) -> WorkerProcess:
        worker = start(self, target)
        started.append(int(str(worker.hello["settings"]["threads"])))
        return worker

    monkeypatch.setattr(Workers, "_start", watched)
    sizes = [WORKLOADS["linear"].problem("tiny", batch=batch) for batch in (2, 4, 8)]
    cases = [
        replace(case(), problem=f"tiny,batch={size.batch}", parameters=size, threads=threads)
        for threads in (1, 2)
        for size in sizes
    ]
    wanted = replace(plan(cases, [], profile=replace(QUICK, launches=2)), sweep=Sweep("batch=2,4,8", "time"))
    done = run(wanted, tmp_path / "run")
    assert [(cell.threads, cell.parameters["batch"], len(cell.launches)) for cell in done.cells] == [
        (threads, batch, 2) for threads in (1, 2) for batch in (2, 4, 8)
    ]
    assert {cell.status for cell in done.cells} == {"ok"}
    # Of each number the oracle and NumPy, in both launches; a part is never left half done.
    assert Counter(started) == {1: 4, 2: 4}
    assert len([a for a, b in pairwise(started) if a != b]) <= 3


def test_the_points_of_a_sweep_come_in_random_order_but_in_the_first_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [WORKLOADS["linear"].problem("tiny", batch=batch) for batch in range(2, 14)]
    cases = [replace(case(), problem=f"tiny,batch={size.batch}", parameters=size) for size in sizes]
    ordinary = plan(cases, [], profile=replace(QUICK, launches=2, rounds=1))
    orders = {}
    for name, wanted in {"run": ordinary, "sweep": replace(ordinary, sweep=Sweep("batch=2..13", "time"))}.items():
        lines = records.read_lines(Path(run(wanted, tmp_path / name).folder))
        orders[name] = [
            [one.parameters["batch"] for one in lines if one.launch and one.launch.launch == n] for n in (0, 1)
        ]
    planned = list(range(2, 14))
    assert orders["run"] == [planned, planned]
    assert orders["sweep"][0] == planned
    assert orders["sweep"][1] != planned
    assert sorted(orders["sweep"][1]) == planned
