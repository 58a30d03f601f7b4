from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.protocol import load_arrays
from suite.worker import Worker
from suite.workloads import WORKLOADS


@pytest.fixture(scope="module")
def worker() -> Worker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        return Worker("impls.numpy", threads=1)


def opened(worker: Worker, workload: str, tangents: bool = False) -> dict[str, np.ndarray]:
    parameters = dict(WORKLOADS[workload].problem("tiny"))
    worker.open_case(workload, parameters, seed=0, tangents=tangents, precision="float32", device="cpu")
    return worker.values


def evaluated(worker: Worker, folder: Path, task: str, **choices: Any) -> dict[str, Any]:
    return worker.evaluate(task, "eager", "default", str(folder), **choices)


def test_the_terms_of_a_contraction_are_what_it_sums_up(worker: Worker, tmp_path: Path) -> None:
    values = {name: array.astype(float) for name, array in opened(worker, "linear").items()}
    y = values["x"] @ values["weight"].T + values["bias"]
    reply = evaluated(worker, tmp_path, "gradient", terms=True)
    assert reply["terms"] == pytest.approx(np.abs(y * values["cotangent.y"]).sum(), rel=1e-12)
    assert reply["terms"] > abs(float(load_arrays(tmp_path, reply["names"])["loss"]))


@pytest.mark.parametrize(("workload", "task"), [("linear", "forward"), ("mse", "gradient"), ("mlp", "gradient")])
def test_what_is_no_contraction_has_no_terms(worker: Worker, tmp_path: Path, workload: str, task: str) -> None:
    opened(worker, workload)
    assert evaluated(worker, tmp_path, task, terms=True)["terms"] is None


def test_the_losses_are_those_of_training_steps(worker: Worker, tmp_path: Path) -> None:
    opened(worker, "mlp")
    losses = evaluated(worker, tmp_path, "train_step", steps=3)["losses"]
    assert len(losses) == 3
    assert losses[2] < losses[0]
    assert evaluated(worker, tmp_path, "gradient")["losses"] == []


def test_what_each_of_several_steps_gave_is_written(worker: Worker, tmp_path: Path) -> None:
    opened(worker, "mlp")
    reply = evaluated(worker, tmp_path, "train_step", steps=2)
    arrays = load_arrays(tmp_path, reply["names"])
    assert [float(arrays[f"step {step}: loss"]) for step in (1, 2)] == reply["losses"]
    weights = [arrays[f"step {step}: fc1.weight"] for step in (1, 2)]
    assert not np.array_equal(*weights)


def test_another_problem_can_be_evaluated_while_the_case_stays_open(worker: Worker, tmp_path: Path) -> None:
    values = opened(worker, "linear")
    worker.build("numpy eager", "forward", "eager", "default", None)
    reply = evaluated(worker, tmp_path, "forward", parameters=dict(WORKLOADS["linear"].problem("tiny", batch=7)))
    assert load_arrays(tmp_path, reply["names"])["y"].shape[0] == 7
    assert worker.values is values
    assert list(worker.programs) == ["numpy eager"]


def test_tangents_are_rounded_to_the_cases_precision_like_everything_else(worker: Worker) -> None:
    values = opened(worker, "linear", tangents=True)
    assert values["tangent.weight"].dtype == np.float32


def test_without_forward_mode_the_symmetry_of_second_derivatives_proves_nothing(worker: Worker) -> None:
    opened(worker, "linear", tangents=True)
    assert worker.check_symmetry("eager", "default", seed=0) == {"findings": []}


def test_what_a_version_of_the_framework_lacks_is_unsupported_and_what_the_program_lacks_a_failure(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking() -> None:
        np.no_such_function_yet  # type: ignore[attr-defined] # noqa: B018

    monkeypatch.setattr(worker, "close_case", lacking)
    reply = worker.handle({"command": "close_case"})
    assert reply["error"] == "unsupported"
    assert reply["message"].startswith("this version of the framework lacks it: AttributeError: module 'numpy' has no")
    monkeypatch.setattr(worker, "close_case", lambda: object().nothing)  # type: ignore[attr-defined]
    assert worker.handle({"command": "close_case"})["error"] == "failed"


def test_the_anchor_is_fixed_work_that_needs_no_case(worker: Worker) -> None:
    worker.close_case()
    assert worker.anchor()["ns"] > 0
    assert not worker.values


def test_products_in_float32_are_seen_not_to_be_rounded_to_less(worker: Worker) -> None:
    proof = worker.prove_precision("float32", "cpu")
    assert proof == {
        "passed": True,
        "sentence": "asked for float32, rounded to TF32: linear is not, conv2d is not",
    }
