from __future__ import annotations

import numpy as np
import pytest

from impls.interface import load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.yardsticks.hugging_face import YARDSTICKS  # noqa: E402

pytestmark = pytest.mark.xdist_group("pytorch")


@pytest.mark.parametrize("model", YARDSTICKS)
def test_the_same_weights_give_the_same_outputs(model: str) -> None:
    workload = WORKLOADS[model]
    problem = workload.problem("tiny")
    values = draw(workload, problem, seed=0)
    backend, implementations = load("impls.pytorch")
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
    yardstick = YARDSTICKS[model]
    module = yardstick.module(problem, values, torch.float64)
    with torch.inference_mode():
        theirs = yardstick.call(module, {name: torch.from_numpy(values[name]) for name in yardstick.inputs}).numpy()
    assert own.shape == theirs.shape
    assert np.linalg.norm(own - theirs) < 1e-10 * np.linalg.norm(theirs)
