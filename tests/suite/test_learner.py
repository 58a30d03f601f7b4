from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import learner
from suite.model_program import ModelProgram
from suite.protocol import save_arrays
from suite.worker import Worker
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw

DEEP = WORKLOADS["deep_mlp"]
PROBLEM = DEEP.problem("tiny", batch=8, learning_rate=0.1, dropout=0.1)


@pytest.fixture(scope="module")
def worker() -> Worker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        return Worker("impls.numpy", threads=1)


def program(worker: Worker, task: str) -> ModelProgram:
    values = draw(DEEP, PROBLEM, seed=0)
    made = worker._program(DEEP, PROBLEM, task, "eager", "default", "float64", "cpu", values)
    assert isinstance(made, ModelProgram)
    return made


def examples(count: int, seed: int) -> dict[str, np.ndarray]:
    """Three groups that are easily told apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(PROBLEM.classes, size=count)
    centres = np.eye(PROBLEM.classes, PROBLEM.inputs)
    return {"x": centres[labels] + 0.1 * rng.standard_normal((count, PROBLEM.inputs)), "labels": labels}


PARTS = {"train": examples(80, 1), "validation": examples(24, 2), "test": examples(24, 3)}


def learned(worker: Worker, **changes: Any) -> dict[str, Any]:
    choices: dict[str, Any] = {"parts": PARTS, "epochs": 20, "seed": 0, **changes}
    return learner.learn(program(worker, "train_step"), program(worker, "forward"), **choices)


def test_what_can_be_learned_is_learned(worker: Worker) -> None:
    found = learned(worker)
    assert len(found["train"]) == len(found["validation"]) == len(found["accuracy"]) == 21
    assert found["train"][-1] < 0.5 * found["train"][0]
    assert found["test_accuracy"] > 0.9


def test_the_same_seed_learns_the_same_and_another_does_not(worker: Worker) -> None:
    first, again, other = learned(worker, epochs=1), learned(worker, epochs=1), learned(worker, epochs=1, seed=1)
    assert first == again
    assert first["validation"][1] != other["validation"][1]


def test_without_a_pass_nothing_has_changed(worker: Worker) -> None:
    found = learned(worker, epochs=0)
    loss, accuracy = learner.evaluate(program(worker, "forward"), PARTS["validation"])
    assert (found["validation"], found["accuracy"]) == ([loss], [accuracy])


def test_running_statistics_are_those_of_the_training(worker: Worker) -> None:
    forward = program(worker, "forward")
    before = {name: np.array(value) for name, value in forward.model.states.items()}
    learner.learn(program(worker, "train_step"), forward, PARTS, epochs=1, seed=0)
    assert before
    assert all(not np.allclose(before[name], value) for name, value in forward.model.states.items())


def test_examples_that_fill_no_batch_are_left_out(worker: Worker) -> None:
    cut = {name: array[:8] for name, array in PARTS["validation"].items()}
    more = {name: array[:15] for name, array in PARTS["validation"].items()}
    forward = program(worker, "forward")
    assert learner.evaluate(forward, more) == learner.evaluate(forward, cut)


def test_a_loss_that_is_no_number_ends_it(worker: Worker) -> None:
    broken = {**PARTS, "train": {**PARTS["train"], "x": np.full_like(PARTS["train"]["x"], np.nan)}}
    with pytest.raises(ValueError, match="not finite after pass 1"):
        learned(worker, parts=broken)


def test_a_worker_reads_the_parts_from_a_folder(worker: Worker, tmp_path: Path) -> None:
    worker.open_case("deep_mlp", dict(PROBLEM), seed=0, tangents=False, precision="float64", device="cpu")
    flat = {f"{part} {name}": array for part, own in PARTS.items() for name, array in own.items()}
    names = save_arrays(tmp_path, flat)
    assert worker.learn("eager", str(tmp_path), names, epochs=2, seed=0) == learned(worker, epochs=2)
