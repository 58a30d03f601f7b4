"""Every oracle against what others found: ONNX's frozen data and reference evaluator, NumPy's and SciPy's tables."""

from __future__ import annotations

import pytest

from impls import interface
from tests.truth.oracle import cases, error
from tests.truth.outside import TOLERANCE, Truth

ORACLE = interface.load("impls.numpy")[1]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_oracle_agrees_with_the_outside_case(case: Truth) -> None:
    assert error(ORACLE[case.workload, "default"].function, case) <= TOLERANCE[case.precision]
