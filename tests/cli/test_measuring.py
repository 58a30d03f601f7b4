from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

import triptych
from suite import coordinator, targets, turns
from suite import plan as planning
from suite.calibration import Calibration
from suite.cases import line
from suite.plan import command, make_plan
from suite.records import Check, Launch, Sample
from suite.sweeping import make_sweep
from tests.cli.runs import AB, QUICKLY, ending_with, executing, pytest_benchmark_files, two_runs


def only_folder() -> Path:
    (folder,) = Path("results").iterdir()
    return folder


def test_run_says_what_it_will_do_then_what_came_of_it_then_where_the_reports_are(measuring, triptych_command):
    done = triptych_command("run", "linear[tiny]", *QUICKLY)
    assert done.code == 0
    folder = only_folder()
    assert "quick: 1 case × 3 columns = 3 cells, 3 to 12 launches of up to 20 rounds" in done.err
    assert "linear[tiny]" in done.err
    assert "[1/1] linear[tiny] forward float32 cpu 1 thread" in done.err
    assert done.out.splitlines()[-2:] == [str(folder / "report.md"), str(folder / "report.html")]


def test_run_names_what_is_not_installed_and_goes_on(measuring, triptych_command, monkeypatch):
    reason = "jax is not installed (pip install jax)"
    monkeypatch.setattr(targets, "missing", lambda target: reason if target.name == "jax" else None)
    done = triptych_command("run", "linear[tiny]", *QUICKLY)
    assert (done.code, len(measuring)) == (0, 1)
    assert f"unavailable: {reason}" in done.err


def test_every_option_of_run_reaches_the_plan(measuring, triptych_command):
    words = (
        "run attention[seq=9] mlp[tiny] --profile smoke --framework jax,numpy --framework pytorch --task gradient"
        " --mode eager,jit --precision float64 --precision float32 --variant written_out --device cpu --threads 1"
        " --seed 5 --launches 3 --rounds 4 --budget 2m --precision-goal 3% --margin 0.07 --warm-caches --output there"
    )
    assert triptych_command(*words.split()).code == 0
    assert measuring == [
        make_plan(
            ["attention[seq=9]", "mlp[tiny]"],
            profile="smoke",
            frameworks=["jax", "numpy", "pytorch"],
            tasks=["gradient"],
            modes=["eager", "jit"],
            precisions=["float64", "float32"],
            variants=["written_out"],
            threads=1,
            seed=5,
            launches=3,
            rounds=4,
            budget_s=120.0,
            precision_goal=0.03,
            margin=0.07,
            warm_caches=True,
        )
    ]
    assert Path("there/report.html").exists()


@pytest.mark.parametrize("name", list(planning.load_profiles()))
def test_the_recorded_command_makes_the_same_plan_again(measuring, triptych_command, name):
    plan = make_plan(
        ["linear[batch=5]", "mlp"], profile=name, margin=0.125, budget_s=90.5, modes=["jit", "eager"], seed=2
    )
    assert triptych_command(*shlex.split(command(plan))[1:]).code == 0
    assert measuring == [plan]


def test_run_with_json_prints_nothing_else_on_stdout(measuring, triptych_command):
    done = triptych_command("run", "linear[tiny]", *QUICKLY, "--json")
    assert done.code == 0
    assert json.loads(done.out)["ended"] == "goal"


def test_every_option_of_sweep_reaches_the_plan(measuring, triptych_command):
    words = (
        "sweep attention lstm[medium] --over seq=16..64 --of first_call --profile smoke --framework jax,numpy"
        " --task gradient --mode eager --precision float64 --variant unrolled --device cpu --threads 1 --seed 5"
        " --launches 3 --rounds 4 --budget 2m --precision-goal 3% --margin 0.07 --warm-caches --output there"
    )
    assert triptych_command(*words.split()).code == 0
    wanted = make_sweep(
        ["attention", "lstm[medium]"],
        "seq=16..64",
        of="first_call",
        thread_counts=[1],
        profile="smoke",
        frameworks=["jax", "numpy"],
        tasks=["gradient"],
        modes=["eager"],
        precisions=["float64"],
        variants=["unrolled"],
        seed=5,
        launches=3,
        rounds=4,
        budget_s=120.0,
        precision_goal=0.03,
        margin=0.07,
        warm_caches=True,
    )
    assert measuring == [wanted]
    assert Path("there/report.html").exists()


def test_sweep_shows_how_each_series_grows(measuring, triptych_command, monkeypatch):
    execute_squared(monkeypatch)
    done = triptych_command("sweep", "lstm", "--over", "seq=4..32", "--framework", "numpy,jax", "--mode", "eager")
    assert done.code == 0
    assert "How the time a call grows with seq" in done.out
    assert "numpy eager" in done.words
    assert "2.00" in done.words


def test_report_knows_a_stored_sweep_again(measuring, triptych_command, monkeypatch):
    execute_squared(monkeypatch)
    assert triptych_command("sweep", "lstm", "--over", "seq=4..32", "--framework", "jax", "--output", "kept").code == 0
    assert "How the time a call grows with seq" in triptych_command("report", "kept").out
    scaled = json.loads(triptych_command("report", "kept", "--json").out)["scaling"]
    assert (scaled["parameter"], scaled["of"]) == ("seq", "time")
    assert [one["sizes"] for one in scaled["series"]] == [[4, 8, 16, 32]] * 2


def execute_squared(monkeypatch) -> None:
    """Every call takes a microsecond for each step, squared."""

    def execute(plan, writer, progress) -> str:
        for case in plan.cases:
            ns = 1000.0 * case.parameters.seq**2
            samples = [Sample(round=number, ns=ns) for number in range(3)]
            launch = Launch(0, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [ns], None)
            checks = [Check("value", 1e-7, 1e-5, True)]
            writer.append([line(case, column, status="ok", launch=launch, checks=checks) for column in plan.columns])
        return "goal"

    monkeypatch.setattr(coordinator, "execute", execute)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sweep --over seq=4..32", "nothing is swept"),
        ("sweep lstm", "'' is no sweep"),
        ("sweep lstm --over kernel=4..32", "there is no parameter of lstm 'kernel'"),
        ("sweep lstm --over seq=4..32 --threads one", "threads=one is no whole number"),
    ],
)
def test_a_sweep_of_nothing_is_refused_before_anything_is_measured(measuring, triptych_command, words, said):
    done = triptych_command(*words.split())
    assert (done.code, measuring) == (2, [])
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_ab_holds_the_new_against_the_old_until_that_is_settled(measuring, triptych_command):
    words = "ab old=python new=python linear[tiny] --framework jax --threads 1 --precision-goal 3% --budget 2m"
    assert triptych_command(*words.split()).code == 0
    [plan] = measuring
    assert (plan.baseline, plan.profile.precision_goal, plan.profile.budget_s) == ("old", 0.03, 120.0)
    assert plan.profile.most_launches > plan.profile.launches


@pytest.mark.parametrize("status", ["incorrect", "failed", "crashed"])
def test_run_ends_with_1_where_a_cell_is_wrong_or_broke(measuring, triptych_command, monkeypatch, status):
    ending_with(monkeypatch, "goal", status)
    assert triptych_command("run", "linear[tiny]", *QUICKLY).code == 1


@pytest.mark.parametrize("status", ["unsupported", "unavailable", "skipped"])
def test_run_ends_with_0_where_a_cell_could_not_be_measured(measuring, triptych_command, monkeypatch, status):
    ending_with(monkeypatch, "budget", status)
    assert triptych_command("run", "linear[tiny]", *QUICKLY).code == 0


@pytest.mark.parametrize("ended", ["interrupted", KeyboardInterrupt])
def test_an_interrupted_run_says_how_to_go_on(measuring, triptych_command, monkeypatch, ended):
    ending_with(monkeypatch, ended)
    done = triptych_command("run", "linear[tiny]", *QUICKLY, "--output", "a folder")
    assert done.code == 130
    assert done.err.splitlines()[-1] == "interrupted; go on with: triptych run --resume 'a folder'"


def test_resume_goes_on_with_the_run_in_its_folder(measuring, triptych_command):
    triptych_command("run", "linear[tiny]", *QUICKLY, "--output", "there")
    done = triptych_command("run", "--resume", "there")
    assert done.code == 0
    assert measuring[1] == measuring[0]
    assert triptych_command("run", "--resume", "there", "--json").code == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["linear"], "a selector"),
        (["--seed", "0"], "--seed"),
        (["--output", "x"], "--output"),
        (["--precision-goal", "2%", "--warm-caches"], "--precision-goal or --warm-caches"),
    ],
)
def test_resume_takes_no_other_choices(measuring, triptych_command, words, named):
    done = triptych_command("run", "--resume", "there", *words)
    assert (done.code, measuring) == (2, [])
    assert done.err == f"error: --resume goes on with a run as it was begun and takes no {named}; leave it out\n"


def test_ab_measures_both_interpreters_in_one_run_and_compares_them(triptych_command, measuring):
    done = triptych_command("ab", "old=python", f"new={sys.executable}", "linear[tiny]", *QUICKLY)
    assert done.code == 0
    assert {target.name for target in measuring[0].targets} == {"old-numpy", "old-jax", "new-numpy", "new-jax"}
    assert "case cell old new new / old verdict" in done.words
    assert "linear[tiny] forward numpy eager" in done.words
    assert "new against old: 0 faster, 0 slower, 0 equivalent, 0 undecided" in done.words  # nothing was checked
    assert "report.html" in done.words


def test_ab_as_json(triptych_command, measuring):
    done = triptych_command("ab", "old=python", "new=python", "linear[tiny]", "--framework", "numpy", "--json")
    assert {row["framework"] for row in json.loads(done.out)["cells"]} == {"numpy"}
    assert measuring[0].cases[0].problem == "tiny"


@pytest.mark.parametrize(("ns", "code"), [(1500.0, 1), (1010.0, 0), (500.0, 0)])
def test_ab_ends_with_1_where_a_cell_is_slower_than_the_gate_allows(triptych_command, measuring, monkeypatch, ns, code):
    monkeypatch.setattr(coordinator, "execute", executing({"old": 1000.0, "current": ns}))
    done = triptych_command(*AB, "--fail-above", "20%")
    assert done.code == code
    assert ("numpy eager: slower by more than 20 %" in done.err) is bool(code)
    assert done.err.splitlines()[-1] == ("The gate fails: 3 cells." if code else "The gate holds.")


def test_the_default_of_a_gate_is_the_margin_of_the_run_that_it_judges(triptych_command, measuring):
    triptych_command(*AB, "--fail-above", "20%")
    triptych_command(*AB, "--fail-above", "20%", "--margin", "2%")
    assert [plan.profile.margin for plan in measuring] == [0.2, 0.02]


def test_what_failed_on_both_sides_is_no_matter_for_a_gate(triptych_command, measuring, monkeypatch):
    times = {"old": 1000.0, "current": 1000.0}
    monkeypatch.setattr(coordinator, "execute", executing(times, ("old-jax jit", "current-jax jit")))
    assert triptych_command(*AB).code == 1
    assert triptych_command(*AB, "--fail-above", "5%").code == 0
    monkeypatch.setattr(coordinator, "execute", executing(times, ("current-jax jit",)))
    done = triptych_command(*AB, "--fail-above", "5%")
    assert (done.code, done.err.splitlines()[-2]) == (
        1,
        "linear[tiny] forward float32 cpu 1 thread jax jit: failed, and was ok",
    )


def test_a_gate_that_cannot_fail_is_refused_before_anything_is_measured(triptych_command, measuring):
    done = triptych_command(*AB, "--fail-above", "5%", "--launches", "1")
    assert (done.code, measuring) == (2, [])
    assert done.err.startswith("error: nothing can be gated: one launch proves nothing slower")
    Path("gate.toml").write_text("default = 5")
    assert triptych_command(*AB, "--gate", "gate.toml").code == 2
    assert measuring == []


def test_ab_without_times_on_both_sides_shows_its_table_and_then_that_nothing_was_gated(triptych_command, measuring):
    done = triptych_command(*AB, "--fail-above", "5%")  # nothing was checked, so nothing is ranked
    assert done.code == 2
    assert "current against old" in done.words
    assert "no cell has a time in two launches or more" in done.err


def test_what_was_interrupted_is_not_gated(triptych_command, measuring, monkeypatch):
    ending_with(monkeypatch, "interrupted")
    done = triptych_command(*AB, "--fail-above", "5%", "--json")
    assert (done.code, json.loads(done.out)["gate"]) == (130, None)


def test_ab_as_markdown_prints_nothing_else(triptych_command, measuring, monkeypatch):
    monkeypatch.setattr(coordinator, "execute", executing({"old": 1000.0, "current": 1500.0}))
    done = triptych_command(*AB, "--markdown", "--fail-above", "20%")
    assert done.code == 1
    assert done.out.startswith("### current against old\n")
    assert "| slower | fails: slower by more than 20 % |" in done.out
    assert "report.html" not in done.out


def test_ab_with_one_name_for_both_is_refused(triptych_command, measuring):
    done = triptych_command("ab", "old=python", "old=python", "linear[tiny]")
    assert (done.code, done.err) == (2, "error: target old is named twice\n")
    assert not measuring


def test_pytest_runs_both_sides_in_turns_and_gives_verdicts(triptych_command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_it.py").write_text("def test_a(benchmark):\n    assert benchmark(sum, [1, 2]) == 3\n")
    words = ["old=python", "new=python", "--launches", "1", "--", "test_it.py", "--benchmark-max-time=0.01"]
    done = triptych_command("pytest", *words)
    assert done.code == 0, done.err
    assert "file benchmark old new new / old verdict" in done.words
    assert "undecided: one launch gives no interval" in done.words
    [folder] = Path("results").iterdir()
    assert str(folder) in done.out
    [found] = json.loads((folder / "new" / "000.json").read_text())["benchmarks"]
    assert found["extra_info"] == {"triptych": {"synchronized": True}}
    assert [line for line in done.err.splitlines() if line] == ["[1/2] launch 1 of 1: old", "[2/2] launch 1 of 1: new"]


def turns_taken(monkeypatch, tmp_path) -> None:
    """What two sides would have measured, without anything being run."""
    folders = tmp_path / "old", tmp_path / "new"
    pytest_benchmark_files(folders[0], 1e-3, 2e-3, 3e-3)
    pytest_benchmark_files(folders[1], 1.2e-3, 2.41e-3, 3.59e-3)
    monkeypatch.setattr(turns, "take", lambda *given, **choices: folders)


def test_pytest_fails_where_a_benchmark_is_slower_than_allowed(triptych_command, monkeypatch, tmp_path):
    turns_taken(monkeypatch, tmp_path)
    words = ["pytest", "old=python", "new=python"]
    assert triptych_command(*words).code == 0
    failing = triptych_command(*words, "--fail-above", "5%")
    assert (failing.code, failing.err) == (1, "test_it.py test_a: slower by more than 5 %\nThe gate fails: 1 cell.\n")
    assert triptych_command(*words, "--fail-above", "30%").code == 0
    assert json.loads(triptych_command(*words, "--margin", "30%", "--json").out)["cells"][0]["verdict"] == "equivalent"


def test_pytest_runs_the_old_side_in_the_folder_of_the_older_code(triptych_command, monkeypatch, tmp_path):
    turns_taken(monkeypatch, tmp_path)
    given: list[tuple[Any, Any]] = []
    measured: Any = turns.take

    def take(*what: Any, **how: Any) -> Any:
        given.append((what, how))
        return measured()

    monkeypatch.setattr(turns, "take", take)
    triptych_command(
        "pytest", "a=python", "b=python", "--old-folder", "base", "--timeout", "2m", "--", "tests", "-k", "x"
    )
    [((sides, words), how)] = given
    assert [(side.name, side.python, side.folder) for side in sides] == [
        ("a", sys.executable, Path("base")),
        ("b", sys.executable, Path()),
    ]
    assert (words, how["timeout_s"], how["launches"]) == (["tests", "-k", "x"], 120.0, 6)


def test_pytest_refuses_a_gate_that_could_never_fail(triptych_command, monkeypatch, tmp_path):
    turns_taken(monkeypatch, tmp_path)
    done = triptych_command("pytest", "old=python", "new=python", "--launches", "1", "--fail-above", "5%")
    assert (done.code, done.err) == (
        2,
        "error: nothing can be gated: one process gives no interval; ask for --launches 3 or more\n",
    )


def test_an_interrupted_pytest_ends_with_130(triptych_command, monkeypatch):
    def interrupt(*given, **choices) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(turns, "take", interrupt)
    done = triptych_command("pytest", "old=python", "new=python")
    assert (done.code, done.err) == (130, "interrupted\n")


def test_calibrate_says_what_the_machine_can_tell(triptych_command, measuring, monkeypatch, tmp_path):
    noise = Calibration(0.01, 9, 54, {}, "2026-01-02T03:04:05Z")
    folder = two_runs(triptych_command, monkeypatch, tmp_path)[0]
    monkeypatch.setattr(triptych, "calibrate", lambda **choices: (triptych.load(folder), noise))
    done = triptych_command("calibrate")
    assert done.code == 0
    assert (
        "This machine tells differences of 3.1 % in 3 launches, 1.7 % in 5 launches, 1 % in 10 launches" in done.words
    )
    assert json.loads(triptych_command("calibrate", "--json").out)["pairs"] == 9
