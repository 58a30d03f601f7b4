"""Causes that are planted, and the diagnoses that must name them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suite import energy, explaining, records
from suite.cases import Case, Column
from suite.checking import ORACLE, Checker
from suite.diagnoses import Compiling, Counts, Energy, Memory, Overhead, Profile
from suite.energy import Meter
from suite.explaining import Bench
from suite.progress import Silent
from suite.targets import Target
from suite.workers import Workers, scratch_folder
from tests.fakes.causes import SLEEP_S, STEPS
from tests.fakes.running import NUMPY, case, fake, plan, run


@contextmanager
def bench_of(target: Target, one: Case) -> Iterator[Bench]:
    with scratch_folder() as scratch:
        workers = Workers(scratch, [ORACLE, target], 1, scratch.folder / "logs", warm_caches=False)
        try:
            yield Bench(one, Checker(one, workers, 0, []), workers, scratch.folder / "traces", cached=False)
        finally:
            workers.stop()


SMALL = case("linear", "small")


@pytest.fixture(scope="module")
def of_numpy() -> Iterator[Bench]:
    with bench_of(fake("causes_numpy"), SMALL) as bench:
        yield bench


@pytest.fixture(scope="module")
def of_jax() -> Iterator[Bench]:
    with bench_of(fake("causes_jax"), SMALL) as bench:
        yield bench


@pytest.fixture(scope="module")
def of_pytorch() -> Iterator[Bench]:
    with bench_of(fake("causes_pytorch"), SMALL) as bench:
        yield bench


@pytest.fixture(params=["numpy", "jax", "pytorch"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(f"of_{request.param}")
    return found


def found(bench: Bench, what: str, variant: str = "default", mode: str = "eager", **arguments: Any) -> dict[str, Any]:
    target = next(name for name in bench.workers.targets if name != ORACLE.name)
    if what == "profile":
        arguments.setdefault("calls", 3)
    return bench.ask(Column(target, "numpy", mode, variant), what, **arguments)


def times_in_a_call(profile: dict[str, Any], *names: str) -> float:
    return sum(one["calls"] for one in profile["operators"] if any(name in one["name"] for name in names))


def test_a_sleep_is_spent_outside_operators(bench: Bench) -> None:
    profile = found(bench, "profile", "sleeps")
    assert profile["call_s"] >= SLEEP_S
    assert profile["work_s"] < profile["profiled_s"] - 0.9 * SLEEP_S


def test_an_extra_copy_is_among_the_operators(bench: Bench) -> None:
    names = ("copy", "clone")
    healthy, copying = (found(bench, "profile", variant) for variant in ("default", "copies"))
    assert times_in_a_call(copying, *names) == times_in_a_call(healthy, *names) + 1


def test_an_unrolled_loop_hands_over_each_of_its_steps(bench: Bench) -> None:
    healthy, unrolled = (found(bench, "profile", variant) for variant in ("default", "unrolled"))
    assert unrolled["dispatched"] == healthy["dispatched"] + STEPS
    assert times_in_a_call(unrolled, "sin") == STEPS


def test_a_sleep_takes_all_of_the_time_even_where_there_is_nearly_nothing_to_compute(bench: Bench) -> None:
    tiny = dict(bench.case.definition.problem("tiny"))
    overhead = found(bench, "overhead", "sleeps", parameters=tiny, rounds=2, sample_s=SLEEP_S)
    assert overhead["call_s"] >= SLEEP_S
    assert overhead["share"] > 0.5
    assert overhead["dispatched"] == found(bench, "profile")["dispatched"]


def test_an_extra_copy_moves_more_bytes(of_pytorch: Bench) -> None:
    healthy, copying = (found(of_pytorch, "counts", variant) for variant in ("default", "copies"))
    size = of_pytorch.case.parameters
    assert copying["bytes"] - healthy["bytes"] == pytest.approx(2 * 4 * size.batch * size.in_features)
    assert copying["flops"] == healthy["flops"] > 0


def test_a_compiled_program_is_handed_over_as_a_whole(of_jax: Bench) -> None:
    profile = found(of_jax, "profile", mode="jit")
    assert profile["dispatched"] == 1
    assert profile["kernels"] > 1


def test_what_python_does_while_it_is_traced_is_trace(of_jax: Bench) -> None:
    compiling = found(of_jax, "compiling", "sleeps", mode="jit")
    assert compiling["trace_s"] >= SLEEP_S
    parts = compiling["trace_s"] + compiling["lower_s"] + compiling["compile_s"]
    assert parts <= compiling["first_call_s"] + 1e-3


def test_xla_counts_the_body_of_a_loop_once_and_says_so(of_jax: Bench) -> None:
    counts = found(of_jax, "counts", "loops", mode="jit")
    assert "the body of a loop counts once" in counts["note"]
    assert counts["flops"] < STEPS * found(of_jax, "counts", mode="jit")["flops"]


def test_a_chrome_trace_is_written_where_one_is_asked_for(of_jax: Bench, tmp_path: Path) -> None:
    found(of_jax, "profile", mode="jit", trace=str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["cat"] for event in events if event["ph"] == "X"} == {"call", "program", "kernel"}


def test_what_a_second_process_finds_on_disk_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    hits = []
    for _ in range(2):
        with bench_of(fake("causes_jax"), SMALL) as bench:
            bench.workers.caches = tmp_path
            hits.append(found(bench, "compiling", mode="jit")["cache_hits"])
    assert hits[0] == 0
    assert hits[1] >= 1


def test_everything_is_found_of_every_ok_cell_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter(range(0, 10**9, 5 * 10**6))
    monkeypatch.setattr(energy, "find", lambda gpu: Meter("a meter", lambda: {"all": next(readings)}))
    monkeypatch.setattr(explaining, "ENERGY_S", 0.01)
    monkeypatch.setattr(explaining, "LEAK_S", 0.01)
    wanted = plan([case("linear", "small")], ["default", "sleeps", "no_such"], target=fake("causes_numpy"))
    measured = run(wanted, tmp_path / "run")
    before = (tmp_path / "run" / "cells.jsonl").read_bytes()
    with records.open_existing(tmp_path / "run") as writer:
        explaining.explain(wanted, writer, Silent(), tmp_path / "traces")
    told = records.read_run(tmp_path / "run").diagnoses
    ok = {records.identity(cell) for cell in measured.cells if cell.status == "ok"}
    assert len(ok) == 3
    assert {records.identity(one) for one in told} == ok
    kinds = {(type(one), records.cell_name(one)) for one in told if not one.reason}
    assert kinds == {
        (kind, name)
        for kind in (Profile, Counts, Overhead, Energy, Memory)
        for name in ("numpy eager", "causes_numpy eager", "causes_numpy eager (sleeps)")
    }
    assert all(one.joules and one.joules * one.calls == pytest.approx(5) for one in told if isinstance(one, Energy))
    assert len(list((tmp_path / "traces").glob("*.json"))) == 3
    assert (tmp_path / "run" / "cells.jsonl").read_bytes() == before


def test_a_diagnosis_that_fails_says_why_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "find", lambda gpu: "There is no meter.")
    wanted = plan(
        [case("linear", "small")], ["default"], target=Target("bare", "numpy", NUMPY.python, "tests.fakes.honest")
    )
    run(wanted, tmp_path / "run")
    with records.open_existing(tmp_path / "run") as writer:
        explaining.explain(wanted, writer, Silent())
    told = records.read_run(tmp_path / "run").diagnoses
    of_bare = {msgspec.to_builtins(one)["what"]: one for one in told if one.target == "bare"}
    assert "tests.fakes.honest.diagnostics" in of_bare["profile"].reason
    assert of_bare["energy"].reason == "There is no meter."
    assert not isinstance(of_bare["profile"], Compiling)
    assert any(isinstance(one, Profile) and one.target == "numpy" and not one.reason for one in told)
