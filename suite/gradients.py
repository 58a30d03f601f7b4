"""Is it the derivative? Checks of a gradient in float64, from the function's own values.

The function under test is `value_and_gradient(values) -> (loss, gradients)`, arrays by name in the definition's axes.

Differences are central with one Richardson step, R = (4 D(h/2) − D(h)) / 3, whose error is of order h⁴ (Richardson 1911).
Directions are Gaussian with signs, their entries of size 1. Where the function is smooth every entry moves by about 2e-3,
however many there are: small enough for the h⁴, large enough that the rounding of the loss does not show. Where it bends
more sharply smaller steps are tried: a wrong gradient is wrong at all of them. Where it has kinks the whole step has length
1e-4, so that few are crossed; smaller steps are tried where some are nevertheless, as in a deep model, which has tens of
thousands. D(h) and D(h/2) that disagree mark a kink: another direction is drawn, and what stays is reported as
non-differentiable, not as wrong. Only a function that its definition calls piecewise smooth is given that excuse.

The discrepancy is divided by ‖g‖ ‖v‖ / √n, the size that ⟨v, g⟩ has for such a direction, so the threshold need not grow
with the number of entries n, and one flipped sign in a million is seen. Where that size is so small that the rounding of
the loss would hide it, the discrepancy is divided by the least that shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Values = dict[str, Array]
ValueAndGradient = Callable[[Values], "tuple[float, Values]"]

THRESHOLD = 1e-9
STEPS_SMOOTH = (2e-3, 2e-4, 2e-5)
"""Of every entry; the first that agrees is believed."""
STEPS_KINKED = (1e-4, 1e-6, 1e-8)
"""Of the whole direction; likewise."""
KINK = 1e-7
SYMMETRY = 1e-12
ROUNDING = 8 * float(np.finfo(float).eps)
"""The difference of two losses is off by this share of the loss, at worst, where the function is one operation."""
TINY = float(np.finfo(float).tiny)
DIRECTIONS = 3
REDRAWS = 8


@dataclass(frozen=True)
class Finding:
    """The result of one check: `error` is relative; `where` names the worst tensor and, once narrowed down, the index."""

    name: str
    error: float
    tolerance: float
    where: str = ""

    @property
    def passed(self) -> bool:
        return not self.nan and self.error <= self.tolerance

    @property
    def nan(self) -> bool:
        return not np.isfinite(self.error)


class Differences:
    """Central differences of one function around one point."""

    def __init__(self, function: ValueAndGradient, point: Values, smooth: bool, layers: int = 1) -> None:
        self.function = function
        self.point = point
        self.smooth = smooth
        self.rounding_share = ROUNDING * math.sqrt(layers)
        """The rounding errors of layers add up like independent ones."""
        loss, self.gradient = function(point)
        self.loss = loss

    def discrepancy(self, direction: Values, scale: float) -> tuple[float, bool]:
        """How far the gradient's derivative along `direction` is from the differences', relative to `scale`; and whether
        that is for a kink."""
        predicted = self.predicted(direction)
        best, kinked = np.inf, False
        for step in STEPS_SMOOTH if self.smooth else [step / _length(direction) for step in STEPS_KINKED]:
            derivative, kinked = self.along(direction, step)
            visible = self.rounding_share * abs(self.loss) / step / THRESHOLD
            error = abs(predicted - derivative) / max(TINY, visible, scale)  # in this order NaN is never the largest
            if error <= best:  # NaN never is
                best = error
            if best <= THRESHOLD or not (self.smooth or kinked):
                break  # without a kink a smaller step would only see less
        return best, kinked

    def along(self, direction: Values, step: float) -> tuple[float, bool]:
        """The derivative along `direction`, and whether a kink lies at the point or beside it, within the step."""
        wide, wide_bend = self._differences(direction, step)
        narrow, narrow_bend = self._differences(direction, step / 2)
        refined = (4 * narrow - wide) / 3
        if self.smooth:
            return refined, False
        # Beyond rounding, D(h) and D(h/2) of a smooth function differ by O(h²) of its curvature only.
        scale = max(abs(refined), self.typical(direction))
        rounding = self.rounding_share * abs(self.loss) / step
        beside = abs(wide - narrow) > KINK * scale + rounding and abs(refined - narrow) > THRESHOLD * scale
        # Around a kink at the point itself central differences agree. But forward and backward ones keep their distance
        # there, which halves with the step where the function is smooth.
        at_point = abs(2 * narrow_bend - wide_bend) > KINK * scale + 4 * rounding
        return refined, beside or at_point

    def predicted(self, direction: Values) -> float:
        """The derivative along `direction` according to the gradient under test."""
        moved = {name: d != 0 for name, d in direction.items()}  # a NaN elsewhere is not this direction's
        return float(sum(np.vdot(self.gradient[name][mask], direction[name][mask]) for name, mask in moved.items()))

    def typical(self, direction: Values) -> float:
        """‖g‖ ‖v‖ / √n over the entries that `direction` moves: what ⟨v, g⟩ is for a random v."""
        moved = {name: d != 0 for name, d in direction.items()}
        count = sum(int(mask.sum()) for mask in moved.values())
        square = sum(float((np.asarray(self.gradient[name])[mask] ** 2).sum()) for name, mask in moved.items())
        return float(np.sqrt(square / max(count, 1))) * _length(direction)

    def _differences(self, direction: Values, step: float) -> tuple[float, float]:
        """The central difference, and by how much the forward one exceeds the backward one."""
        ahead, behind = (self._loss_at(direction, sign * step) for sign in (1, -1))
        return (ahead - behind) / (2 * step), (ahead - 2 * self.loss + behind) / step

    def _loss_at(self, direction: Values, step: float) -> float:
        moved = {name: self.point[name] + step * d for name, d in direction.items()}
        return self.function({**self.point, **moved})[0]


def _length(direction: Values) -> float:
    return float(np.sqrt(sum(float((d**2).sum()) for d in direction.values())))


def random_direction(point: Values, names: Sequence[str], rng: np.random.Generator) -> Values:
    """Signed Gaussian entries of size 1 for the tensors `names`."""
    return {name: rng.standard_normal(point[name].shape) for name in names}


def check_directions(
    function: ValueAndGradient,
    point: Values,
    names: Sequence[str],
    *,
    smooth: bool,
    rng: np.random.Generator,
    layers: int = 1,
) -> Finding:
    """Gradient against differences along random directions, one tensor at a time; a failure is narrowed to an index.

    Of a model, which has several `layers`, all tensors are first moved at once, which takes as long for hundreds as for one;
    only where that fails are they tried one at a time.
    """
    differences = Differences(function, point, smooth, layers)
    if layers > 1:
        worst, _, _ = _worst(differences, [names], rng)
        if worst <= THRESHOLD:
            return Finding("gradient.differences", worst, THRESHOLD, "all together")
    worst, where, kinked = _worst(differences, [[name] for name in names], rng)
    if kinked:
        where = f"{where}: a kink along each of {REDRAWS} directions"
    elif not worst <= THRESHOLD and np.isfinite(worst):
        where = f"{where}[{_narrow_down(differences, where, rng)}]"
    return Finding("gradient.differences", worst, THRESHOLD, where)


def _worst(
    differences: Differences, groups: Sequence[Sequence[str]], rng: np.random.Generator
) -> tuple[float, str, bool]:
    """The worst discrepancy along directions that move one group of tensors each, the first name of that group, and whether
    every direction met a kink there."""
    worst, where, kinked = 0.0, "", False
    for names in groups:
        for _ in range(DIRECTIONS):
            error, kink = _discrepancy_away_from_kinks(differences, names, rng)
            if error > worst:
                worst, where, kinked = error, names[0], kink
    return worst, where, kinked


def check_elements(
    function: ValueAndGradient, point: Values, names: Sequence[str], *, smooth: bool, layers: int = 1
) -> tuple[Finding, list[str]]:
    """Gradient against differences along every single entry; for problems of a few hundred entries.

    The error of an entry is relative to the root mean square of its tensor's gradient. Returns also the entries at which
    the function has a kink; they are left out, but for one in ten at most: more is no derivative at all.
    """
    differences = Differences(function, point, smooth, layers)
    worst, where, kinks = 0.0, "", []
    for name in names:
        gradient = np.asarray(differences.gradient[name])
        scale = float(np.sqrt((gradient**2).mean()))
        for index in np.ndindex(point[name].shape):
            unit = np.zeros_like(point[name])
            unit[index] = 1
            error, kinked = differences.discrepancy({name: unit}, scale)
            if kinked and error > THRESHOLD:
                kinks.append(f"{name}{list(index)}")
            elif error > worst:
                worst, where = error, f"{name}{list(index)}"
    if len(kinks) > sum(point[name].size for name in names) / 10:
        worst, where = np.inf, f"a kink at {len(kinks)} entries"
    return Finding("gradient.elements", worst, THRESHOLD, where), kinks


def check_adjoint(gradient: Values, directional: float, direction: Values) -> Finding:
    """Reverse mode against forward mode: ⟨Jᵀu, v⟩ = ⟨u, Jv⟩, where the loss is the contraction with u.

    `directional` is ⟨u, Jv⟩ from forward mode along `direction`.
    """
    typical = np.sqrt(sum(float((np.asarray(gradient[name]) ** 2).sum()) for name in direction))
    predicted = sum(float(np.vdot(gradient[name], d)) for name, d in direction.items())
    error = abs(predicted - directional) / max(float(typical), TINY)
    return Finding("gradient.adjoint", float(error), THRESHOLD)


def check_symmetry(
    hessian_times: Callable[[Values, Values], Values], point: Values, names: Sequence[str], rng: np.random.Generator
) -> Finding:
    """The Hessian is symmetric: ⟨w, H v⟩ = ⟨v, H w⟩ for two random directions, to rounding; no step is involved.

    The difference is relative to ‖w‖ ‖H v‖ / √n, the size that the product has for such directions.
    """
    v, w = random_direction(point, names, rng), random_direction(point, names, rng)
    along_v, along_w = hessian_times(point, v), hessian_times(point, w)
    one, other = (sum(float(np.vdot(a[n], b[n])) for n in names) for a, b in ((w, along_v), (v, along_w)))
    typical = np.sqrt(sum(float((along[n] ** 2).sum()) for along in (along_v, along_w) for n in names))
    return Finding("hvp.symmetry", float(abs(one - other) / max(float(typical), TINY)), SYMMETRY)


def _discrepancy_away_from_kinks(
    differences: Differences, names: Sequence[str], rng: np.random.Generator
) -> tuple[float, bool]:
    for _ in range(REDRAWS):
        direction = random_direction(differences.point, names, rng)
        error, kinked = differences.discrepancy(direction, differences.typical(direction))
        if not kinked:
            return error, False
    return np.inf, True


def _narrow_down(differences: Differences, name: str, rng: np.random.Generator) -> str:
    """The index of an entry of tensor `name` whose derivative is wrong, found by halving the set of moved entries."""
    shape = differences.point[name].shape
    scale = differences.typical({name: np.ones(shape)})
    candidates = np.arange(int(np.prod(shape, dtype=np.int64)))
    while len(candidates) > 1:
        halves = candidates[: len(candidates) // 2], candidates[len(candidates) // 2 :]
        errors = []
        for half in halves:
            flat = np.zeros(int(np.prod(shape, dtype=np.int64)))
            flat[half] = rng.standard_normal(len(half))
            direction = {name: flat.reshape(shape)}
            errors.append(differences.discrepancy(direction, scale)[0])
        candidates = halves[int(errors[1] > errors[0])]
    return ", ".join(str(int(i)) for i in np.unravel_index(int(candidates[0]), shape)) if shape else ""
