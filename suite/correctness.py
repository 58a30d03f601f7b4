"""Is it the right answer? Results held against a float64 reference. Pure functions of arrays.

Every comparison is written `error <= tolerance`, so that NaN and infinity never pass. Elementwise relative errors are no
criterion: cancellation makes single elements of a correct convolution arbitrarily wrong relative to themselves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from suite.records import Check
from suite.workloads import SMALLEST_NORMAL, UNIT_ROUNDOFF, Problem, Workload
from suite.workloads.draw import TANGENT

Array = np.ndarray

SAFETY = 8
"""Measured errors of correct implementations stay below 4 u (|A||B|), for reductions of 16 to 65,536 terms."""
FLOAT64_AGREEMENT = 1e-12
"""Two correct float64 results differ by less, normwise."""
HVP_AGREEMENT = 1e-9
"""The oracle's second derivatives are differences of its gradient, right to this share of both."""
TRAJECTORY_AGREEMENT = 1e-9
"""Losses of ten float64 training steps differ by less, relatively."""
PARAMETER_AGREEMENT = 1e-8
"""Likewise every parameter after each of these steps, normwise."""
TINY = np.finfo(np.float64).tiny


def roundoff(precision: str) -> float:
    """Unit round-off of the precision, plus that of the float64 reference itself."""
    return UNIT_ROUNDOFF[precision] + UNIT_ROUNDOFF["float64"]


def norm_tolerance(precision: str, reduction: int, condition: float = 1.0) -> float:
    """For ‖error‖ / ‖reference‖ after sums of `reduction` terms: 8 (u + u_sum √reduction), times the condition number.

    Rounding errors of a sum grow like the square root of its length (Higham and Mary 2019, A new approach to probabilistic
    rounding error analysis). Narrower types than float32 are summed in float32 by all frameworks.
    """
    summing = min(UNIT_ROUNDOFF[precision], UNIT_ROUNDOFF["float32"])
    return SAFETY * (roundoff(precision) + summing * math.sqrt(reduction)) * condition


def kinked_tolerance(tolerance: float) -> float:
    """For the gradient of a model with kinks, in a precision in which its layers are off by `tolerance`: the square root.

    A share of the entries before a ReLU, of the order of the tolerance, is so near to 0 that rounding decides on which side
    they are. Each lets its whole gradient through or none of it, so what differs is √tolerance of the whole, normwise. In
    float64, in which every gradient is held against the oracle as well, there are no such entries to speak of.
    """
    return math.sqrt(tolerance)


def check_value(
    workload: Workload,
    problem: Problem,
    precision: str,
    outputs: dict[str, Array],
    reference: dict[str, Array],
    bound: dict[str, Array] | None,
) -> Check:
    """The results of the forward task. `bound` is the operation on absolute values, |A||B|, where the definition has one:
    then each element's error may be 8 u times its bound (Higham 2002, Accuracy and Stability, section 3.5)."""
    if bound is None:
        cost = workload.cost(problem)
        tolerance = norm_tolerance(precision, cost.reduction, cost.condition)
        return check_norms("value", outputs, reference, tolerance, scales("forward", precision, reference))
    tolerance = SAFETY * roundoff(precision)
    worst, where = 0.0, ""
    for name, expected in reference.items():
        if complaint := _misshapen(name, outputs, expected):
            return Check("value", None, tolerance, False, complaint)
        with np.errstate(all="ignore"):
            errors = np.abs(outputs[name].astype(np.float64) - expected) / np.maximum(
                bound[name], SMALLEST_NORMAL[precision]
            )
        errors = np.where(np.isnan(errors), np.inf, errors)
        index = int(np.argmax(errors))
        if (error := float(errors.flat[index])) > worst:
            worst, where = error, f"{name}{[int(i) for i in np.unravel_index(index, errors.shape)]}"
    return _check("value", worst, tolerance, where)


def check_norms(
    name: str,
    results: dict[str, Array],
    reference: dict[str, Array],
    tolerance: float,
    scales: Mapping[str, float] | None = None,
) -> Check:
    """The worst ‖result − reference‖ / ‖reference‖ over all tensors; an all-zero reference must be met exactly.

    Where `scales` has more than ‖reference‖ for a tensor, its error is relative to that.
    """
    worst, where = 0.0, ""
    for key, expected in reference.items():
        if complaint := _misshapen(key, results, expected):
            return Check(name, None, tolerance, False, complaint)
        with np.errstate(all="ignore"):
            difference = float(np.linalg.norm(np.ravel(results[key].astype(np.float64) - expected)))
            error = difference / max(float(np.linalg.norm(np.ravel(expected))), (scales or {}).get(key, 0.0), TINY)
        if not error <= worst:  # also where it is NaN, which then stands as infinity: nothing later may take its place
            worst, where = error if error == error else math.inf, key
    return _check(name, worst, tolerance, where)


def main_check(task: str) -> str:
    """The name of the check that holds the results in the timed precision against float64."""
    return {"forward": "value", "train_step": "parameters"}.get(task, task)


def scales(
    task: str, precision: str, reference: dict[str, Array], parameters: Collection[str] = ()
) -> dict[str, float]:
    """What `check_norms` shall take errors relative to, where the reference is smaller.

    Numbers below the smallest normal one of the precision underflow. A second derivative may vanish: then it carries the
    rounding errors of the gradient that it was derived from. And a model may not depend on one of its `parameters`, such
    as a bias before a normalisation: then rounding leaves of its gradient what it leaves of any sum of such terms, and an
    entry's error is relative to the root mean square of all gradients of the model.
    """
    smallest = {name: SMALLEST_NORMAL[precision] * math.sqrt(array.size) for name, array in reference.items()}
    if task == "gradient" and parameters:
        squares = sum(float(np.square(reference[name], dtype=np.float64).sum()) for name in parameters)
        mean = math.sqrt(squares / sum(reference[name].size for name in parameters))
        return smallest | {name: mean * math.sqrt(reference[name].size) for name in parameters}
    if task != "hvp":
        return smallest
    gradients = {TANGENT + name: float(np.linalg.norm(np.ravel(array))) for name, array in reference.items()}
    return {name: max(scale, gradients.get(name, 0.0)) for name, scale in smallest.items()}


def undirected_scales(parameters: Mapping[str, Array], learning_rate: float, tolerance: float) -> dict[str, float]:
    """Scales with which `check_norms` lets every entry be off by twice the learning rate.

    Adam's first step has this size however small the gradient is, so where a gradient vanishes rounding decides its sign
    (Kingma and Ba 2015, section 2.1: the step is bounded by the learning rate). What is right about the step is then shown
    by the losses and parameters of ten steps in float64, in which what rounding leaves is small beside Adam's ε.
    """
    return {name: 2 * learning_rate * math.sqrt(array.size) / tolerance for name, array in parameters.items()}


def check_trajectory(losses: list[float], reference: list[float]) -> Check:
    """The losses of the same training steps, in float64: the worst relative difference."""
    if len(losses) != len(reference):
        return Check("training", None, TRAJECTORY_AGREEMENT, False, f"{len(losses)} losses, not {len(reference)}")
    errors = [abs(a - b) / max(abs(b), TINY) for a, b in zip(losses, reference, strict=True)]
    worst = next((e for e in errors if not math.isfinite(e)), max(errors))
    return _check("training", worst, TRAJECTORY_AGREEMENT, f"step {errors.index(worst) + 1} of {len(errors)}")


def reason(checks: list[Check]) -> str:
    """One sentence for the first check that failed."""
    for check in checks:
        if not check.passed:
            place = f" ({check.detail})" if check.detail else ""
            if check.error is None:
                return f"{check.name}: {check.detail}"
            return f"{check.name} is off by {check.error:.2g}, more than {check.tolerance:.2g}{place}"
    return ""


def _check(name: str, error: float, tolerance: float, where: str) -> Check:
    if not math.isfinite(error):
        return Check(name, None, tolerance, False, f"not a finite number in {where}")
    return Check(name, error, tolerance, bool(error <= tolerance), where)


def _misshapen(name: str, results: dict[str, Array], expected: Array) -> str | None:
    if name not in results:
        return f"{name} is missing"
    if results[name].shape != expected.shape:
        return f"{name} has shape {results[name].shape}, not {expected.shape}"
    return None
