from __future__ import annotations

from typing import Any

import pytest

from reports import learning
from suite.records import Curve


def curve(target: str, seed: int, test: float = 0.9, **changes: Any) -> Curve:
    told: dict[str, Any] = dict(workload="lenet5", problem="batch=2", summary="digits", precision="float32")
    told |= dict(target=target, framework=target, mode="eager", seed=seed)
    told |= dict(train=[2.0, 0.5, 0.1], validation=[2.0, 0.7, 0.4], accuracy=[0.1, 0.8, 0.9])
    return Curve(**{**told, "test_loss": 0.5, "test_accuracy": test, **changes})


def found(curves: list[Curve]) -> learning.Lesson:
    (lesson,) = learning.lessons(curves)
    return lesson


def test_frameworks_that_differ_less_than_their_seeds_agree() -> None:
    lesson = found([curve(name, seed, 0.9 + 0.01 * seed) for name in ("pytorch", "jax") for seed in range(3)])
    assert lesson.finding.endswith("no two differ by more than their seeds do")
    assert "91.0 % ± 1.0 in pytorch" in lesson.finding


def test_a_framework_that_learns_worse_than_its_seeds_explain_is_named() -> None:
    curves = [curve("pytorch", seed, 0.90 + 0.002 * seed) for seed in range(3)]
    curves += [curve("jax", seed, 0.70 + 0.002 * seed) for seed in range(3)]
    assert found(curves).finding.endswith("pytorch and jax differ by more than their seeds do")


def test_the_level_is_shared_by_all_pairs() -> None:
    two = {
        name: [curve(name, seed, base + 0.02 * seed) for seed in range(3)] for name, base in (("a", 0.8), ("b", 0.86))
    }
    assert learning.agreement(two) == [("a", "b")]
    three = two | {"c": [curve("c", seed, 0.83 + 0.02 * seed) for seed in range(3)]}
    assert learning.agreement(three) == []


def test_one_seed_proves_nothing() -> None:
    assert "with one seed nobody can say" in found([curve("pytorch", 0), curve("jax", 0, 0.5)]).finding


def test_results_without_any_spread_differ_where_they_are_not_equal() -> None:
    same = {name: [curve(name, seed) for seed in range(3)] for name in ("a", "b")}
    assert learning.agreement(same) == []
    other = same | {"b": [curve("b", seed, 0.8) for seed in range(3)]}
    assert learning.agreement(other) == [("a", "b")]


def test_where_there_are_no_classes_the_loss_is_compared() -> None:
    curves = [
        curve(name, seed, test_accuracy=None, accuracy=[], test_loss=0.5 + 0.01 * seed)
        for name in ("pytorch", "jax")
        for seed in range(2)
    ]
    lesson = found(curves)
    assert lesson.finding.startswith("test loss 0.505 ± 0.0071 in pytorch")
    assert all(row[-1] == "" for row in lesson.table.rows)


def test_the_overfitting_gap_is_validation_less_training_loss() -> None:
    lesson = found([curve("pytorch", seed) for seed in range(2)])
    assert learning.overfitting_gap(lesson.curves["pytorch"]) == pytest.approx(0.3)
    assert "0.3" in lesson.table.rows[0]


def test_the_picture_holds_every_framework_and_names_the_gap() -> None:
    drawn = learning.figure(found([curve(name, 0) for name in ("pytorch", "tensorflow", "jax")]))
    for words in ("pytorch, validation", "tensorflow, training", "jax, validation", "over-fitting", "gap 0.3"):
        assert words in drawn.svg, words
    assert "Over-fitting gap at the end: 0.3" in drawn.alternative


def test_who_could_not_learn_is_told_and_left_out() -> None:
    lesson = found([curve("pytorch", 0), curve("jax", 0, reason="the loss is not finite", train=[], validation=[])])
    assert list(lesson.curves) == ["pytorch"]
    assert lesson.failed == ["jax, seed 0: the loss is not finite"]


def test_where_nobody_learned_there_is_no_table() -> None:
    lesson = found([curve("jax", 0, reason="out of memory")])
    assert lesson.finding == "no framework learned it"
    assert lesson.table.rows == []


def test_models_come_in_the_order_in_which_they_were_learned() -> None:
    curves = [curve("jax", 0, workload=name) for name in ("vae", "gcn", "vae")]
    assert [lesson.label.partition(",")[0] for lesson in learning.lessons(curves)] == ["vae", "gcn"]
