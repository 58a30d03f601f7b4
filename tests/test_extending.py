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
BLOCK = re.compile(r"at the end of\s+`([^`]+)`[^`]*?```python\n(.*?)```", re.DOTALL | re.IGNORECASE)
OPERATION, MODEL = (BLOCK.findall(part) for part in TEXT.split("\n## A model\n"))
FRAMEWORKS = ("numpy", "pytorch", "tensorflow", "jax")

CHECK = """
import json, sys
import triptych
lines = triptych.check(sys.argv[1], frameworks=sys.argv[2:], modes=["eager"], precisions=["float64"], threads=1)
print(json.dumps([[line.framework, line.task, line.status, line.reason, len(line.checks)] for line in lines]))
"""


def check(folder: Path, frameworks: list[str], selector: str = "l2_norm[tiny]") -> list[tuple[str, str, str, str, int]]:
    """Check an example in a copy of the project that it was pasted into."""
    command = [sys.executable, "-c", CHECK, selector, *frameworks]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return [tuple(line) for line in json.loads(found.stdout)]


@pytest.fixture
def pasted(tmp_path: Path) -> Path:
    for package in ("suite", "impls"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "triptych.py", tmp_path)
    for name, code in OPERATION + MODEL:
        with open(tmp_path / name, "a") as file:
            file.write(f"\n\n{code}")
    return tmp_path


def test_the_example_has_a_block_for_the_definition_and_for_each_framework():
    names = {name for name, _ in OPERATION}
    wanted = {f"impls/{framework}/normalization.py" for framework in FRAMEWORKS}
    assert names == wanted | {"suite/workloads/normalization.py"}


def test_the_example_has_fewer_than_forty_lines():
    lines = [line for _, code in OPERATION for line in code.splitlines() if line.strip()]
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


@pytest.mark.skipif(missing(default_targets(["pytorch"])[0]) is not None, reason="PyTorch is not installed")
def test_the_example_of_a_model_passes_every_check(pasted):
    lines = check(pasted, ["pytorch"], "skip_mlp[tiny]")

    assert {(task, status, reason) for _, task, status, reason, _ in lines} == {
        (task, "ok", "") for task in ("forward", "gradient", "train_step")
    }


def test_the_model_has_as_many_parameters_as_its_example_says(pasted):
    code = "from suite.workloads import WORKLOADS; w = WORKLOADS['skip_mlp']; print(w.parameter_count(w.problem()))"
    count = int(subprocess.run([sys.executable, "-c", code], cwd=pasted, capture_output=True, check=True).stdout)
    assert f"{count:,} parameters" in MODEL[0][1]
