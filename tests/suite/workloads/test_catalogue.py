"""Every definition, whatever there will be; and the costs of some against counts made by hand or published."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from impls import interface
from suite.errors import UsageError
from suite.model_program import ModelProgram
from suite.program import Program
from suite.workloads import TASKS, WORKLOADS
from suite.workloads.convolution import output_size
from suite.workloads.draw import draw
from tests.impls.problems import OPERATIONS

GRADIENT_COPIES = ("sum", "topk", "scatter_add")
"""Their backward pass only moves numbers, so that value and gradient take no more operations than the value."""

PROBLEMS = [(name, problem) for name, workload in WORKLOADS.items() for problem in workload.problems]
NUMPY, ORACLE = interface.load("impls.numpy")


def cost(name: str, problem: str, **changes: Any) -> float:
    workload = WORKLOADS[name]
    return workload.cost(workload.problem(problem, **changes)).flops


@pytest.mark.parametrize(("name", "problem"), PROBLEMS)
def test_every_problem_of_every_workload_makes_sense(name: str, problem: str) -> None:
    workload = WORKLOADS[name]
    found = workload.problem(problem)
    assert found == dict(workload.problems[problem])
    assert list(found) == list(workload.base), "every problem names the same parameters in the same order"
    assert [type(value) for value in found.values()] == [type(value) for value in workload.base.values()]


@pytest.mark.parametrize(("name", "problem"), PROBLEMS)
def test_every_tensor_has_as_many_axes_as_its_shape_and_none_twice(name: str, problem: str) -> None:
    workload = WORKLOADS[name]
    found = workload.problem(problem)
    for tensor in [*workload.tensors(found).values(), *workload.outputs(found).values()]:
        axes = tensor.axes.split()
        assert len(axes) == len(tensor.shape)
        assert len(set(axes)) == len(axes)
        assert all(size >= 1 for size in tensor.shape)


@pytest.mark.parametrize(("name", "problem"), PROBLEMS)
def test_every_problem_costs_something_and_its_gradient_more(name: str, problem: str) -> None:
    workload = WORKLOADS[name]
    found = workload.problem(problem)
    figures = workload.cost(found)
    assert figures.flops >= 0  # what only moves numbers has none
    assert figures.reduction >= 1
    assert figures.condition >= 1
    assert workload.gradient_reduction(found) >= figures.reduction
    if "gradient" in workload.tasks and workload.network:
        assert figures.gradient > figures.flops > 0
    elif "gradient" in workload.tasks:
        assert figures.gradient > figures.flops or figures.flops == 0 or name in GRADIENT_COPIES
        assert workload.bytes(found, "gradient", "float32") > workload.bytes(found, "forward", "float32")


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_has_four_sizes_each_dearer_than_the_last(name: str) -> None:
    workload = WORKLOADS[name]
    problems = [workload.problem(size) for size in ("tiny", "small", "medium", "large")]
    sizes = [workload.cost(p).flops + workload.bytes(p, "forward", "float32") for p in problems]
    assert all(smaller < larger for smaller, larger in pairwise(sizes))
    assert {"tiny", "small", "medium", "large"} <= set(workload.problems)


@pytest.mark.parametrize(
    ("name", "problem"), [each for each in PROBLEMS if each[1].startswith("tiny") and each[0] in OPERATIONS]
)
def test_tiny_is_small_enough_for_differences_over_every_entry(name: str, problem: str) -> None:
    workload = WORKLOADS[name]
    assert sum(tensor.size for tensor in workload.tensors(workload.problem(problem)).values()) <= 2000


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_definition_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    workload = WORKLOADS[name]
    assert workload.summary
    assert "\n" not in workload.summary
    assert name not in OPERATIONS or "y = " in workload.doc or "y[" in workload.doc
    assert "Source: " in workload.doc


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_has_known_tasks_and_what_they_need(name: str) -> None:
    workload = WORKLOADS[name]
    assert set(workload.tasks) <= set(TASKS)
    assert workload.bound in ("product", "norm")
    if "train_step" in workload.tasks:
        assert "learning_rate" in workload.base
        assert workload.parameter_count(workload.problem()) > 0
        assert workload.loss or workload.is_scalar(workload.problem())


@pytest.mark.parametrize("name", [name for name, workload in WORKLOADS.items() if workload.loss])
def test_a_loss_is_a_scalar_workload_of_the_outputs_and_the_targets(name: str) -> None:
    workload = WORKLOADS[name]
    assert workload.loss
    criterion = WORKLOADS[workload.loss]
    problem = workload.problem("tiny")
    given = [*workload.outputs(problem).values(), *workload.targets(problem).values()]
    assert criterion.is_scalar(criterion.problem("tiny"))
    assert len(criterion.arguments(criterion.problem("tiny"))) == len(given)


@pytest.mark.parametrize(("name", "problem"), [each for each in PROBLEMS if each[1] in ("tiny", "small")])
def test_the_oracle_returns_what_the_definition_promises(name: str, problem: str) -> None:
    workload = WORKLOADS[name]
    found = workload.problem(problem)
    values = draw(workload, found, seed=0)
    program = (ModelProgram if workload.network else Program)(
        NUMPY,
        ORACLE,
        workload,
        found,
        task="forward",
        mode="eager",
        variant="default",
        precision="float64",
        device="cpu",
        values=values,
    )
    outputs = program.call()
    assert [output.shape for output in outputs] == [tensor.shape for tensor in workload.outputs(found).values()]


def test_the_small_perceptron_has_the_101770_parameters_of_the_textbooks() -> None:
    mlp = WORKLOADS["mlp"]
    assert mlp.parameter_count(mlp.problem("small")) == 784 * 128 + 128 + 128 * 10 + 10 == 101_770


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        (dict(size=7, kernel=3, stride=2, padding=1, dilation=1), 4),
        (dict(size=7, kernel=3, stride=1, padding=2, dilation=2), 7),
        (dict(size=224, kernel=7, stride=2, padding=3, dilation=1), 112),
        (dict(size=28, kernel=1, stride=2, padding=0, dilation=1), 14),
        (dict(size=5, kernel=5, stride=3, padding=0, dilation=1), 1),
        (dict(size=6, kernel=3, stride=2, padding=0, dilation=1), 2),
        (dict(size=5, kernel=3, stride=1, padding=0, dilation=2), 1),
    ],
)
def test_the_output_of_a_convolution_has_the_size_counted_by_sliding_the_window(
    changes: dict[str, int], size: int
) -> None:
    conv2d = WORKLOADS["conv2d"]
    problem = conv2d.problem("small", **changes)
    padded, extent = problem.size + 2 * problem.padding, problem.dilation * (problem.kernel - 1) + 1
    assert output_size(problem) == size == len(range(0, padded - extent + 1, problem.stride))
    assert conv2d.outputs(problem)["y"].shape == (4, 32, size, size)


def test_a_convolution_counts_two_operations_for_each_tap() -> None:
    # 8 images, 64 filters, 56 · 56 pixels, 64 · 3 · 3 taps.
    assert cost("conv2d", "medium") == 2 * 8 * 64 * 3136 * 576 == 1_849_688_064


@pytest.mark.parametrize(
    ("problem", "millions"),
    [
        # Multiply-adds of one image of 224 × 224, as published for ResNet-50 layer by layer.
        ("resnet50.conv1", 118.013952),
        ("resnet50.conv2_2", 115.605504),
        ("resnet50.conv3_2", 115.605504),
        ("resnet50.conv4_2", 115.605504),
        ("resnet50.conv5_2", 115.605504),
        ("resnet50.conv3_3", 51.380224),
    ],
)
def test_the_layers_of_resnet50_cost_what_is_published(problem: str, millions: float) -> None:
    assert cost("conv2d", problem) == 2 * 8 * millions * 1e6


def test_groups_divide_the_cost_of_a_convolution() -> None:
    assert cost("conv2d", "medium", groups=4) == cost("conv2d", "medium") / 4


def test_costs_counted_by_hand() -> None:
    assert cost("linear", "resnet50.fc") == 2 * 32 * 2048 * 1000
    assert (
        cost("mlp", "small") == 2 * 32 * (784 * 128 + 128 * 10) + 32 * 128
    )  # and the largest of each hidden unit and 0
    # Two products of 128 × 64 with 64 × 128 for each of 8 · 12 heads.
    assert cost("attention", "bert_base.128") == 8 * 12 * 2 * (2 * 128 * 128 * 64)


@pytest.mark.parametrize(
    ("name", "changes", "longest"),
    [
        ("linear", dict(in_features=5, out_features=400), 5),
        ("conv2d", dict(in_channels=6, out_channels=4, kernel=3, groups=2), 27),
        ("attention", dict(seq=7, head_dim=30), 30),
        ("attention", dict(seq=70, head_dim=3), 70),
        ("softmax_cross_entropy", dict(batch=3, classes=11), 11),
        ("softmax_cross_entropy", dict(batch=300, classes=11), 300),
        ("layer_norm", dict(features=17), 17),
    ],
)
def test_the_longest_sum_of_a_workload_is_found(name: str, changes: dict[str, int], longest: int) -> None:
    workload = WORKLOADS[name]
    assert workload.cost(workload.problem("tiny", **changes)).reduction == longest


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("layer_norm", dict(features=2, mean=0.0)),
        ("batch_norm", dict(batch=2, height=1, width=1)),
        ("instance_norm", dict(height=1, width=2)),
        ("group_norm", dict(channels=4, groups=2, height=1, width=1)),
    ],
)
def test_the_gradient_of_a_normalisation_over_two_numbers_is_ill_conditioned(
    name: str, changes: dict[str, Any]
) -> None:
    workload = WORKLOADS[name]
    assert workload.cost(workload.problem("tiny", eps=1e-4, **changes)).condition == pytest.approx(4e4, rel=1e-3)
    assert workload.cost(workload.problem("tiny")).condition == 1


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("conv2d", dict(groups=3), "in_channels=16 and out_channels=32 must be multiples of groups=3"),
        ("conv2d", dict(in_channels=8, groups=16), "in_channels=8 and out_channels=32 must be multiples of groups=16"),
        ("conv2d", dict(out_channels=31, groups=2), "in_channels=16 and out_channels=31 must be multiples of groups=2"),
        ("conv2d", dict(size=4, kernel=7), "the dilated kernel spans 7 rows, more than the 6 of the padded image"),
        ("conv2d", dict(size=4, dilation=3), "the dilated kernel spans 7 rows, more than the 6 of the padded image"),
        ("conv2d", dict(stride=0), "stride must be at least 1, not 0"),
        ("conv2d", dict(padding=-1), "padding must be at least 0, not -1"),
        ("attention", dict(heads=0), "heads must be at least 1, not 0"),
        ("layer_norm", dict(features=1), "over a single feature every result is the bias"),
        ("layer_norm", dict(eps=0.0), "eps must be a positive number, not 0.0"),
        ("mlp", dict(learning_rate=-0.1), "learning_rate must be a positive number, not -0.1"),
        (
            "conv2d",
            dict(size=1, kernel=1, stride=3, padding=2),
            "no window has an entry in the image, only in the padding around it",
        ),
        (
            "conv2d",
            dict(size=3, kernel=2, dilation=6, padding=0, auto_pad="same_lower"),
            "no window has an entry in the image, only in the padding around it",
        ),
        (
            "conv_transpose2d",
            dict(size=2, kernel=1, stride=5, padding=2),
            "padding=2 leaves no row of the result to which a pixel adds",
        ),
        ("masked_attention", dict(key_seq=1), "a single key has no other to be weighed against"),
        ("sliding_window_attention", dict(window=1), "a position that sees itself only has nothing to weigh"),
        ("cross_entropy", dict(classes=1, ignore_index=0), "the only class is ignored"),
        ("triplet", dict(features=1), "over a single feature the slopes of both distances are 1 or -1, and cancel"),
        ("rms_norm", dict(features=1), "over a single feature every result is the weight with the sign of x"),
        ("spectral_norm", dict(outputs=1, inputs=1), "of a single number nothing is left but its sign"),
        ("adam", dict(beta2=1.0), "beta2=1.0 must be less than 1"),
        ("rmsprop", dict(decay=1.5), "decay=1.5 must be less than 1"),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused_with_its_reason(
    name: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as error:
        WORKLOADS[name].problem("small", **changes)
    assert str(error.value).endswith(f"makes no sense: {words}")


def test_a_kernel_as_large_as_the_padded_image_is_possible() -> None:
    conv2d = WORKLOADS["conv2d"]
    assert output_size(conv2d.problem("small", size=5, kernel=7, padding=1)) == 1
