"""What is looked at on this machine."""

from __future__ import annotations

import os
import subprocess
import sys

from suite.doctor import examine, facts
from suite.progress import Silent
from suite.targets import Target


def test_the_compiler_is_the_one_that_the_environment_names():
    assert facts._compiler({"CXX": "ccache clang++-17"}) == "ccache"
    assert facts._compiler({}) in ("g++", "clang++")


def test_a_folder_is_tried_where_it_will_be_made(tmp_path):
    assert facts._write_error(tmp_path / "not" / "yet") is None
    assert not (tmp_path / "not").exists()
    (tmp_path / "file").write_text("")
    assert facts._write_error(tmp_path / "file" / "results") == "Not a directory"


def test_a_busy_process_is_seen_and_so_is_what_it_takes(monkeypatch):
    monkeypatch.setattr(facts, "BUSY_SHARE", 0.02)  # however many others want the CPU
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        shares, taken, stolen = facts._others()
    finally:
        busy.kill()
        busy.wait()
    assert any(name.startswith("python") for name, _ in shares)
    assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)
    assert taken > 0.02
    assert 0 <= stolen <= 1


def test_examining_looks_at_this_machine_and_imports_no_framework(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "LOOK_S", 0.0)
    before = set(sys.modules)
    findings = examine([Target("numpy", "numpy", sys.executable, "impls.numpy")], tmp_path, Silent())
    assert {"python", "numpy", "threads at work", "results folder"} <= {finding.subject for finding in findings}
    assert {"torch", "tensorflow", "jax"}.isdisjoint(set(sys.modules) - before)
    assert os.listdir(tmp_path) == []
