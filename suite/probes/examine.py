"""A person's model put before probes: the worker's side of `suite.probing`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from impls.subject import Specimen, Subject, Unfit, resolve, specimen, subject
from suite.errors import UsageError
from suite.probes import PROBES
from suite.probes.probe import in_each_mode

Reply = dict[str, Any]


class Examined:
    """What `reference` names, made anew for each probe, so that none sees what another left."""

    def __init__(
        self, package: str, reference: str, folder: str, inputs: Sequence[Mapping[str, Any]], claims: Mapping[str, Any]
    ) -> None:
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self.package, self.reference, self.inputs, self.claims = package, reference, inputs, claims

    def look(self) -> Reply:
        """What it is, once it has been called with its inputs. Raises UsageError where it cannot be."""
        found = self._subject()
        try:
            outputs = in_each_mode(lambda training: found.call(found.inputs(), training))[-1]
        except Unfit as reason:
            raise UsageError(str(reason)) from None
        return {
            "parameters": int(sum(values.size for values in found.parameters().values())),
            "inputs": [_described(each) for each in found.inputs()],
            "outputs": [_described(each) for each in outputs],
            "probes": list(PROBES),
        }

    def probe(self, name: str) -> Reply:
        found = self._subject()
        before = found.parameters(), found.states()
        try:
            faults = PROBES[name](found)
        except Unfit as reason:
            return {"unfit": str(reason), "faults": []}
        finally:
            found.load(*before)  # a reference to a model that is made already gives the same one to every probe
        return {"unfit": "", "faults": [_plain(dataclasses.asdict(fault)) for fault in faults]}

    def _subject(self) -> Subject:
        return subject(self.package, self._specimen)

    def _specimen(self) -> Specimen:
        return specimen(resolve(self.reference), [drawn(each) for each in self.inputs], self.claims)


def drawn(request: Mapping[str, Any]) -> np.ndarray:
    """Numbers as `suite.probing.Input` asks for them: the same ones each time."""
    rng = np.random.default_rng(0)
    shape = tuple(request["shape"])
    if request["fill"] is not None:
        return np.full(shape, request["fill"], np.float32)
    if request["below"] is not None:
        return rng.integers(request["below"], size=shape)
    return rng.standard_normal(shape).astype(np.float32)


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} {'×'.join(map(str, array.shape)) or 'scalar'}"


def _plain(fault: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: a figure that is not finite is told by a word."""
    return {k: str(v) if isinstance(v, float) and not np.isfinite(v) else v for k, v in fault.items()}
