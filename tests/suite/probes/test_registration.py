"""What counts as a weight that is made on the way, shown on operations written down by hand."""

from __future__ import annotations

import numpy as np

from impls.subject import Operation
from suite.probes.registration import weights_on_the_way

X = np.arange(6, dtype=np.float32).reshape(2, 3)
W = np.ones((3, 3), np.float32)


def operation(name: str, inputs: dict[int, np.ndarray], outputs: dict[int, np.ndarray], where: str = "here"):
    return Operation(
        name, where, "forward", tuple(inputs.values()), tuple(outputs.values()), tuple(inputs), tuple(outputs)
    )


RANDOM = operation("random", {}, {2: W}, "line 3")


def test_random_values_that_multiply_an_input_are_a_weight_and_where_they_are_made_is_told():
    scaled = operation("multiply", {2: W}, {3: 2 * W})
    product = operation("product", {1: X, 3: 2 * W}, {4: X @ W})
    assert weights_on_the_way([RANDOM, scaled, product], [X]) == {"line 3": (3, 3)}


def test_noise_that_registered_weights_are_applied_to_is_no_weight():
    assert weights_on_the_way([RANDOM, operation("product", {2: W, 7: 3 * W}, {4: 9 * W})], [X]) == {}


def test_random_values_that_an_input_went_into_are_no_weight():
    shifted = operation("add", {2: W, 1: X}, {3: W})
    product = operation("product", {1: X, 3: W}, {4: X @ W})
    assert weights_on_the_way([RANDOM, shifted, product], [X]) == {}


def test_what_replaces_random_values_in_place_is_no_weight():
    copied = operation("copy_", {2: W, 5: W}, {2: W})
    overwritten = operation("copy_", {2: W, 1: X}, {2: X})
    product = operation("product", {1: X, 2: W}, {4: X})
    assert weights_on_the_way([RANDOM, copied, product], [X]) == {"line 3": (3, 3)}
    assert weights_on_the_way([RANDOM, overwritten, product], [X]) == {}
