"""How a tensor's values are drawn. Each is a callable (generator, shape) → array with a `kind`: float, int or bool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

Array = np.ndarray
Kind = Literal["float", "int", "bool"]


class Draw(Protocol):
    """Floats come as float64, whole numbers as int64."""

    @property
    def kind(self) -> Kind: ...

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array: ...


@dataclass(frozen=True)
class Normal:
    """Independent normal numbers of mean 0."""

    scale: float = 1.0
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.scale * rng.standard_normal(shape)


@dataclass(frozen=True)
class Shifted:
    """Independent normal numbers around `mean`."""

    mean: float
    scale: float
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return self.mean + self.scale * rng.standard_normal(shape)


@dataclass(frozen=True)
class Uniform:
    """Independent numbers, evenly from `low` to `high`."""

    low: float
    high: float
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class Apart:
    """Normal numbers of which none lies within `distance` of one of `points`: for functions with kinks there.

    What falls too near is moved away from the point, to the side that it was on.
    """

    points: tuple[float, ...]
    scale: float = 1.0
    distance: float = 0.01
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        values = self.scale * rng.standard_normal(shape)
        for point in self.points:
            near = np.abs(values - point) < self.distance
            values = np.where(near, values + np.where(values < point, -1, 1) * self.distance, values)
        return values


@dataclass(frozen=True)
class Distinct:
    """Numbers with no two nearer than `2 scale / size`, in random order: for what sorts or takes a maximum.

    The centres of as many equal intervals from -scale to scale, each moved by less than a quarter of an interval.
    """

    scale: float = 2.0
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        size = int(np.prod(shape, dtype=np.int64))
        places = rng.permutation(size) + 0.5 + rng.uniform(-0.25, 0.25, size)
        return np.asarray((2 * places / size - 1) * self.scale).reshape(shape)


@dataclass(frozen=True)
class Levels:
    """Independent numbers of few values, 0 … count - 1, as floats: for ties."""

    count: int
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(0, self.count, shape).astype(np.float64)


@dataclass(frozen=True)
class Signs:
    """-1 or 1, evenly, as floats."""

    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(0, 2, shape) * 2.0 - 1


@dataclass(frozen=True)
class Probabilities:
    """Positive numbers that sum to 1 along the last axis: the softmax of normal ones."""

    scale: float = 1.0
    kind: ClassVar[Kind] = "float"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        weights = np.exp(self.scale * rng.standard_normal(shape))
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Classes:
    """Independent class numbers 0 … count - 1, as int64."""

    count: int
    kind: ClassVar[Kind] = "int"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(0, self.count, shape)


@dataclass(frozen=True)
class Labels:
    """Independent class numbers 0 … count - 1, as int64, of which the first is not `ignored`: so not all of them are."""

    count: int
    ignored: int
    kind: ClassVar[Kind] = "int"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        labels = rng.integers(0, self.count, shape)
        if labels.flat[0] == self.ignored:
            labels.flat[0] = (self.ignored + 1) % self.count
        return labels


@dataclass(frozen=True)
class Integers:
    """Independent whole numbers low … high, both included, as int64."""

    low: int
    high: int
    kind: ClassVar[Kind] = "int"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.integers(self.low, self.high + 1, shape)


@dataclass(frozen=True)
class Mask:
    """True with this probability, as bool."""

    probability: float = 0.5
    kind: ClassVar[Kind] = "bool"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return rng.random(shape) < self.probability


@dataclass(frozen=True)
class Valid:
    """True with this probability, and at the first two places, as bool: of all rows, one at least has a choice."""

    probability: float
    kind: ClassVar[Kind] = "bool"

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        mask = rng.random(shape) < self.probability
        mask.flat[:2] = True
        return mask


DRAWS: tuple[type[Any], ...] = (
    Normal,
    Shifted,
    Uniform,
    Apart,
    Distinct,
    Levels,
    Signs,
    Probabilities,
    Classes,
    Labels,
    Integers,
    Mask,
    Valid,
)
