"""A function of n numbers in a ring, each coupled to its neighbour, its derivative, and faults planted into that.

t_i = sin(x_i + x_{i+1} / 2), where x_n is x_0. With one output the function is Σ t_i, with many it is all n of them. All
here is NumPy in float64; a checker's module wraps it for its framework.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Bug = Callable[[Array, Array, int], Array]
"""Of the right derivative, of the same without the neighbours' share, and of an index: what is returned in its place."""

COUPLING = 0.5
NO_BUG = "none"


def _at_one_entry(change: Callable[[float], float]) -> Bug:
    def planted(right: Array, uncoupled: Array, index: int) -> Array:
        wrong = right.copy()
        wrong[index] = change(right[index])
        return wrong

    return planted


def _swapped(right: Array, uncoupled: Array, index: int) -> Array:
    wrong = right.copy()
    wrong[[index - 1, index]] = right[[index, index - 1]]
    return wrong


BUGS: dict[str, Bug] = {
    "one sign flipped": _at_one_entry(lambda entry: -entry),
    "one entry zero": _at_one_entry(lambda entry: 0.0),
    "one entry NaN": _at_one_entry(lambda entry: np.nan),
    "two neighbours swapped": _swapped,
    "all times 1.01": lambda right, uncoupled, index: 1.01 * right,
    "all times 1.0001": lambda right, uncoupled, index: 1.0001 * right,
    "all rounded to float32": lambda right, uncoupled, index: right.astype(np.float32).astype(np.float64),
    "all shifted by one": lambda right, uncoupled, index: np.roll(right, 1),
    "coupling left out": lambda right, uncoupled, index: uncoupled,
}


@dataclass(frozen=True)
class Function:
    """The function, with the fault `bug` of `BUGS` in its derivative, or `NO_BUG`; `kinked` takes ReLU for the sine.

    A fault in one entry is in the one that lies at the share `place` of them.
    """

    bug: str = NO_BUG
    many: bool = False
    kinked: bool = False
    place: float = 0.5

    def value(self, x: Array) -> Array:
        """All t_i, or their sum."""
        mixed = _mixed(x)
        terms = np.maximum(mixed, 0) if self.kinked else np.sin(mixed)
        return terms if self.many else terms.sum()

    def pullback(self, x: Array, weights: Array) -> Array:
        """The gradient of the outputs' sum weighted with `weights`, as reverse mode has it; the fault is in it."""
        uncoupled = self._slopes(x) * weights
        return self._planted(uncoupled + COUPLING * np.roll(uncoupled, 1), uncoupled)

    def pushforward(self, x: Array, direction: Array) -> Array:
        """The derivative along `direction`, as forward mode has it; the fault is in its n entries where there are many
        outputs, in the gradient otherwise."""
        if not self.many:
            return np.vdot(self.pullback(x, np.ones(())), direction)
        slopes = self._slopes(x)
        return self._planted(slopes * _mixed(direction), slopes * direction)

    def _slopes(self, x: Array) -> Array:
        mixed = _mixed(x)
        return (mixed > 0).astype(np.float64) if self.kinked else np.cos(mixed)

    def _planted(self, right: Array, uncoupled: Array) -> Array:
        index = int(self.place * len(right))
        return right if self.bug == NO_BUG else BUGS[self.bug](right, uncoupled, index)


def _mixed(x: Array) -> Array:
    return x + COUPLING * np.roll(x, -1)


def point(n: int, seed: int = 0) -> Array:
    """Where the derivative is checked: the same numbers for every checker."""
    return np.random.default_rng(seed).standard_normal(n)
