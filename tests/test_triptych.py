from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import triptych
from reports import write as writing
from suite import calibration, checking, coordinator, explaining, targets
from suite.cases import line
from suite.errors import RecordsError, UsageError
from suite.plan import Plan, make_plan
from suite.records import Check, Launch, Sample, read_record

CHECKS = [Check("value", 1e-7, 1e-5, True)]


def measured(launch: int, ns: float) -> Launch:
    samples = [Sample(round=number, ns=ns * (1 + number / 100)) for number in range(3)]
    return Launch(launch, 1.0, 0.0, 0.1, 0.2, 0.3, 4, True, 5, samples, [ns], None)


class Coordinator:
    """Stands for the coordinator: writes one launch of every cell, and ends as it is told."""

    def __init__(self, folder: Path) -> None:
        self.ended: str | type[BaseException] = "goal"
        self.status = "ok"
        self.plans: list[Plan] = []
        self.folder = folder

    def execute(self, plan, writer, progress) -> str:
        self.plans.append(plan)
        progress.start(len(plan.cases))
        for case in plan.cases:
            progress.step(case.text)
            writer.append(
                [
                    line(case, column, status=self.status, launch=measured(0, 1000.0 * number), checks=CHECKS)
                    for number, column in enumerate(plan.columns, start=1)
                ]
            )
        if isinstance(self.ended, str):
            return self.ended
        raise self.ended


class Steps:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.finished = 0

    def start(self, steps: int) -> None:
        self.seen.append(str(steps))

    def step(self, text: str) -> None:
        self.seen.append(text)

    def note(self, text: str) -> None:
        self.seen.append(text)

    def finish(self) -> None:
        self.finished += 1


def write_quickly(run, folder) -> list[Path]:
    """Stands for `reports.write.write`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "report.md", folder / "report.html"]
    for path in paths:
        path.write_text(f"{len(run.cells)} cells")
    return paths


@pytest.fixture
def fake(monkeypatch, tmp_path) -> Coordinator:
    """No worker is started, every framework counts as installed, and results go to a folder of the test's own."""
    fake = Coordinator(tmp_path)
    monkeypatch.setattr(writing, "write", write_quickly)
    monkeypatch.setattr(coordinator, "execute", fake.execute)
    monkeypatch.setattr(targets, "missing", lambda target: None)
    monkeypatch.chdir(tmp_path)
    return fake


def run(**choices) -> triptych.Run:
    return triptych.run("linear[tiny]", **({"frameworks": ["numpy", "jax"], "tasks": ["forward"]} | choices))


def test_a_sweep_is_a_run_that_knows_what_it_swept(fake):
    done = triptych.sweep("linear", over="batch=2,4,8", thread_counts=[1], frameworks=["numpy"])
    assert [cell.parameters["batch"] for cell in done.contents.cells] == [2, 4, 8]
    assert done.record.selection["sweep"] == {"over": "batch=2,4,8", "of": "time"}
    assert done.record.command.startswith("triptych sweep linear --over batch=2,4,8 --of time ")


# Running


def test_a_run_leaves_its_record_cells_and_reports_in_a_new_folder(fake):
    done = run()
    assert done.folder.parent == Path("results")
    assert done.folder.name == done.record.id
    assert done.record.id.endswith("Z-quick")
    assert [cell.name for cell in done.contents.cells] == ["numpy eager", "jax eager", "jax jit"]
    assert [path.name for path in done.reports] == ["report.md", "report.html"]
    assert all(path.exists() for path in done.reports)


def test_the_reports_are_drawn_from_the_cells(fake, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(fake.folder)
    monkeypatch.setattr(coordinator, "execute", fake.execute)
    monkeypatch.setattr(targets, "missing", lambda target: None)
    done = run()
    assert all("numpy eager" in path.read_text() for path in done.reports)
    assert "numpy eager" in done._repr_html_()


def test_the_record_says_what_was_asked_for_and_where(fake):
    record = run(seed=7, threads=1).record
    assert (record.schema_version, record.triptych, record.ended) == (1, triptych.__version__, "goal")
    assert record.created.endswith("+00:00")
    assert record.command == (
        "triptych run 'linear[tiny]' --profile quick --framework numpy --framework jax --task forward"
        " --device cpu --threads 1 --seed 7"
    )
    assert Plan.from_dict(record.selection) == fake.plans[0]
    assert record.environment["triptych"]["version"] == triptych.__version__


def test_the_record_exists_before_anything_is_measured(fake, monkeypatch):
    def execute(plan, writer, progress):
        record = read_record(writer.folder)
        assert (record.ended, record.targets) == ("", [])
        return fake.execute(plan, writer, progress)

    monkeypatch.setattr(coordinator, "execute", execute)
    assert run().record.ended == "goal"


def test_two_runs_of_one_second_have_a_folder_each(fake):
    folders = {run().folder for _ in range(3)}
    assert len(folders) == 3


def test_an_output_folder_is_taken_as_named_and_not_twice(fake):
    assert run(output="here").folder == Path("here")
    with pytest.raises(RecordsError, match="here already holds a run"):
        run(output="here")


def test_a_results_folder_that_cannot_be_made_is_an_error_in_one_sentence(fake):
    Path("results").write_text("")
    with pytest.raises(RecordsError, match="cannot be made: Not a directory; choose another folder with --output"):
        run()


def test_progress_is_told_and_always_finished(fake):
    steps = Steps()
    run(progress=steps)
    assert steps.seen == ["1", "linear[tiny] forward float32 cpu 2 threads".replace("2 threads", _threads())]
    assert steps.finished == 1
    fake.ended = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        run(progress=steps)
    assert steps.finished == 2


def _threads() -> str:
    return make_plan(["linear"]).cases[0].text.rpartition("cpu ")[2]


def test_a_fault_of_the_program_leaves_the_run_open(fake):
    fake.ended = ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        run(output="here")
    assert read_record(Path("here")).ended == ""


@pytest.mark.parametrize("ended", ["interrupted", KeyboardInterrupt])
def test_an_interrupted_run_keeps_what_it_has_and_says_so(fake, ended):
    fake.ended = ended
    done = run()
    assert done.record.ended == "interrupted"
    assert len(done.contents.cells) == 3


def test_nothing_is_made_where_no_framework_is_installed(fake, monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "missing", lambda target: f"{target.name} is not installed (pip install it)")
    with pytest.raises(UsageError) as error:
        run()
    assert str(error.value) == (
        "there is nothing to measure: numpy is not installed (pip install it); jax is not installed (pip install it)"
    )
    with pytest.raises(UsageError, match="there is nothing to measure"):
        triptych.check("linear[tiny]")
    assert list(tmp_path.iterdir()) == []


def test_one_missing_framework_does_not_stop_the_others(fake, monkeypatch):
    monkeypatch.setattr(targets, "missing", lambda target: "no" if target.name == "jax" else None)
    assert len(run().contents.cells) == 3


def test_bad_input_is_refused_before_anything_is_made(fake, tmp_path):
    with pytest.raises(UsageError):
        run(frameworks=["jacks"])
    assert list(tmp_path.iterdir()) == []


# Resuming


def test_a_run_is_explained_by_its_own_plan_once_it_is_done(fake, monkeypatch):
    explained = []
    monkeypatch.setattr(explaining, "explain", lambda plan, writer, progress, traces: explained.append((plan, traces)))
    done = triptych.explain("linear[tiny]", frameworks=["numpy"], traces="traces")
    assert explained == [(fake.plans[0], Path("traces"))]
    assert (done.folder / "report.html").exists()


def test_an_interrupted_run_is_not_explained(fake, monkeypatch):
    fake.ended = "interrupted"
    monkeypatch.setattr(explaining, "explain", lambda *arguments: pytest.fail("it was"))
    assert triptych.explain("linear[tiny]", frameworks=["numpy"]).record.ended == "interrupted"


def test_a_run_is_resumed_by_its_own_plan(fake):
    fake.ended = "interrupted"
    first = run(seed=3)
    fake.ended = "goal"
    second = triptych.resume(first.folder)
    assert fake.plans[1] == fake.plans[0]
    assert (second.record.id, second.record.ended) == (first.record.id, "goal")
    assert len(second.contents.cells) == 3


def test_a_run_counts_as_going_on_while_it_is_resumed(fake, monkeypatch):
    first = run()

    def execute(plan, writer, progress):
        assert read_record(writer.folder).ended == ""
        return "goal"

    monkeypatch.setattr(coordinator, "execute", execute)
    assert triptych.resume(first.folder).record.ended == "goal"


def test_there_must_be_a_run_to_resume(fake):
    with pytest.raises(RecordsError, match="nowhere holds no run to resume"):
        triptych.resume("nowhere")


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("python", "version", "3.9.1", "this run was begun with Python 3.9.1, and here it is"),
        ("cpu", "model", "Abacus", "this run was begun with processor Abacus, and here it is"),
        ("cpu", "allowed", list(range(999)), "this run was begun with allowed CPUs 999, and here it is"),
        ("triptych", "version", "0.0.1", "this run was begun with Triptych 0.0.1, and here it is"),
        ("cpu", "model", ..., "this run does not say on which processor it was begun"),
    ],
)
def test_a_run_is_not_resumed_under_other_conditions(fake, section, key, value, words):
    path = run().folder / "run.json"
    data = json.loads(path.read_text())
    if value is ...:
        del data["environment"][section][key]
    else:
        data["environment"][section][key] = value
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as error:
        triptych.resume(path.parent)
    assert words in str(error.value)
    assert len(fake.plans) == 1


# Looking at a run


def test_a_loaded_run_is_the_one_that_was_made(fake):
    done = run()
    loaded = triptych.load(done.folder)
    assert (loaded.record, loaded.contents.cells) == (done.record, done.contents.cells)
    assert repr(loaded) == f"<run {done.record.id}: 3 cells in {done.folder}>"


def test_the_frames_come_from_the_cells(fake):
    done = run()
    assert list(done.cells["cell"]) == ["numpy eager", "jax eager", "jax jit"]
    assert len(done.samples) == 9
    assert set(done.verdicts["cell"]) == {"numpy eager", "jax eager", "jax jit"}
    assert done.cells is done.cells


def test_failures_are_the_cells_that_are_wrong_or_broke(fake):
    assert run().failures == []
    for status in triptych.FAILURES:
        fake.status = status
        assert len(run().failures) == 3
    fake.status = "unsupported"
    assert run().failures == []


def test_the_report_can_be_written_elsewhere(fake, tmp_path):
    paths = run().write_report(tmp_path / "elsewhere")
    assert [path.parent for path in paths] == [tmp_path / "elsewhere"] * 2


def test_a_notebook_shows_the_report_in_a_frame_that_its_text_cannot_leave(fake, monkeypatch):
    from reports import html

    monkeypatch.setattr(html, "render", lambda run: '<p title="a">x & y</p>\'')
    shown = run()._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;p title=&quot;a&quot;&gt;x &amp; y&lt;/p&gt;&#x27;" ')
    assert shown.endswith("></iframe>")


# Checking


def test_check_returns_the_lines_and_finishes_the_progress(fake, monkeypatch):
    seen = []

    def check(plan, progress):
        seen.append(plan)
        return [line(plan.cases[0], plan.columns[0], status="ok")]

    monkeypatch.setattr(checking, "check", check)
    steps = Steps()
    lines = triptych.check("linear[tiny]", frameworks=["jax"], progress=steps)
    assert [one.target for one in lines] == ["jax"]
    assert seen == [make_plan(["linear[tiny]"], frameworks=["jax"])]
    assert steps.finished == 1


# Importing


def test_importing_loads_nothing_heavy():
    code = """
import sys, triptych
print([name for name in "numpy pandas scipy msgspec rich torch tensorflow jax".split() if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_that_is_promised_is_there():
    assert all(hasattr(triptych, name) for name in triptych.__all__)


# The noise floor


@pytest.fixture
def equals(fake, monkeypatch) -> Coordinator:
    """Every target is measured twice; of the launches, the other one takes 1, 2 and 3 % longer."""

    def execute(plan, writer, progress) -> str:
        fake.plans.append(plan)
        for launch in range(3):
            for case in plan.cases:
                writer.append(
                    [
                        line(
                            case,
                            column,
                            status=fake.status,
                            launch=measured(
                                launch, 1000.0 * (1 + (launch + 1) / 100 * column.target.startswith("other"))
                            ),
                            checks=CHECKS,
                        )
                        for column in plan.columns
                    ]
                )
        return "goal"

    monkeypatch.setattr(coordinator, "execute", execute)
    return fake


def test_calibrating_measures_every_framework_against_itself_and_keeps_the_spread(equals):
    _, found = triptych.calibrate(threads=1)
    names = {target.name for target in equals.plans[0].targets}
    assert {"one-jax", "other-jax", "one-pytorch", "other-pytorch"} <= names
    assert len({target.python for target in equals.plans[0].targets}) == 1
    assert found.spread == pytest.approx(0.0214, abs=0.0002)  # the root mean square of log 1.01, 1.02 and 1.03
    cells = 3 * len(calibration.SELECTORS)
    assert (found.pairs, found.launches) == (cells, 3 * cells)
    assert json.loads(Path("results/calibration.json").read_text())["spread"] == found.spread


def test_a_later_run_carries_the_floor_and_refuses_a_margin_below_it(equals):
    triptych.calibrate(threads=1)
    assert run(threads=1).record.environment["calibration"]["pairs"] == 3 * len(calibration.SELECTORS)
    with pytest.raises(UsageError, match="a margin of 0.1 % cannot be resolved: in 12 launches this machine can tell"):
        run(threads=1, margin=0.001)
    with pytest.raises(UsageError, match="in 1 launch this machine can tell no difference") as error:
        run(threads=1, margin=0.04, launches=1)
    assert "choose a larger margin or more launches" in str(error.value)
    assert run(threads=1, margin=0.5).record.selection["profile"]["margin"] == 0.5


def test_a_margin_of_the_profile_below_the_floor_is_raised_and_told(equals, monkeypatch):
    monkeypatch.setattr(calibration, "spread", lambda pairs: 0.1)
    triptych.calibrate(threads=1)
    steps = Steps()
    profile = run(threads=1, progress=steps).record.selection["profile"]
    known = calibration.stored(Path("results"))
    floor = known.floor(12) if known else 0.0
    assert floor <= profile["margin"] <= floor + 0.001
    assert f"the margin is {100 * profile['margin']:.3g} %, not 5 %: this machine cannot tell less" in steps.seen


def test_the_floor_of_other_conditions_is_not_believed(equals):
    triptych.calibrate(threads=1)
    path = Path("results/calibration.json")
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 64'))
    steps = Steps()
    assert "calibration" not in run(threads=1, margin=0.01, progress=steps).record.environment
    assert "the noise floor is not known: threads was 64, and is 1; triptych calibrate finds it anew" in steps.seen


def test_a_calibration_in_which_nothing_ended_ok_says_where_to_look(equals):
    equals.status = "failed"
    with pytest.raises(RecordsError, match="no two cells could be compared, so there is no noise floor: see results/"):
        triptych.calibrate(threads=1)
