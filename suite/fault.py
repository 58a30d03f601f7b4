"""What a probe finds wrong with a model, as the worker tells it and the report shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A figure beyond its threshold, and where."""

    where: str
    """The parameter, layer, position or axis that is to blame."""
    sentence: str
    figure: float
    threshold: float
    remedy: str
