from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suite.progress import Silent
from suite.records import read_run
from tests import gpu_check
from tests.figure import Figure

TARGETS = {"product_shortfall": 5.0, "harness_on_a_launch": 5.0, "wrong_cells": 0, "refused_targets": 0, "seconds": 540}


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Figure]]:
    """What `make gpu-check` does, on the CPU and with one workload."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("gpu") / "check"
    choices: dict[str, Any] = dict(frameworks=["pytorch"], launches=1, rounds=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_check, "TURNS", 1)
        found = list(gpu_check.prove(folder, "cpu", 300.0, Silent(), ["linear[tiny]"], **choices))
    return folder, {figure.name: figure for figure in found}


def test_every_claim_has_its_figure_and_its_target(proven: tuple[Path, dict[str, Figure]]) -> None:
    _, figures = proven
    assert {name: figures[name].target for name in TARGETS} == TARGETS
    assert figures["checked_cells"].value >= 4
    assert figures["wrong_cells"].met
    assert figures["refused_targets"].met
    assert figures["bare_launch"].value > 0
    assert figures["product_bfloat16"].value > 0
    assert figures["product_pytorch_float32"].value > 0


def test_the_folder_holds_machine_checks_and_run(proven: tuple[Path, dict[str, Figure]]) -> None:
    folder, figures = proven
    assert json.loads((folder / "machine.json").read_text())["cpu"]
    lines = [json.loads(line) for line in (folder / "checks.jsonl").read_text().splitlines()]
    assert {(line["problem"], line["mode"]) for line in lines} >= {
        ("tiny", "eager"),
        ("small", "eager"),
        ("tiny", "compile"),
    }
    assert sum(line["status"] == "ok" for line in lines) == figures["checked_cells"].value
    assert (folder / "run" / "report.html").exists()
    assert read_run(folder / "run").record.ceilings


def test_without_a_gpu_it_says_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise OSError("NVML Shared Library Not Found")

    monkeypatch.setattr("suite.gpu.library", missing)
    assert gpu_check.main(["--output", str(tmp_path / "check")]) == 2
    assert "device 'cuda' cannot be measured: NVML Shared Library Not Found" in capsys.readouterr().err


def test_what_an_earlier_check_left_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_check.main(["--output", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
