from __future__ import annotations

import numpy as np
import pytest

from impls.interface import load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw

pytest.importorskip("tensorflow")
from tests.yardsticks.keras_applications import YARDSTICKS

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize("model", YARDSTICKS)
def test_the_same_weights_give_the_same_outputs(model: str) -> None:
    workload, yardstick = WORKLOADS[model], YARDSTICKS[model]
    problem = workload.problem("small", **yardstick.problem)
    values = draw(workload, problem, seed=0)
    backend, implementations = load("impls.tensorflow")
    program = ModelProgram(
        backend,
        implementations,
        workload,
        problem,
        task="forward",
        mode="eager",
        variant="default",
        precision="float64",
        device="cpu",
        values=values,
    )
    own = program.read(program.call())["y"]
    images = values["x"].transpose(0, 2, 3, 1)
    theirs = np.asarray(yardstick.model(problem, values, "float64")(images, training=False))
    assert own.shape == theirs.shape
    assert np.linalg.norm(own - theirs) < 1e-10 * np.linalg.norm(theirs)
