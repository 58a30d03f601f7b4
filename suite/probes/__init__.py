"""Probes: each asks one question of a person's own model, and names what is to blame; one module a kind of fault."""

from suite.probes import (
    accumulation,
    aliasing,
    batch,
    broadcasting,
    derivative,
    evaluation,
    finite,
    flow,
    halves,
    learning,
    registration,
    symmetry,
    tokens,
    twice,
)
from suite.probes.probe import PROBES

__all__ = [
    "PROBES",
    "accumulation",
    "aliasing",
    "batch",
    "broadcasting",
    "derivative",
    "evaluation",
    "finite",
    "flow",
    "halves",
    "learning",
    "registration",
    "symmetry",
    "tokens",
    "twice",
]
