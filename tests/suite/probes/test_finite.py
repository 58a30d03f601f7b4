"""Which operation is named for NaN and infinity, shown on operations written down by hand."""

from __future__ import annotations

import numpy as np
import pytest

from impls.subject import Operation, Phase
from suite.probes.finite import arriving, makes

INF, NAN = np.inf, np.nan


def operation(name: str, inputs: dict[int, list[float]], outputs: dict[int, list[float]], phase: Phase = "forward"):
    given, out = ([np.array(each, np.float32) for each in held.values()] for held in (inputs, outputs))
    return Operation(name, "here", phase, tuple(given), tuple(out), tuple(inputs), tuple(outputs))


def named(*operations: Operation) -> list[str]:
    return [each.name for each in arriving(list(operations))]


FILL = operation("masked_fill", {1: [1, 2]}, {2: [1, -INF]})
SOFTMAX = operation("softmax", {2: [1, -INF]}, {3: [1, 0]})


def test_infinities_that_a_softmax_absorbs_do_not_arrive():
    assert named(FILL, SOFTMAX, operation("sum", {3: [1, 0]}, {4: [1]}, "loss")) == []


def test_what_is_absorbed_in_the_forward_pass_arrives_where_the_backward_pass_meets_it():
    exp = operation("exp", {1: [1, 100]}, {2: [3, INF]})
    where = operation("where", {2: [3, INF]}, {3: [3, 0]})
    backward = operation("multiply", {9: [1, 0], 2: [3, INF]}, {10: [3, NAN]}, "backward")
    assert named(exp, where) == []
    assert named(exp, where, backward) == ["exp", "multiply"]


def test_an_infinite_loss_arrives_though_the_backward_pass_begins_with_one():
    log = operation("log", {1: [0]}, {2: [-INF]}, "loss")
    assert named(log, operation("ones_like", {2: [-INF]}, {3: [1]}, "backward")) == ["log"]


@pytest.mark.parametrize(
    ("given", "out", "made"),
    [
        ([0.0], [INF], True),
        ([INF], [INF], False),
        ([INF], [NAN], True),
        ([NAN], [NAN], False),
        ([1.0], [2.0], False),
    ],
)
def test_an_operation_makes_what_none_of_its_inputs_held(given, out, made):
    assert makes(operation("some", {1: given}, {2: out})) is made
