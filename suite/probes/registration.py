"""Registration: weights that no optimizer can find."""

from __future__ import annotations

import numpy as np

from impls.subject import Array, Operation, Subject
from suite.fault import Fault
from suite.probes.probe import probe


@probe("registration")
def registration(subject: Subject) -> list[Fault]:
    """Tensors that the model holds without registering them, and random weights that are made anew in each call."""
    remedy = "make it a parameter, or a buffer where it shall not train; hold layers in the framework's own containers"
    sentence = "the model computes with it and has not registered it: no optimizer trains it, nothing saves or moves it"
    faults = [Fault(each, sentence, 1.0, 0.0, remedy) for each in subject.strays()]
    inputs = subject.inputs()
    for where, shape in weights_on_the_way(subject.operations(inputs, subject.targets()), inputs).items():
        sentence = f"a random tensor of shape {shape}, made in the call itself, is a weight of what follows"
        faults.append(
            Fault(where, sentence, 1.0, 0.0, "make the layer once, where the model is built, and only call it here")
        )
    return faults


def weights_on_the_way(operations: list[Operation], inputs: list[Array]) -> dict[str, tuple[int, ...]]:
    """Where random values are made that depend on no input, and are multiplied as matrices by what does; with the matrix'
    shape. Noise that a decoder's registered weights are applied to is none of these."""
    data: set[int] = set()
    made: dict[int, str] = {}
    found: dict[str, tuple[int, ...]] = {}
    known: set[int] = set()
    for each in operations:
        for token, array in zip(each.input_tokens, each.inputs, strict=True):
            if token not in known and any(
                array.shape == given.shape and np.array_equal(array, given) for given in inputs
            ):
                data.add(token)
        known.update(each.input_tokens, each.output_tokens)
        tokens = set(each.input_tokens)
        origin = next((made[token] for token in each.input_tokens if token in made), None)
        if each.name == "product" and tokens & data:
            for token, array in zip(each.input_tokens, each.inputs, strict=True):
                if token in made and array.ndim > 1:
                    found.setdefault(made[token], array.shape)
        if each.name == "random":
            origin = each.where
        for token in each.output_tokens:
            made.pop(token, None)
            if tokens & data:
                data.add(token)
            elif origin is not None:
                made[token] = origin
    return found
