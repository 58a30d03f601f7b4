from __future__ import annotations

import numpy as np
import pytest

from suite.errors import UsageError
from suite.workloads import WORKLOADS, Problem, Workload, definition
from suite.workloads.definition import (
    UNIT_ROUNDOFF,
    Cost,
    Input,
    Output,
    Parameter,
    Target,
    Tensor,
    workload,
)
from suite.workloads.distributions import Classes, Normal, Shifted


class Squares:
    """Squares of rows.

    y = x²
    """

    loss = "softmax_cross_entropy"
    problems = {"small": dict(batch=2, width=3, padding=0, eps=1e-5, causal=True, kind="plain")}

    @staticmethod
    def check(p: Problem) -> str | None:
        return "a square of 13 brings bad luck" if p.width == 13 else None

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "x": Input("B I", (p.batch, p.width)),
            "weight": Parameter("O I", (5, p.width)),
            "bias": Parameter("O", (5,)),
            "labels": Target("B", (p.batch,), Classes(5)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B O", (p.batch, 5))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=10 * p.batch, reduction=p.width)


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> Workload:
    monkeypatch.setattr(definition, "WORKLOADS", {})
    workload(family="toys")(Squares)
    return definition.WORKLOADS["squares"]


def refusal(found: Workload, name: str | None = None, **changes: object) -> str:
    with pytest.raises(UsageError) as error:
        found.problem(name, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_definition_is_filed_under_its_name_in_snake_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition, "WORKLOADS", {})
    for name in ("Squares", "LayerNorm", "Conv2dTranspose", "Mlp"):
        workload(family="toys")(type(name, (Squares,), {"problems": Squares.problems}))
    assert list(definition.WORKLOADS) == ["squares", "layer_norm", "conv2d_transpose", "mlp"]


def test_two_definitions_of_one_name_are_refused(squares: Workload) -> None:
    with pytest.raises(ValueError, match="two workloads are called squares"):
        workload(family="toys")(Squares)


def test_what_a_definition_leaves_out_has_its_default(squares: Workload) -> None:
    workload(family="toys")(type("Plain", (Squares,), {"problems": Squares.problems}))
    plain = definition.WORKLOADS["plain"]
    assert plain.tasks[:2] == ("forward", "gradient")
    assert (plain.bound, plain.loss, plain.smooth) == ("norm", None, True)
    assert squares.loss == "softmax_cross_entropy"


def test_a_workload_is_described_by_the_first_line_of_its_docstring(squares: Workload) -> None:
    assert squares.family == "toys"
    assert squares.summary == "Squares of rows"
    assert squares.doc == "Squares of rows.\n\ny = x²"


def test_a_problem_is_the_named_one_and_small_without_a_name() -> None:
    conv2d = WORKLOADS["conv2d"]
    assert conv2d.problem("medium") == dict(conv2d.problems["medium"])
    assert conv2d.problem() == dict(conv2d.problems["small"])


def test_changes_are_made_to_the_named_problem_and_leave_it_as_it_was(squares: Workload) -> None:
    assert squares.problem("small", batch=7).batch == 7
    assert squares.problem("small").batch == 2


def test_changes_may_come_as_text(squares: Workload) -> None:
    problem = squares.problem(batch="16", eps="1e-3", causal="False", kind="other")
    assert (problem.batch, problem.eps, problem.causal, problem.kind) == (16, 1e-3, False, "other")
    assert [type(value) for value in problem.values()] == [int, int, int, float, bool, str]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(batch="many"), "batch of squares must be a whole number, not 'many'"),
        (dict(batch=2.5), "batch of squares must be a whole number, not '2.5'"),
        (dict(batch=True), "batch of squares must be a whole number, not 'True'"),
        (dict(eps="tiny"), "eps of squares must be a number, not 'tiny'"),
        (dict(causal="maybe"), "causal of squares must be true or false, not 'maybe'"),
        (dict(bach=2), "there is no parameter of squares 'bach'; did you mean 'batch'?"),
        (dict(q=2), "known: batch, causal, eps, kind, padding, width"),
        (dict(batch=0), "makes no sense: batch must be at least 1, not 0"),
        (dict(padding=-1), "makes no sense: padding must be at least 0, not -1"),
        (dict(eps=0), "makes no sense: eps must be a positive number, not 0.0"),
        (dict(eps="nan"), "makes no sense: eps must be a positive number, not nan"),
        (dict(eps="inf"), "makes no sense: eps must be a positive number, not inf"),
        (
            dict(width=13),
            "squares[batch=2 width=13 padding=0 eps=1e-05 causal=true kind=plain] makes no sense:"
            " a square of 13 brings bad luck",
        ),
    ],
)
def test_an_impossible_problem_is_refused_in_one_sentence(
    squares: Workload, changes: dict[str, object], words: str
) -> None:
    assert words in refusal(squares, **changes)


def test_an_unknown_problem_is_refused_with_the_nearest_name(squares: Workload) -> None:
    assert refusal(squares, "smal") == "there is no problem of squares 'smal'; did you mean 'small'?"


def test_no_padding_is_possible_and_no_batch_is_not(squares: Workload) -> None:
    assert squares.problem(padding=0).padding == 0
    assert "batch" in refusal(squares, batch=0)


def test_a_parameter_that_a_problem_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(AttributeError, match="no parameter 'depth'; it has batch, width"):
        _ = Problem(batch=1, width=2).depth


def test_the_text_of_a_problem_names_every_parameter_in_order() -> None:
    assert Problem(batch=8, eps=1e-5, causal=True).text() == "batch=8 eps=1e-05 causal=true"


def test_arguments_and_targets_are_the_tensors_apart(squares: Workload) -> None:
    problem = squares.problem()
    assert list(squares.arguments(problem)) == ["x", "weight", "bias"]
    assert list(squares.targets(problem)) == ["labels"]


def test_parameters_are_counted_without_inputs_and_targets(squares: Workload) -> None:
    assert squares.parameter_count(squares.problem(width=7)) == 5 * 7 + 5


def test_class_numbers_and_targets_are_not_differentiated() -> None:
    assert Input("B", (2,)).differentiable
    assert Parameter("B", (2,)).differentiable
    assert not Input("B", (2,), Classes(3)).differentiable
    assert not Target("B", (2,), Normal()).differentiable
    assert Target("B", (2,), Normal()).floating


def test_the_size_of_a_tensor_is_that_of_its_shape_and_one_for_a_scalar() -> None:
    assert Input("A B C", (2, 3, 5)).size == 30
    assert Output("", ()).size == 1
    assert Input("A B", (2**20, 2**20)).size == 2**40


def test_forward_moves_its_arguments_and_the_result(squares: Workload) -> None:
    # x 2·3, weight 5·3 and bias 5 are read, y 2·5 is written; the labels are not needed.
    assert squares.bytes(squares.problem(), "forward", "float32") == 4 * (6 + 15 + 5 + 10)
    assert squares.bytes(squares.problem(), "forward", "bfloat16") == 2 * (6 + 15 + 5 + 10)


def test_gradient_reads_the_labels_too_and_writes_the_loss_and_every_gradient(squares: Workload) -> None:
    read, labels, written = 6 + 15 + 5, 2 * 8, 1 + 6 + 15 + 5
    assert squares.bytes(squares.problem(), "gradient", "float32") == 4 * read + labels + 4 * written


def test_gradient_reads_a_cotangent_where_there_is_no_loss() -> None:
    linear = WORKLOADS["linear"]  # tiny: x 3·5, weight 4·5, bias 4, y 3·4
    arguments, cotangent = 15 + 20 + 4, 12
    assert linear.bytes(linear.problem("tiny"), "gradient", "float32") == 4 * (arguments + cotangent + 1 + arguments)


def test_a_training_step_writes_the_loss_and_the_parameters(squares: Workload) -> None:
    read, labels, written = 6 + 15 + 5, 2 * 8, 1 + 15 + 5
    assert squares.bytes(squares.problem(), "train_step", "float32") == 4 * read + labels + 4 * written


def test_value_and_gradient_cost_three_forward_passes_unless_told_otherwise() -> None:
    assert Cost(10, 1).gradient == 30
    assert Cost(10, 1, 25).gradient == 25


@pytest.mark.parametrize(
    ("task", "flops"),
    [
        ("forward", 120),
        ("gradient", 3 * 120),
        ("train_step", 3 * 120),
        ("per_example_gradient", 3 * 120),
        ("jvp", 3 * 120),
        ("hvp", 9 * 120),
        ("jacobian", 120 + 12 * 2 * 120),
    ],
)
def test_what_a_task_costs_follows_from_forward_and_gradient(task: str, flops: int) -> None:
    linear = WORKLOADS["linear"]  # tiny: 3·4 outputs, each of 5 multiply-adds
    assert linear.flops(linear.problem("tiny"), task) == flops


def test_transforms_move_the_tangents_and_what_comes_of_them() -> None:
    linear = WORKLOADS["linear"]  # tiny: x 3·5, weight 4·5, bias 4, y 3·4
    problem, arguments, parameters, outputs = linear.problem("tiny"), 15 + 20 + 4, 20 + 4, 12
    assert linear.bytes(problem, "jvp", "float32") == 4 * (2 * arguments + 2 * outputs)
    assert linear.bytes(problem, "hvp", "float32") == 4 * (2 * arguments + outputs + 2 * arguments)
    assert linear.bytes(problem, "jacobian", "float32") == 4 * (arguments + arguments * outputs)
    per_example = arguments + outputs + 3 * (1 + parameters)
    assert linear.bytes(problem, "per_example_gradient", "float32") == 4 * per_example


def test_what_has_a_gradient_has_its_transforms_and_where_there_are_parameters_that_of_each_example() -> None:
    assert WORKLOADS["linear"].tasks == ("forward", "gradient", "jvp", "hvp", "jacobian", "per_example_gradient")
    assert WORKLOADS["relu"].tasks == ("forward", "gradient", "jvp", "hvp", "jacobian")
    assert WORKLOADS["adam"].tasks == ("forward",)


def test_the_batch_axis_is_the_one_that_counts_examples() -> None:
    found = {name: w.batch_axis(w.problem()) for name, w in WORKLOADS.items()}
    assert (found["linear"], found["conv2d"], found["lstm"], found["matmul"]) == ("B", "N", "B", None)


def test_the_gradient_of_a_small_parameter_sums_over_every_place_it_was_broadcast_to(squares: Workload) -> None:
    # x has 400 · 3 entries, y 400 · 5, the bias 5: each of its gradients sums 400 terms, more than the 3 of a row.
    assert squares.gradient_reduction(squares.problem(batch=400)) == 400
    assert squares.gradient_reduction(squares.problem(width=1000)) == 1000


def test_unit_roundoff_is_half_the_spacing_of_floats_at_one() -> None:
    for precision in ("float64", "float32", "float16"):
        assert UNIT_ROUNDOFF[precision] == np.finfo(precision).eps / 2
    # bfloat16 keeps the upper half of a float32: 7 bits after the leading one instead of 23.
    assert UNIT_ROUNDOFF["bfloat16"] == UNIT_ROUNDOFF["float32"] * 2**16
    assert UNIT_ROUNDOFF["tf32"] == UNIT_ROUNDOFF["float16"]


def test_draws_have_the_moments_that_they_are_named_for() -> None:
    rng = np.random.default_rng(0)
    normal = Normal(0.25)(rng, (200, 100))
    shifted = Shifted(mean=3.0, scale=0.5)(rng, (200, 100))
    assert (normal.mean(), normal.std()) == pytest.approx((0, 0.25), abs=0.01)
    assert (shifted.mean(), shifted.std()) == pytest.approx((3, 0.5), abs=0.02)
    classes = Classes(3)(rng, (200,))
    assert classes.dtype == np.int64
    assert set(classes.tolist()) == {0, 1, 2}
