"""Models: how many parameters they have; that each framework takes the definition's by name, or says which is wrong;
and that all compute the same."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from impls.interface import Backend, Implementation, load
from suite import checking, correctness, sources
from suite.cases import FRAMEWORK_MODES, Case, Column
from suite.checking import STEPS, Checker
from suite.records import Check
from suite.workers import CellFailed, Workers
from suite.workloads import GENERATION, WORKLOADS
from suite.workloads.draw import draw
from tests.impls.conftest import THREADS
from tests.impls.modes import PROVING

# Of the published configurations: torchvision's models (and the papers', where these differ), and sums of the layers.
COUNTS = {
    "lenet5[small]": 61_706,
    "alexnet[imagenet]": 60_965_224,
    "vgg16[imagenet]": 138_357_544,
    "googlenet[imagenet]": 6_998_552,
    "resnet18[imagenet]": 11_689_512,
    "resnet50[imagenet]": 25_557_032,
    "densenet121[imagenet]": 7_978_856,
    "mobilenet_v2[imagenet]": 3_504_872,
    "unet[large]": 31_043_586,
    "vit[vit_b16]": 86_567_656,
    "gpt2[gpt2_small]": 124_439_808,
    "dqn[medium]": 1_686_180,
    "realnvp[small]": 205_848,
    "deep_mlp[medium]": 243_658,
}
OUTPUT_AGREEMENT = 1e-10
MODELS = [name for name, workload in WORKLOADS.items() if workload.network]
CHECKPOINTED = ["bert_base", "gpt2", "tcn", "vit"]
"""Models with a variant that keeps the input of each block alone."""
IN_EVERY_MODE = ("deep_mlp", "gpt2", "gru_classifier", "lenet5")
"""Compiling takes seconds; these are made of most of what there is."""


@pytest.mark.parametrize("selector", COUNTS)
def test_the_published_models_have_as_many_parameters_as_published(selector: str) -> None:
    name, _, problem = selector.removesuffix("]").partition("[")
    assert WORKLOADS[name].parameter_count(WORKLOADS[name].problem(problem)) == COUNTS[selector]


@cache
def loaded(framework: str) -> tuple[Backend, dict[tuple[str, str], Implementation]]:
    return load(f"impls.{framework}")


def made(framework: str, **changes: Any) -> Any:
    """The tiny deep_mlp with some of its parameters changed; None takes one away."""
    backend, implementations = loaded(framework)
    workload = WORKLOADS["deep_mlp"]
    problem = workload.problem("tiny")
    values: dict[str, Any] = {
        **draw(workload, problem, seed=0),
        **{k.replace("__", "."): v for k, v in changes.items()},
    }
    tensors = workload.tensors(problem)
    axes = backend.models.axes

    def native(role: str) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            if value is not None and (tensors[name].role if name in tensors else "parameter") == role:
                transposed = name in tensors and axes.get(tensors[name].axes, "") == "I O"
                found[name] = backend.array(value.T.copy() if transposed else value, "float64", "cpu")
        return found

    backend.use("float64")
    build = implementations["deep_mlp", "default"].bind(problem)
    return backend.models.make(build, native("parameter"), native("state"), list(native("input").values()))


FRAMEWORKS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORK_MODES if name != "numpy"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_definitions_parameters_are_the_models(framework: str) -> None:
    assert made(framework) is not None


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_parameter_that_is_missing_is_named(framework: str) -> None:
    with pytest.raises(ValueError, match=r"fc2\.weight"):
        made(framework, fc2__weight=None)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_parameter_too_many_is_named(framework: str) -> None:
    with pytest.raises(ValueError, match=r"fc9\.weight"):
        made(framework, fc9__weight=np.zeros((2, 3)))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_transposed_parameter_is_refused(framework: str) -> None:
    shape = WORKLOADS["deep_mlp"].tensors(WORKLOADS["deep_mlp"].problem("tiny"))["fc2.weight"].shape
    with pytest.raises((ValueError, TypeError)):
        made(framework, fc2__weight=np.zeros(shape[::-1]))


def _cases(names: list[str], every_mode: bool = False) -> list[Any]:
    """Of each framework but the oracle; beside its other tests, which take as long."""
    return [
        pytest.param(name, Column(framework, framework, mode), marks=pytest.mark.xdist_group(f"{framework} models"))
        for framework, modes in FRAMEWORK_MODES.items()
        if framework != "numpy"
        for mode in (modes if every_mode else [PROVING[framework]])
        for name in names
    ]


def _id(value: Any) -> str:
    return value.name.replace(" ", "-") if isinstance(value, Column) else str(value)


def _checked(
    workers: Workers, column: Column, model: str, task: str, precision: str = "float64", **changes: Any
) -> list[Check]:
    """What is held against the oracle; of training, ten steps in float64."""
    case = Case(model, "tiny", WORKLOADS[model].problem("tiny", **changes), task, precision, "cpu", THREADS)
    checker = Checker(case, workers, seed=0, columns=[])
    if task == "train_step":
        return checker.check_float64(column) if precision == "float64" else checker.build_and_check(column)[1]
    folder = workers.scratch.arrays("results")
    reply = checker.build(column, folder)
    return checker.check_results(column, reply["names"], folder, reply["types"])


@pytest.mark.parametrize(("model", "column"), _cases(MODELS), ids=_id)
def test_outputs_and_gradients_agree_with_the_oracle(workers: Workers, model: str, column: Column) -> None:
    for task in ("forward", "gradient"):
        checks = _checked(workers, column, model, task)
        assert correctness.reason(checks) == ""
        assert all(check.error is not None and check.error < OUTPUT_AGREEMENT for check in checks)


@pytest.mark.parametrize(("model", "column"), _cases(MODELS), ids=_id)
def test_ten_training_steps_agree_with_the_oracle_one_by_one(workers: Workers, model: str, column: Column) -> None:
    checks = {check.name: check for check in _checked(workers, column, model, "train_step")}
    assert correctness.reason(list(checks.values())) == ""
    assert checks["training"].detail.endswith(f"of {STEPS}")
    assert checks["training.parameters"].detail.startswith("step ")


@pytest.mark.parametrize(("model", "column"), _cases(["gpt2", "lenet5"]), ids=_id)
def test_ten_steps_of_adamw_agree_too(workers: Workers, model: str, column: Column) -> None:
    assert correctness.reason(_checked(workers, column, model, "train_step", optimizer="adamw")) == ""


@pytest.mark.parametrize(("model", "column"), _cases(list(IN_EVERY_MODE), every_mode=True), ids=_id)
def test_float32_is_as_right_as_its_rounding_allows_in_every_mode(workers: Workers, model: str, column: Column) -> None:
    for task in ("forward", "gradient", "train_step"):
        assert correctness.reason(_checked(workers, column, model, task, "float32")) == ""


@pytest.mark.parametrize("variant", ["default", "uncached"])
@pytest.mark.parametrize(("model", "column"), _cases(["gpt2"], every_mode=True), ids=_id)
def test_generated_tokens_are_the_oracles(workers: Workers, model: str, column: Column, variant: str) -> None:
    own = Column(column.target, column.framework, column.mode, variant)
    for task in GENERATION:
        assert correctness.reason(_checked(workers, own, model, task)) == ""


def test_without_a_cache_nothing_but_generation_is_tried(workers: Workers) -> None:
    with pytest.raises(CellFailed, match="a way to generate"):
        _checked(workers, Column("pytorch", "pytorch", "eager", "uncached"), "gpt2", "forward")


@pytest.mark.parametrize(
    ("model", "column"), [*_cases(["gpt2"], every_mode=True), *_cases(["bert_base", "tcn", "vit"])], ids=_id
)
def test_what_is_computed_again_is_the_same(workers: Workers, model: str, column: Column) -> None:
    own = Column(column.target, column.framework, column.mode, "checkpointed")
    checks = _checked(workers, own, model, "gradient")
    assert correctness.reason(checks) == ""
    assert all(check.error is not None and check.error < OUTPUT_AGREEMENT for check in checks)


@pytest.mark.parametrize("framework", [name for name in FRAMEWORK_MODES if name != "numpy"])
def test_the_same_models_are_checkpointed_everywhere(framework: str) -> None:
    found = [source.workload for source in sources.sources(f"impls.{framework}") if source.variant == "checkpointed"]
    assert sorted(found) == CHECKPOINTED


def test_without_a_backward_pass_nothing_is_checkpointed(workers: Workers) -> None:
    with pytest.raises(CellFailed, match="for a backward pass"):
        _checked(workers, Column("pytorch", "pytorch", "eager", "checkpointed"), "gpt2", "forward")


@pytest.mark.parametrize("model", MODELS)
def test_the_oracles_gradient_is_the_derivative(workers: Workers, model: str) -> None:
    case = Case(model, "tiny", WORKLOADS[model].problem("tiny"), "gradient", "float64", "cpu", THREADS)
    column = Column("numpy", "numpy", "eager")
    checks = Checker(case, workers, seed=0, columns=[]).build_and_check(column, elements=True)[1]
    assert correctness.reason(checks) == ""
    assert "gradient.differences" in {check.name for check in checks}


def test_training_that_takes_long_is_checked_at_tiny(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "TRAINING_FLOPS", 0.0)
    case = Case("mlp", "small", WORKLOADS["mlp"].problem("small"), "train_step", "float32", "cpu", THREADS)
    checks = Checker(case, workers, seed=0, columns=[]).build_and_check(Column("numpy", "numpy", "eager"))[1]
    assert correctness.reason(checks) == ""
    assert [check.name for check in checks if check.detail.endswith("at tiny")] == ["training", "training.parameters"]


@pytest.mark.parametrize("framework", [name for name in FRAMEWORK_MODES if name != "numpy"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_written_in_the_module_of_its_family(framework: str, model: str) -> None:
    source = sources.implementation(f"impls.{framework}", model)
    assert source is not None, f"{framework} lacks {model}"
    assert source.path.endswith(f"/models/{WORKLOADS[model].family}.py")
