from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest

from reports import parting
from suite import divergence
from suite.cases import Column
from suite.divergence import Divergence, Drift, Layer, Step
from suite.plan import Plan
from suite.targets import Target
from tests.fakes.running import QUICK, case

HONEST = Target("pytorch", "pytorch", sys.executable, "impls.pytorch")
BENT = Target("bent", "pytorch", sys.executable, "tests.fakes.bent")
pytestmark = pytest.mark.xdist_group("pytorch")


def both(task: str, precision: str) -> Plan:
    columns = [Column(target.name, target.framework, "eager") for target in (HONEST, BENT)]
    return Plan(QUICK, [case("resnet18", "tiny", task, precision)], [HONEST, BENT], columns, 0, warm_caches=False)


@pytest.fixture(scope="module")
def found() -> Divergence:
    return divergence.diverge(both("gradient", "float64"))


@pytest.fixture(scope="module")
def drifting() -> Drift:
    return divergence.drift(both("train_step", "float32"), steps=3)


def test_the_first_layer_with_a_wrong_setting_is_named(found: Divergence) -> None:
    assert found.first is not None
    assert (found.first.name, found.first.backward) == ("layer4.0.bn1", False)
    assert found.suspects == ["bent"]


def test_layers_before_it_are_within_their_budgets(found: Divergence) -> None:
    names = [layer.name for layer in found.layers if not layer.backward]
    before = found.layers[: names.index("layer4.0.bn1")]
    assert len(before) > 20
    assert not any(layer.beyond for layer in before)


def test_layers_come_forward_in_their_order_and_backward_in_theirs(found: Divergence) -> None:
    forward = [layer.name for layer in found.layers if not layer.backward]
    backward = [layer.name for layer in found.layers if layer.backward]
    assert forward.index("conv1") < forward.index("layer1.0.conv1") < forward.index("fc")
    assert backward.index("fc") < backward.index("layer1.0.conv1") < backward.index("conv1")


def test_the_sentence_names_where_they_part_and_who_is_to_blame(found: Divergence) -> None:
    sentence = parting.sentence(found)
    assert "part forward through layer4.0.bn1" in sentence
    assert "bent parts from the oracle there" in sentence


def test_training_that_goes_another_way_is_told_from_rounding(drifting: Drift) -> None:
    assert drifting.first is not None
    assert drifting.first.number == 1
    assert "part in step 1: they differ by" in parting.steps_sentence(drifting)
    assert parting.steps_sentence(drifting).endswith("even in float64")


def test_a_difference_that_is_no_number_is_beyond_every_budget() -> None:
    assert Layer("fc", False, {"a": 0.0, "b": math.nan}, math.nan, 1.0).beyond
    assert Step(1, {"a": 0.0, "b": 0.0}, math.nan, 1e-16, 1.0).beyond
    assert Step(1, {"a": 0.0, "b": 0.0}, 1e-7, math.nan, 1e-7).beyond


def test_a_gate_that_opens_in_one_of_the_two_only_is_no_fault() -> None:
    flipped = Step(10, {"a": 1.0, "b": 1.0}, difference=2e-5, exact=1e-16, expected=6e-8, gates=1e-4)
    assert not flipped.beyond
    assert replace(flipped, gates=0.0).beyond
    assert replace(flipped, exact=1e-5).beyond


def test_equal_training_is_within_what_rounding_explains() -> None:
    steps = [Step(number, {"a": 1.0, "b": 1.0}, 1e-7 * number, 1e-16, 1e-7) for number in (1, 2)]
    drift = Drift(case("resnet18", "tiny", "train_step"), ("a", "b"), steps)
    assert drift.first is None
    assert "within what rounding explains" in parting.steps_sentence(drift)
    assert parting.steps_as_json(drift)["first"] is None


def test_a_fault_of_the_narrow_precision_alone_is_told_from_the_growth_of_rounding() -> None:
    chaos = Step(9, {"a": 1.0, "b": 1.0}, difference=1e-3, exact=1e-12, expected=5e-4)
    fault = Step(1, {"a": 1.0, "b": 1.0}, difference=1e-3, exact=1e-16, expected=6e-8)
    drift = Drift(case("resnet18", "tiny", "train_step"), ("a", "b"), [chaos, fault])
    assert (chaos.beyond, fault.beyond, fault.parts_exactly) == (False, True, False)
    assert "lets 6.0e-08 be expected" in parting.steps_sentence(drift)
