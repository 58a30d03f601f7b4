from __future__ import annotations

import json

import pytest

from suite import checking, coordinator, doctor, explaining, targets
from suite.cases import line
from suite.diagnoses import Profile
from suite.doctor.finding import Finding
from suite.plan import Plan, make_plan
from suite.records import Check, Launch, Line, Sample, merge, read_lines


def checked(monkeypatch, *lines: Line) -> None:
    monkeypatch.setattr(checking, "check", lambda plan, progress: list(lines))
    monkeypatch.setattr(targets, "missing", lambda target: None)


def outcome(status: str = "ok", reason: str = "", checks: list[Check] | None = None, mode: str = "jit") -> Line:
    plan = make_plan(["linear[tiny]"], frameworks=["jax"], modes=[mode], threads=1)
    return line(plan.cases[0], plan.columns[0], status=status, reason=reason, checks=checks or [])


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


def test_doctor_prints_remedies_and_ends_with_1_only_where_something_fails(triptych_command, monkeypatch):
    findings = [
        Finding("ok", "python", "3.11", "it runs"),
        Finding("warning", "load", "3.1", "it disturbs", "stop [it]"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda targets, folder, progress: findings)
    done = triptych_command("doctor")
    assert done.code == 0
    assert "warning load 3.1 it disturbs → stop [it] 1 warning among 2 findings" in done.words
    findings.append(Finding("failure", "memory", "none", "nothing fits", "buy some"))
    assert triptych_command("doctor").code == 1
    assert json.loads(triptych_command("doctor", "--json").out)[2]["remedy"] == "buy some"


def test_doctor_says_when_nothing_is_off(triptych_command, monkeypatch):
    monkeypatch.setattr(
        doctor, "examine", lambda targets, folder, progress: [Finding("ok", "python", "3.11", "it runs")]
    )
    assert triptych_command("doctor").out.endswith("nothing is off\n")


# explain


@pytest.fixture
def explanations(monkeypatch, measuring) -> list[Plan]:
    """Nothing is asked of anybody: each cell is right, and its operators are known."""
    passed = [Check(name, 1e-7, 1e-5, True) for name in ("value", "gradient")]

    def execute(plan, writer, progress) -> str:
        measuring.append(plan)
        samples = [Sample(round=number, ns=1000.0) for number in range(3)]
        launch = Launch(0, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [1000.0], None)
        cells = [line(plan.cases[0], column, status="ok", launch=launch, checks=passed) for column in plan.columns]
        writer.append(cells)
        return "goal"

    monkeypatch.setattr(coordinator, "execute", execute)

    def explain(plan, writer, progress, traces=None) -> None:
        for cell in merge(read_lines(writer.folder)):
            known = {name: getattr(cell, name) for name in explaining.SHARED}
            writer.append_diagnosis(
                Profile(**known, calls=1, call_s=4e-6, profiled_s=5e-6, work_s=1e-6, dispatched=8.0)
            )

    monkeypatch.setattr(explaining, "explain", explain)
    return measuring


def test_explain_runs_the_case_and_says_why_each_cell_takes_its_time(triptych_command, explanations):
    done = triptych_command("explain", "linear[small] gradient", "--framework", "numpy,jax", "--mode", "eager")
    assert done.code == 0
    assert explanations[0].cases[0].text.startswith("linear[small] gradient float32")
    assert "linear[small] gradient, jax eager" in done.out
    assert "75 % of a call is spent outside operators" in done.words
    assert "report.html" in done.out


def test_explain_prints_json(triptych_command, explanations):
    done = triptych_command("explain", "linear[small] gradient", "--framework", "numpy", "--json")
    (cell,) = json.loads(done.out)["cells"]
    assert (cell["cell"], cell["outside_operators"]) == ("numpy eager", 0.75)


def test_explain_refuses_what_is_no_case_before_anything_starts(triptych_command, explanations):
    assert triptych_command("explain", "linaer").code == 2
    assert triptych_command("explain").code == 2
    assert triptych_command("explain", "linear", "--budget", "soon").code == 2
    assert explanations == []
