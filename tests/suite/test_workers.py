from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from suite import gpu
from suite.workers import ROOT, CellFailed, Scratch, Workers, environment, scratch_folder
from tests.fakes.device import FakeDevice
from tests.fakes.running import NUMPY, fake

COORDINATOR = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell
from pathlib import Path
from suite.workers import Scratch, Workers
from tests.fakes.running import NUMPY, fake
scratch = Scratch()
workers = Workers(scratch, [NUMPY, fake("faulty")], 1, scratch.folder / "logs", False)
for target in ("numpy", "faulty"):
    workers.get(target)
print(scratch.folder, *(worker.process.pid for worker in workers.running.values()), flush=True)
{ending}
"""


@pytest.fixture
def workers() -> Iterator[Workers]:
    with scratch_folder() as scratch:
        crew = Workers(scratch, [NUMPY, fake("faulty")], 1, scratch.folder / "logs", False)
        yield crew
        crew.stop()


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _wait_until_gone(pids: list[int], timeout_s: float = 20.0) -> list[int]:
    deadline = time.monotonic() + timeout_s
    while (left := [pid for pid in pids if not _gone(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize(
    ("ending", "number"),
    [
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGTERM),
        ("time.sleep(60)", signal.SIGINT),
        ("raise SystemExit(1)", None),
        ("import os; os._exit(1)", None),
    ],
)
def test_no_worker_outlives_its_coordinator_however_that_one_ends(ending: str, number: signal.Signals | None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COORDINATOR.format(ending=ending)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    folder, *pids = process.stdout.readline().split()
    workers = [int(pid) for pid in pids]
    assert len(workers) == 2
    if number is not None:
        # The first of the two was stopped when the second started: it could not notice anything itself.
        assert psutil.Process(workers[0]).status() == psutil.STATUS_STOPPED
        process.send_signal(number)
    process.wait(timeout=30)
    process.stdout.close()
    assert _wait_until_gone(workers) == []
    deadline = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()


def test_only_the_worker_that_is_asked_runs(workers: Workers) -> None:
    first, second = workers.get("numpy").process.pid, workers.get("faulty").process.pid
    assert psutil.Process(first).status() == psutil.STATUS_STOPPED
    workers.get("numpy")
    assert psutil.Process(second).status() == psutil.STATUS_STOPPED
    assert psutil.Process(first).status() != psutil.STATUS_STOPPED


def test_a_worker_sees_the_threads_and_cpus_that_it_was_given(workers: Workers) -> None:
    settings = workers.get("numpy").hello["settings"]
    assert settings["threads"] == 1
    assert settings["affinity"] == str(min(os.sched_getaffinity(0)))


def test_a_worker_killed_between_two_questions_is_replaced(workers: Workers) -> None:
    first = workers.get("numpy")
    os.killpg(first.process.pid, signal.SIGKILL)
    with pytest.raises(CellFailed, match="SIGKILL"):
        workers.ask("numpy", "close_case", 5.0)
    assert workers.get("numpy") is not first
    assert workers.ask("numpy", "close_case", 5.0) == {}


def test_an_interpreter_that_is_not_there_makes_its_target_unavailable() -> None:
    with scratch_folder() as scratch:
        nowhere = type(NUMPY)("gone", "numpy", "/nowhere/python", "impls.numpy")
        crew = Workers(scratch, [nowhere], 1, scratch.folder / "logs", False)
        with pytest.raises(CellFailed) as failure:
            crew.get("gone")
        assert failure.value.status == "unavailable"
        assert "/nowhere/python" in failure.value.reason


def test_compiler_caches_are_fresh_for_every_worker_unless_asked_to_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scratch = Scratch()
    try:
        assert scratch.caches(1, warm=False) != scratch.caches(2, warm=False)
        assert scratch.caches(1, warm=True) == scratch.caches(2, warm=True) == tmp_path / "triptych"
        assert str(scratch.folder) in environment(1, scratch.caches(1, warm=False))["TORCHINDUCTOR_CACHE_DIR"]
    finally:
        scratch.close()


def test_the_environment_sets_every_librarys_threads_and_varies_in_size(tmp_path: Path) -> None:
    variables = environment(3, tmp_path)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC")
    assert {variables[name] for name in names} == {"3"}
    assert len({len(environment(3, tmp_path)["TRIPTYCH_PADDING"]) for _ in range(8)}) > 1


def test_a_worker_sees_no_gpu_unless_it_shall_use_it_and_then_no_other(tmp_path: Path, fake_gpu: FakeDevice) -> None:
    on_cpu, on_gpu = environment(1, tmp_path), environment(1, tmp_path, gpu.of_device("cuda"))
    assert (on_cpu["CUDA_VISIBLE_DEVICES"], on_cpu["JAX_PLATFORMS"]) == ("", "cpu")
    assert (on_gpu["CUDA_VISIBLE_DEVICES"], on_gpu["CUDA_DEVICE_ORDER"]) == ("0", "PCI_BUS_ID")
    assert on_gpu["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert on_gpu["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_a_worker_finds_the_project_by_links_and_nothing_else_of_it(workers: Workers) -> None:
    names = sorted(path.name for path in workers.scratch.links("impls.numpy").iterdir())
    assert set(names) <= {"impls", "suite", "tests"}
