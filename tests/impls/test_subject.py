"""A model of each framework as probes see it. Frameworks are imported in processes of their own, which run all checks of
`tests/impls/subjects/`."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "subjects"
ROOT = Path(__file__).parents[2]
FRAMEWORKS = [name for name in ("pytorch", "tensorflow", "jax") if (FOLDER / f"{name}.py").exists()]


def checks(module: str) -> list[str]:
    tree = ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))
    return [each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("check_")]


@functools.cache
def outcomes(framework: str) -> dict[str, str]:
    """By the name of the check: what it raised, or nothing."""
    command = [sys.executable, "-m", "tests.impls.subjects.run", framework]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, str] = json.loads(outcome.stdout.splitlines()[-1])
    return found


CHECKS = [
    pytest.param(framework, name, marks=pytest.mark.xdist_group(f"subject-{framework}"))
    for framework in FRAMEWORKS
    for name in [*checks("contract"), *checks(framework)]
]


@pytest.mark.parametrize(("framework", "name"), CHECKS)
def test_a_subject_keeps_its_contract(framework, name):
    failure = outcomes(framework)[name]
    assert not failure, failure
