"""docs/extending.md says the truth: its example, pasted as it stands, is a workload that passes every check."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from suite.targets import default_targets, missing

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/extending.md").read_text("utf-8")
BLOCKS = re.findall(r"at the end of `([^`]+)`[^`]*?```python\n(.*?)```", TEXT, re.DOTALL | re.IGNORECASE)
FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")

CHECK = """
import json, sys
import triptych
lines = triptych.check("l2_norm[tiny]", frameworks=sys.argv[1:], modes=["eager"], precisions=["float64"], threads=1)
print(json.dumps([[line.framework, line.task, line.status, line.reason, len(line.checks)] for line in lines]))
"""


def check(folder: Path, frameworks: list[str]) -> list[tuple[str, str, str, str, int]]:
    """Check the example in a copy of the project that it was pasted into."""
    command = [sys.executable, "-c", CHECK, *frameworks]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return [tuple(line) for line in json.loads(found.stdout)]


@pytest.fixture
def pasted(tmp_path: Path) -> Path:
    for package in ("suite", "impls"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "triptych.py", tmp_path)
    for name, code in BLOCKS:
        with open(tmp_path / name, "a") as file:
            file.write(f"\n\n{code}")
    return tmp_path


def test_the_example_has_a_block_for_the_definition_and_for_each_framework():
    names = {name for name, _ in BLOCKS}
    wanted = {f"impls/{framework}/normalization.py" for framework in FRAMEWORKS}
    assert names == wanted | {"suite/workloads/normalization.py"}


def test_the_example_has_fewer_than_forty_lines():
    lines = [line for _, code in BLOCKS for line in code.splitlines() if line.strip()]
    assert 0 < len(lines) < 40


def test_the_example_passes_every_check_in_every_framework(pasted):
    installed = [target.name for target in default_targets(list(FRAMEWORKS)) if missing(target) is None]

    lines = check(pasted, installed)

    assert {(framework, task) for framework, task, *_ in lines} == {
        (framework, task) for framework in installed for task in ("forward", "gradient")
    }
    assert {status for _, _, status, _, _ in lines} == {"ok"}, lines
    assert all(count > 0 for *_, count in lines)


def test_the_check_sees_a_mistake_in_the_example(pasted):
    file = pasted / "impls/numpy/normalization.py"
    file.write_text(file.read_text("utf-8").replace("(dy - x * along)", "(dy + x * along)"), "utf-8")

    lines = check(pasted, ["numpy"])

    assert {(task, status) for _, task, status, _, _ in lines} == {("forward", "ok"), ("gradient", "incorrect")}
