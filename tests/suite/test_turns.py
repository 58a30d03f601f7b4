from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from suite import turns
from suite.errors import RecordsError, UsageError
from suite.progress import Silent
from suite.turns import PLUGIN, Side, take
from tests.fakes.awake import noted

# Stands in for an interpreter with pytest-benchmark: says that it has it, keeps a diary, and leaves a file.
SCRIPT = f"""#!{sys.executable} -S
import os, sys
if sys.argv[1] == "-c":
    sys.exit(4)
file = sys.argv[-1].removeprefix("--benchmark-json=")
plugin = os.path.join(os.environ["PYTHONPATH"].split(os.pathsep)[0], "{PLUGIN}.py")
with open({{diary!r}}, "a") as diary:
    print("{{name}}", os.getcwd(), *sys.argv[1:-1], os.path.exists(plugin), len(os.environ["TRIPTYCH_PADDING"]), file=diary)
print("collected", "\\x1b[31mthings")
{{rest}}
"""
LEAVES_A_FILE = "open(file, 'w').write('{}')"


@pytest.fixture
def side(tmp_path):
    """Makes a side whose pytest does `rest`."""

    def make(name: str, rest: str = LEAVES_A_FILE) -> Side:
        python, folder = tmp_path / f"python-{name}", tmp_path / f"in-{name}"
        python.write_text(SCRIPT.format(diary=str(tmp_path / "diary"), name=name, rest=rest))
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        folder.mkdir(exist_ok=True)
        return Side(name, str(python), folder)

    return make


def taken(tmp_path: Path, sides: tuple[Side, Side], **changed: Any) -> tuple[Path, Path]:
    choices: dict[str, Any] = {"launches": 2, "timeout_s": 60.0, "output": tmp_path / "out", "progress": Silent()}
    return take(sides, ["tests", "-k", "a"], **(choices | changed))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def diary(tmp_path: Path) -> list[list[str]]:
    return [line.split() for line in (tmp_path / "diary").read_text().splitlines()]


def test_the_sides_take_turns_and_which_is_first_alternates(tmp_path, side):
    folders = taken(tmp_path, (side("old"), side("new")), launches=4)
    assert [line[0] for line in diary(tmp_path)] == "old new new old old new new old".split()
    for folder in folders:
        assert sorted(path.name for path in folder.glob("*.json")) == ["000.json", "001.json", "002.json", "003.json"]


def test_cores_are_kept_awake_while_the_sides_run(tmp_path, side, monkeypatch):
    events: list[str] = []
    monkeypatch.setattr(turns, "kept_awake", lambda: noted(events))
    telling = Silent()
    monkeypatch.setattr(telling, "step", events.append)
    taken(tmp_path, (side("old"), side("new")), launches=1, progress=telling)
    assert (events[0], events[-1]) == ("awake", "asleep")
    assert len(events) == 4


def test_each_pytest_runs_in_its_folder_with_the_words_and_the_plugin(tmp_path, side):
    taken(tmp_path, (side("old"), side("new")), launches=1)
    words = ["-m", "pytest", "tests", "-k", "a", "-p", PLUGIN, "--triptych", "--benchmark-only", "True"]
    assert [line[:-1] for line in diary(tmp_path)] == [[n, str(tmp_path / f"in-{n}"), *words] for n in ("old", "new")]


def test_the_callers_path_stays_behind_the_plugins(tmp_path, side, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "of/mine")
    taken(tmp_path, (side("old", "open(file, 'w').write(os.environ['PYTHONPATH'])"), side("new")), launches=1)
    plugin, mine = (tmp_path / "out" / "old" / "000.json").read_text().split(os.pathsep)
    assert (Path(plugin).name, mine) == ("plugin", "of/mine")


def test_a_pytest_that_fails_is_quoted(tmp_path, side):
    failing = "print('1 failed in 0.1s'); sys.exit(1)"
    with pytest.raises(UsageError) as refusal:
        taken(tmp_path, (side("old"), side("new", failing)))
    assert str(refusal.value) == (
        "pytest of new ended with 1; its last words:\n    collected �[31mthings\n    1 failed in 0.1s"
    )
    assert [line[0] for line in diary(tmp_path)] == ["old", "new"]


@pytest.mark.parametrize("rest", ["pass", "open(file, 'w')"])
def test_a_pytest_without_benchmarks_is_named(tmp_path, side, rest):
    with pytest.raises(UsageError, match="pytest of old ran no benchmark; its last words"):
        taken(tmp_path, (side("old", rest), side("new")))


def test_a_pytest_that_takes_too_long_is_ended_with_its_children(tmp_path, side):
    hanging = (
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(UsageError, match="pytest of old took longer than 1 s; give it more with --timeout"):
        taken(tmp_path, (side("old", hanging), side("new")), timeout_s=1.0)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 30
    while is_running(child):
        assert time.monotonic() < until


def test_an_interpreter_without_pytest_benchmark_is_refused_before_anything_runs(tmp_path, side):
    lacking = side("new")
    Path(lacking.python).write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(
        UsageError, match=r"new: pytest-benchmark is not installed in .*-m pip install pytest-benchmark"
    ):
        taken(tmp_path, (side("old"), lacking))
    assert not (tmp_path / "diary").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "words"), [({"launches": 0}, "--launches must be 1 or more"), ({"folder": "missing"}, "is no folder")]
)
def test_what_cannot_work_is_refused_before_anything_runs(tmp_path, side, changed, words):
    old = side("old")
    if "folder" in changed:
        old, changed = Side(old.name, old.python, tmp_path / changed["folder"]), {}
    with pytest.raises(UsageError, match=words):
        taken(tmp_path, (old, side("new")), **changed)
    assert not (tmp_path / "out").exists()


def test_earlier_results_are_not_written_over(tmp_path, side):
    sides = side("old"), side("new")
    taken(tmp_path, sides, launches=1)
    with pytest.raises(RecordsError, match=r"out/old is not empty; name another --output"):
        taken(tmp_path, sides, launches=1)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, side):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsError, match="cannot be written: Not a directory; choose another folder"):
        taken(tmp_path, (side("old"), side("new")), output=tmp_path / "file")
