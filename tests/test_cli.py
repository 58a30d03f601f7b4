from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cli
import cli.output
import triptych
from reports import catalogue, preflight
from reports import progress as progress_report
from reports import write as writing
from suite import checking, coordinator, doctor, targets, turns
from suite import plan as planning
from suite.calibration import Calibration
from suite.cases import line
from suite.doctor import Finding
from suite.plan import Plan, command, make_plan
from suite.records import Check, Launch, Line, Sample
from suite.workloads import WORKLOADS

QUICKLY = ("--framework", "numpy", "--framework", "jax", "--task", "forward", "--threads", "1")


class Outcome:
    """What a command left: exit code, stdout and stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def words(self) -> str:
        return " ".join(self.out.split())


@pytest.fixture
def triptych_command(monkeypatch, capfd):
    """Runs `main` as the shell would, with these words."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "dumb")

    def call(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["triptych", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


def execute_one_launch(plan, writer, progress) -> str:
    samples = [Sample(round=number, ns=1000.0) for number in range(3)]
    launch = Launch(0, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [1000.0], None)
    progress.start(len(plan.cases))
    for case in plan.cases:
        progress.step(case.text)
        writer.append([line(case, column, status="ok", launch=launch) for column in plan.columns])
    return "goal"


@pytest.fixture
def measuring(monkeypatch, tmp_path) -> list[Plan]:
    """No worker is started; results go to a folder of the test's own. Holds the plans that were carried out."""
    plans: list[Plan] = []

    def execute(plan, writer, progress) -> str:
        plans.append(plan)
        return execute_one_launch(plan, writer, progress)

    monkeypatch.setattr(coordinator, "execute", execute)
    monkeypatch.setattr(writing, "write", write_quickly)
    monkeypatch.setattr(targets, "missing", lambda target: None)
    monkeypatch.chdir(tmp_path)
    return plans


def write_quickly(run, folder) -> list[Path]:
    """Stands for `reports.write.write`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "report.md", folder / "report.html"]
    for path in paths:
        path.write_text("")
    return paths


def ending_with(monkeypatch, ended: str | type[BaseException], status: str = "ok") -> None:
    def execute(plan, writer, progress) -> str:
        writer.append([line(case, column, status=status) for case in plan.cases for column in plan.columns])
        if isinstance(ended, str):
            return ended
        raise ended

    monkeypatch.setattr(coordinator, "execute", execute)


def only_folder() -> Path:
    (folder,) = Path("results").iterdir()
    return folder


# Help


def test_help_lists_every_command(triptych_command):
    out = triptych_command("--help").out
    for name in ("run", "ab", "check", "list", "show", "report", "compare", "history", "pytest", "export", "calibrate"):
        assert name in out
    for name in ("doctor", "conventions", "--debug", "--version"):
        assert name in out


def test_help_shows_selectors_with_their_brackets(triptych_command):
    assert "'conv2d[medium]'" in triptych_command("run", "--help").out
    assert "'conv2d[tiny]'" in triptych_command("show", "--help").out


def test_help_imports_nothing_heavy():
    code = """
import sys
import cli
sys.argv = ["triptych", "--help"]
try:
    cli.main()
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: triptych" in done.stdout
    loaded = done.stdout.split()
    assert {"numpy", "pandas", "scipy", "msgspec", "psutil", "torch", "tensorflow", "jax"}.isdisjoint(loaded)


def test_the_version_is_that_of_the_package(triptych_command):
    assert triptych_command("--version").out == f"triptych {triptych.__version__}\n"


# run


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


# Errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run conv2s", "there is no workload 'conv2s'; did you mean 'conv2d'?"),
        ("check --framework jacks", "there is no framework 'jacks'; did you mean 'jax'?"),
        ("run --budget soon", "'soon' is no duration; write for example 90s, 10m or 1.5h"),
        ("run --margin 5", "'5' is no share; write for example 5% or 0.05"),
        ("show conv4d", "there is no workload 'conv4d'; did you mean 'conv3d'?"),
        ("run --resume nowhere", "nowhere holds no run to resume"),
        ("report nowhere", "nowhere/run.json cannot be read: No such file or directory"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_ends_with_2(measuring, triptych_command, words, said):
    done = triptych_command(*words.split())
    assert (done.code, done.out, done.err) == (2, "", f"error: {said}\n")


@pytest.mark.parametrize("words", [["--debug", "run", "conv2s"], ["run", "conv2s", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(triptych_command, words):
    done = triptych_command(*words)
    assert done.code == 2
    assert done.err.startswith("Traceback (most recent call last):")
    assert done.err.endswith("error: there is no workload 'conv2s'; did you mean 'conv2d'?\n")


@pytest.mark.parametrize(
    "words", [["run", "--threads", "many"], ["run", "--no-such-option"], ["fly"], ["list", "x"], ["show"]]
)
def test_wrong_usage_ends_with_2(triptych_command, words):
    done = triptych_command(*words)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_a_fault_of_the_program_keeps_its_traceback(measuring, triptych_command, monkeypatch):
    ending_with(monkeypatch, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        triptych_command("run", "linear[tiny]", *QUICKLY)


# check


def checked(monkeypatch, *lines: Line) -> None:
    monkeypatch.setattr(checking, "check", lambda plan, progress: list(lines))
    monkeypatch.setattr(targets, "missing", lambda target: None)


def outcome(status: str = "ok", reason: str = "", checks: list[Check] | None = None, mode: str = "jit") -> Line:
    plan = make_plan(["linear[tiny]"], frameworks=["jax"], modes=[mode], threads=1)
    return line(plan.cases[0], plan.columns[0], status=status, reason=reason, checks=checks or [])


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


def executing(ns: dict[str, float], broken: tuple[str, ...] = ()):
    """Three launches, or as many as the plan asks for at most, in which each target takes its own time a call."""

    def execute(plan, writer, progress) -> str:
        checks = [Check("value", 1e-7, 1e-5, True)]
        for number in range(min(3, plan.profile.launches)):
            for case in plan.cases:
                lines = []
                for column in plan.columns:
                    if column.name in broken:
                        lines.append(line(case, column, status="failed", reason="it did"))
                        continue
                    one = ns[column.target.partition("-")[0]] * (1 + number / 1000 * len(column.target))
                    samples = [Sample(round=r, ns=one, anchor_ns=1e6) for r in range(3)]
                    launch = Launch(number, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [one], None)
                    lines.append(line(case, column, status="ok", launch=launch, checks=checks))
                writer.append(lines)
        return "done"

    return execute


AB = ("ab", "old=python", "current=python", "linear[tiny]", *QUICKLY)


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


def test_check_shows_each_cell_with_how_near_its_checks_came(triptych_command, monkeypatch):
    near = [Check("value", 1e-7, 1e-5, True), Check("gradient", 4e-6, 1e-5, True)]
    checked(monkeypatch, outcome(checks=near))
    done = triptych_command("check", "linear[tiny]")
    assert done.code == 0
    assert "linear[tiny] forward jax jit ok 2 passed; nearest: gradient 4.0e-06 ≤ 1.0e-05" in done.words
    assert "1 ok; all cases: float32, cpu, 1 thread" in done.words
    assert done.words.endswith("unit round-off: float32 6.0e-08 case jax linear[tiny] 1.0e-07 forward")


def test_check_shows_what_failed_and_ends_with_1(triptych_command, monkeypatch):
    bad = [Check("value", 1e-7, 1e-5, True), Check("gradient", 0.5, 1e-5, False, "weight[3, 1]")]
    nan = [Check("value", None, 1e-5, False)]
    checked(monkeypatch, outcome("incorrect", "wrong", bad), outcome("incorrect", "wrong", nan, "eager"))
    done = triptych_command("check")
    assert done.code == 1
    assert "gradient 5.0e-01 > 1.0e-05 (weight[3, 1])" in done.words
    assert "value not finite > 1.0e-05" in done.words


def test_check_shows_the_reason_of_a_cell_without_checks(triptych_command, monkeypatch):
    checked(monkeypatch, outcome("unsupported", "no kernel for [this]"))
    done = triptych_command("check")
    assert done.code == 0
    assert "unsupported no kernel for [this]" in done.words


def test_check_prints_json(triptych_command, monkeypatch):
    checked(monkeypatch, outcome("crashed", "signal 11"))
    done = triptych_command("check", "--json")
    assert done.code == 1
    assert [(one["status"], one["reason"]) for one in json.loads(done.out)] == [("crashed", "signal 11")]


# conventions


def test_conventions_of_a_framework_without_any_are_refused_in_one_sentence(triptych_command):
    ended = triptych_command("conventions", "--framework", "numpy")
    assert ended.code == 2
    assert "framework with conventions" in ended.err


def test_conventions_without_a_framework_say_what_to_do(triptych_command, monkeypatch):
    for framework in ("pytorch", "tensorflow", "jax"):
        monkeypatch.setitem(targets.MODULES, framework, "no_such_module")
    ended = triptych_command("conventions")
    assert ended.code == 2
    assert "none of these frameworks is installed" in ended.err


# list and show


def test_list_workloads_groups_them_by_family_with_problems_and_tasks(triptych_command):
    out = triptych_command("list", "workloads").out
    for workload in WORKLOADS.values():
        assert re.search(rf"^{workload.family}$", out, re.MULTILINE)
        assert re.search(rf"^  {workload.name} +{re.escape(workload.summary)}", out, re.MULTILINE)
    assert "problems: tiny, small, medium, large, bert_base.ffn, gpt2.qkv, resnet50.fc" in out
    assert "tasks: forward, gradient, train_step" in out


def test_list_workloads_as_json_has_every_problem_with_its_parameters(triptych_command):
    rows = {row["workload"]: row for row in json.loads(triptych_command("list", "workloads", "--json").out)}
    assert set(rows) == set(WORKLOADS)
    for name, row in rows.items():
        assert row["problems"] == {problem: dict(values) for problem, values in WORKLOADS[name].problems.items()}


def test_list_frameworks_shows_versions_modes_and_what_is_missing(triptych_command, monkeypatch):
    monkeypatch.setitem(targets.MODULES, "pytorch", "no_such_module")
    out = triptych_command("list", "frameworks").out
    assert re.search(rf"^numpy +{re.escape(targets.installed_version('numpy') or '')} +eager", out, re.MULTILINE)
    assert re.search(r"^pytorch +unavailable: pytorch is not installed \(pip install torch\)", out, re.MULTILINE)
    rows = {row["framework"]: row for row in json.loads(triptych_command("list", "frameworks", "--json").out)}
    assert rows["pytorch"]["unavailable"] == "pytorch is not installed (pip install torch)"
    assert (rows["tensorflow"]["modes"], rows["numpy"]["unavailable"]) == (["eager", "graph", "xla"], None)


def test_list_profiles_says_what_each_runs_and_for_how_long(triptych_command):
    out = triptych_command("list", "profiles").out
    for name, profile in planning.load_profiles().items():
        assert re.search(rf"^  {name} +{re.escape(profile.summary)}", out, re.MULTILINE)
    rows = json.loads(triptych_command("list", "profiles", "--json").out)
    assert [row["name"] for row in rows] == list(planning.load_profiles())


def test_show_prints_the_definition_and_every_implementation(triptych_command):
    out = triptych_command("show", "conv2d[tiny]").out
    assert "y[n,o,p,q] = bias[o] + Σ_{c,r,s} x[n, g·C/G + c" in out
    assert re.search(r"^weight +parameter +O I H W +6 × 4 × 3 × 3", out, re.MULTILINE)
    assert "tensors of conv2d[tiny]" in out
    for framework in targets.FRAMEWORKS:
        assert f"impls/{framework}/convolution.py:" in out
    assert "F.conv2d(x, weight, bias, stride, padding, dilation, groups)" in out
    assert "pytorch (channels_last)" in out


@pytest.mark.parametrize(("columns", "beside"), [("80", 1), ("160", 2), ("320", 4)])
def test_show_puts_as_many_panels_side_by_side_as_fit(triptych_command, monkeypatch, columns, beside):
    monkeypatch.setenv("COLUMNS", columns)
    out = triptych_command("show", "linear").out
    (first,) = [text for text in out.splitlines() if "─ numpy ─" in text]
    assert first.count("╭") == beside


def test_show_as_json_has_the_cost_and_the_texts(triptych_command):
    (found,) = json.loads(triptych_command("show", "linear[tiny]", "--json").out)
    tiny = next(row for row in found["problems"] if row["problem"] == "tiny")
    assert tiny["forward_flops"] == 2 * 3 * 5 * 4
    assert tiny["forward_bytes"] == 4 * (3 * 5 + 4 * 5 + 4 + 3 * 4)
    assert [row["framework"] for row in found["implementations"]] == list(targets.FRAMEWORKS)
    assert all("def linear(" in row["text"] for row in found["implementations"])
    assert {"tensor": "y", "role": "output", "axes": "B O", "shape": [3, 4], "drawn": ""} in found["tensors"]


def test_show_says_where_a_framework_lacks_the_workload(triptych_command, monkeypatch):
    monkeypatch.setattr(catalogue, "implementation", lambda package, workload, variant="default": None)
    assert triptych_command("show", "linear").out.count("not implemented") == 4


# report


def test_report_writes_the_reports_again_and_prints_the_summary(measuring, triptych_command):
    triptych_command("run", "linear[tiny]", *QUICKLY, "--output", "there")
    os.unlink("there/report.html")
    done = triptych_command("report", "there")
    assert done.code == 0
    assert Path("there/report.html").exists()
    assert "there/report.html" in done.out
    assert json.loads(triptych_command("report", "there", "--json").out)["ended"] == "goal"


# compare and calibrate


def two_runs(triptych_command, monkeypatch, tmp_path) -> tuple[str, str]:
    """Two stored runs of three launches each, the second of which takes 1.5 times as long."""

    def execute_at(ns: float):
        def execute(plan, writer, progress) -> str:
            for number in range(3):
                samples = [Sample(round=r, ns=ns * (1 + number / 1000), anchor_ns=1e6) for r in range(3)]
                launch = Launch(number, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [ns], None)
                checks = [Check("value", 1e-7, 1e-5, True)]
                for case in plan.cases:
                    writer.append([line(case, c, status="ok", launch=launch, checks=checks) for c in plan.columns])
            return "goal"

        return execute

    folders = str(tmp_path / "old"), str(tmp_path / "new")
    for folder, ns in zip(folders, (1000.0, 1500.0), strict=True):
        monkeypatch.setattr(coordinator, "execute", execute_at(ns))
        triptych_command("run", "linear[tiny]", *QUICKLY, "--output", folder)
    return folders


def test_compare_shows_what_changed_and_fails_only_where_asked_to(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("compare", old, new)
    assert done.code == 0
    assert "3 cells in both runs: 0 faster, 3 slower, 0 equivalent, 0 undecided; relative to the anchor." in done.words
    failing = triptych_command("compare", old, new, "--fail-above", "20%")
    assert failing.code == 1
    assert "linear[tiny] forward float32 cpu 1 thread numpy eager: slower by more than 20 %\n" in failing.err
    assert failing.err.endswith("The gate fails: 3 cells.\n")
    assert triptych_command("compare", old, new, "--fail-above", "60%").code == 0
    assert triptych_command("compare", new, old, "--fail-above", "5%").code == 0


def test_compare_as_json(triptych_command, measuring, monkeypatch, tmp_path):
    done = triptych_command("compare", *two_runs(triptych_command, monkeypatch, tmp_path), "--json")
    assert [cell["verdict"] for cell in json.loads(done.out)["cells"]] == ["slower"] * 3


def test_history_shows_the_runs_of_a_folder_and_draws_them(triptych_command, measuring, monkeypatch, tmp_path):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path))
    assert done.code == 0
    assert "2 runs, 3 cells: 0 with a change, 0 without and 3 with fewer than 6 runs" in done.words
    assert done.out.endswith("history.svg\n")
    assert (tmp_path / "history.svg").read_text().startswith("<svg")
    assert "too few runs" in triptych_command("history", str(tmp_path), "--all").words
    assert triptych_command("history", str(tmp_path), "--output", "there/figure.svg").out.endswith("there/figure.svg\n")
    assert Path("there/figure.svg").exists()


def test_history_as_json_prints_nothing_else(triptych_command, measuring, monkeypatch, tmp_path):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path), "--json")
    assert [len(series["points"]) for series in json.loads(done.out)["series"]] == [2, 2, 2]
    assert not (tmp_path / "history.svg").exists()
    drawn = triptych_command("history", str(tmp_path), "--json", "--output", "figure.svg")
    assert json.loads(drawn.out) == json.loads(done.out)
    assert Path("figure.svg").exists()


def test_one_run_is_no_history_and_none_is_an_error(triptych_command, measuring):
    done = triptych_command("history")
    assert done.code == 2
    assert done.err.startswith("error: results holds no run that can be read; name the folder")
    triptych_command("run", "linear[tiny]", *QUICKLY)
    done = triptych_command("history")
    assert done.code == 0
    assert done.out.startswith("One run is no history")
    assert not Path("results/history.svg").exists()


def test_a_figure_that_cannot_be_written_is_an_error_of_one_sentence(
    triptych_command, measuring, monkeypatch, tmp_path
):
    two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("history", str(tmp_path), "--output", str(tmp_path / "old"))
    assert done.code == 2
    assert "old cannot be written" in done.err


GATE = """
default = "20%"
[thresholds]
"* numpy eager" = "60%"
[[expected]]
case = "linear[tiny] forward float32 cpu 1 thread"
cell = "jax eager"
outcome = "slower"
at_most = "60%"
reason = "it dispatches more"
"""


def test_a_gate_of_a_file_knows_thresholds_by_case_and_outcomes(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    Path("gate.toml").write_text(GATE)
    done = triptych_command("compare", old, new, "--gate", "gate.toml")
    assert (done.code, done.err.splitlines()[-2:]) == (
        1,
        [
            "linear[tiny] forward float32 cpu 1 thread jax jit: slower by more than 20 %",
            "The gate fails: 1 cell; 1 outcome as expected.",
        ],
    )
    done = triptych_command("compare", old, new, "--gate", "gate.toml", "--fail-above", "45%")
    assert done.err.splitlines()[0].endswith("jax jit: slower by more than 45 %")
    done = triptych_command("compare", new, old, "--gate", "gate.toml")
    assert done.code == 1
    assert "stale: linear[tiny] forward float32 cpu 1 thread jax eager is faster, and no longer slower" in done.err
    gate = json.loads(triptych_command("compare", old, new, "--gate", "gate.toml", "--json").out)["gate"]
    assert (gate["passed"], gate["expected"][0]["reason"]) == (False, "it dispatches more")


def test_compare_as_markdown(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    done = triptych_command("compare", old, new, "--markdown")
    assert done.code == 0
    assert "| case | cell | new / old | verdict |" in done.out
    assert "triptych run" in done.out


@pytest.mark.parametrize("words", [AB, ("compare", "old", "new")])
def test_markdown_and_json_at_once_are_refused(triptych_command, measuring, words):
    done = triptych_command(*words, "--json", "--markdown")
    assert (done.code, measuring) == (2, [])
    assert done.err == "error: --markdown and --json cannot both be printed; leave one out\n"


def test_runs_of_different_machines_are_not_gated(triptych_command, measuring, monkeypatch, tmp_path):
    old, new = two_runs(triptych_command, monkeypatch, tmp_path)
    record = Path(new) / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"environment": {"cpu": {"model": "Other"}}}))
    assert "model is not the same" in triptych_command("compare", old, new).words
    done = triptych_command("compare", old, new, "--fail-above", "5%")
    assert done.code == 2
    assert done.err.startswith("error: nothing can be gated: model")


def pytest_benchmark_files(folder: Path, *seconds: float) -> str:
    """A folder with what some processes of pytest-benchmark left, one for each of these times."""
    folder.mkdir()
    for number, time in enumerate(seconds):
        stats = {"median": time}
        (folder / f"{number}.json").write_text(
            json.dumps({"benchmarks": [{"fullname": "test_it.py::test_a", "stats": stats}]})
        )
    return str(folder)


def test_compare_takes_files_of_pytest_benchmark(triptych_command, tmp_path):
    old = pytest_benchmark_files(tmp_path / "old", 1e-3, 1.001e-3, 0.999e-3)
    new = pytest_benchmark_files(tmp_path / "new", 1.5e-3, 1.5e-3, 1.501e-3)
    done = triptych_command("compare", old, new)
    assert done.code == 0
    assert "test_it.py test_a 1.00 ms 1.50 ms 1.50× (1.50–1.50) slower" in done.words
    assert json.loads(triptych_command("compare", old, new, "--json").out)["cells"][0]["verdict"] == "slower"
    failing = triptych_command("compare", old, new, "--fail-above", "20%")
    assert (failing.code, failing.err) == (1, "test_it.py test_a: slower by more than 20 %\nThe gate fails: 1 cell.\n")
    assert triptych_command("compare", old, new, "--fail-above", "60%").code == 0
    single = triptych_command("compare", f"{old}/0.json", f"{new}/0.json", "--fail-above", "5%")
    assert single.code == 2
    assert "error: nothing can be gated: no cell has a time in two launches or more on both sides" in single.err


# export


def test_export_writes_a_file_that_compare_reads(triptych_command, measuring, monkeypatch, tmp_path):
    folders = two_runs(triptych_command, monkeypatch, tmp_path)
    for folder in folders:
        done = triptych_command("export", folder, "--output", f"{folder}.json")
        assert (done.code, done.out) == (0, "")
    done = triptych_command("compare", *(f"{folder}.json" for folder in folders))
    assert "3 benchmarks in both: 0 faster, 3 slower, 0 equivalent, 0 undecided." in done.words
    mixed = triptych_command("compare", folders[0], f"{folders[1]}.json")
    assert mixed.code == 2
    assert "compare two of a kind" in mixed.err


def test_export_prints_where_no_file_is_named(triptych_command, measuring, monkeypatch, tmp_path):
    folder = two_runs(triptych_command, monkeypatch, tmp_path)[0]
    assert len(json.loads(triptych_command("export", folder).out)["benchmarks"]) == 3
    assert triptych_command("export", folder, "--format", "csv").out.startswith("case,cell,target")
    assert triptych_command("export", folder, "--format", "xml").code == 2
    done = triptych_command("export", folder, "--output", str(tmp_path / "missing" / "file.json"))
    assert done.err.endswith("file.json cannot be written: No such file or directory; name another file\n")


# pytest


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


# doctor


def test_doctor_prints_remedies_and_ends_with_1_only_where_something_fails(triptych_command, monkeypatch):
    findings = [Finding("ok", "python", "3.11"), Finding("warning", "load", "3.1", "it disturbs", "stop [it]")]
    monkeypatch.setattr(doctor, "examine", lambda targets, folder: findings)
    done = triptych_command("doctor")
    assert done.code == 0
    assert "warning load 3.1 it disturbs → stop [it] 1 warning among 2 findings" in done.words
    findings.append(Finding("failure", "memory", "none", "nothing fits", "buy some"))
    assert triptych_command("doctor").code == 1
    assert json.loads(triptych_command("doctor", "--json").out)[2]["remedy"] == "buy some"


def test_doctor_says_when_nothing_is_off(triptych_command, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda targets, folder: [Finding("ok", "python", "3.11")])
    assert triptych_command("doctor").out.endswith("nothing is off\n")


# JSON


def test_json_holds_no_number_that_is_not_finite(capsys):
    cli.output.print_json({"a": [1.5, float("nan"), float("-inf")], "b": (True, None, 2**70)})
    assert json.loads(capsys.readouterr().out) == {"a": [1.5, None, None], "b": [True, None, 2**70]}


@pytest.mark.parametrize("name", ["run", "check", "show", "report", "history", "doctor", "pytest"])
def test_every_command_that_prints_a_table_takes_json(name):
    assert "--json" in CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "160"}).output


def test_the_bar_is_for_terminals_and_lines_for_everything_else():
    from rich.console import Console

    assert isinstance(progress_report.make(Console(force_terminal=True)), progress_report.Bar)
    assert isinstance(progress_report.make(Console(force_terminal=False)), progress_report.Lines)


def test_the_plan_that_is_announced_counts_its_cells():
    from rich.console import Console

    console = Console(width=120, record=True, file=io.StringIO())
    plan = make_plan(["linear[tiny]", "mlp[tiny]"], profile="smoke", frameworks=["jax"], threads=1)
    console.print(preflight.plan_summary(plan, {}))
    assert "smoke: 5 cases × 2 columns = 10 cells, 1 launch of up to 6 rounds" in console.export_text()
