from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import cli
import cli.output
import triptych
from tests.cli.runs import QUICKLY, ending_with


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


@pytest.mark.parametrize("name", ["run", "check", "show", "report", "history", "doctor", "pytest"])
def test_every_command_that_prints_a_table_takes_json(name):
    assert "--json" in CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "160"}).output
