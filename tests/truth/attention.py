"""Attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from tests.truth.outside import Array, Frozen, Truth, frozen_of, random_cases, reference


def truths() -> Iterator[Truth]:
    yield from frozen_attention()
    yield from attention()
    yield from grouped_query_attention()
    yield from masked_attention()
    yield from sliding_window_attention()
    yield from decode_attention()
    yield from multi_head_attention()
    yield from rotary_embedding()
    yield from sinusoidal_positions()
    yield from additive_attention()


def frozen_attention() -> Iterator[Truth]:
    for case in _usable():
        query, key, value, *rest = case.inputs
        if any(extra is not None for extra in rest):  # masks by pairs of positions, a past, lengths
            continue
        causal = bool(case.attributes.get("is_causal", 0))
        query, key, value, y = _heads_apart(case, query, key, value, case.outputs[0])
        grouped = query.shape[1] != key.shape[1]
        # The causal mask counts from the upper left: what is behind the last query is seen by none.
        keys = query.shape[2] if causal else key.shape[2]
        values = [query, key[:, :, :keys], value[:, :, :keys]]
        yield _frozen(case, "grouped_query_attention" if grouped else "attention", dict(causal=causal), values, y)
        if causal and not grouped:
            yield _frozen(case, "sliding_window_attention", dict(window=keys), values, y)
        if not causal and not grouped:
            valid = np.ones((key.shape[0], keys), dtype=bool)
            yield _frozen(case, "masked_attention", {}, [*values, valid], y)


def attention() -> Iterator[Truth]:
    for name, rng in random_cases(5, "Attention"):
        query, key, value = rng.normal(size=(3, 2, 4, 6, 5))
        for causal in (False, True):
            y = reference("Attention", [query, key, value], opset=23, is_causal=int(causal))
            yield _random("attention", f"{name} causal={causal}", dict(causal=causal), [query, key, value], y)


def grouped_query_attention() -> Iterator[Truth]:
    for name, rng in random_cases(5, "Attention grouped"):
        query = rng.normal(size=(2, 6, 7, 5))
        key, value = rng.normal(size=(2, 2, 3, 7, 5))
        for causal in (False, True):
            y = reference("Attention", [query, key, value], opset=23, is_causal=int(causal))
            settings = dict(causal=causal)
            yield _random("grouped_query_attention", f"{name} causal={causal}", settings, [query, key, value], y)


def masked_attention() -> Iterator[Truth]:
    # The evaluator makes rows without a valid key NaN, against its own specification; so each has one here.
    for name, rng in random_cases(6, "Attention masked"):
        query, key, value = rng.normal(size=(3, 2, 4, 5)), rng.normal(size=(3, 2, 7, 5)), rng.normal(size=(3, 2, 7, 5))
        mask = rng.random((3, 7)) < 0.5
        mask[:, rng.integers(7)] = True
        every = np.broadcast_to(mask[:, None, None, :], (3, 1, 4, 7)).copy()
        y = reference("Attention", [query, key, value, every], opset=23)
        yield _random("masked_attention", name, {}, [query, key, value, mask], y)


def sliding_window_attention() -> Iterator[Truth]:
    for name, rng in random_cases(6, "Attention window"):
        query, key, value = rng.normal(size=(3, 2, 3, 9, 4))
        window = int(rng.integers(1, 9))
        # One diagonal after the other, each position with those before it.
        mask = sum(np.eye(9, k=-back) for back in range(window)) > 0
        y = reference("Attention", [query, key, value, mask], opset=23)
        yield _random(
            "sliding_window_attention", f"{name} window={window}", dict(window=window), [query, key, value], y
        )


def decode_attention() -> Iterator[Truth]:
    for name, rng in random_cases(6, "Attention with a past"):
        query, key, value = rng.normal(size=(3, 2, 3, 5))
        past_key, past_value = rng.normal(size=(2, 2, 3, 9, 5))
        filled = int(rng.integers(1, 9))
        one = [array[:, :, None] for array in (query, key, value)]
        past = [array[:, :, :filled] for array in (past_key, past_value)]
        y, present_key, present_value = reference("Attention", [*one, None, *past], outputs=3, opset=23)
        rest = np.s_[:, :, filled + 1 :]
        caches = [
            np.concatenate([present_key, past_key[rest]], axis=2),
            np.concatenate([present_value, past_value[rest]], axis=2),
        ]
        values = [query, key, value, past_key, past_value]
        yield _random("decode_attention", f"{name} filled={filled}", dict(filled=filled), values, [y[:, :, 0], *caches])


def multi_head_attention() -> Iterator[Truth]:
    for name, rng in random_cases(5, "Attention projected"):
        x, out_weight, out_bias = rng.normal(size=(2, 5, 12)), rng.normal(size=(12, 12)), rng.normal(size=12)
        in_weight, in_bias = rng.normal(size=(36, 12)) / 4, rng.normal(size=36)
        (projected,) = reference("MatMul", [x, in_weight.T])
        query, key, value = np.split(projected + in_bias, 3, axis=-1)
        for causal in (False, True):
            words: dict[str, Any] = dict(is_causal=int(causal), q_num_heads=3, kv_num_heads=3)
            (joined,) = reference("Attention", [query, key, value], opset=23, **words)
            (y,) = reference("MatMul", [joined, out_weight.T])
            values = [x, in_weight, in_bias, out_weight, out_bias]
            settings = dict(heads=3, causal=causal)
            yield _random("multi_head_attention", f"{name} causal={causal}", settings, values, [y + out_bias])


def rotary_embedding() -> Iterator[Truth]:
    # The frozen cases have tables of random numbers, which are sines and cosines of no angle.
    for name, rng in random_cases(5, "RotaryEmbedding"):
        x = rng.normal(size=(2, 3, 7, 8))
        base = float(rng.uniform(10, 20000))
        angles = np.array([[t / base ** (i / 4) for i in range(4)] for t in range(7)])
        tables = [np.repeat(table[None], 2, axis=0) for table in (np.cos(angles), np.sin(angles))]
        for pairs in ("halves", "neighbours"):
            y = reference("RotaryEmbedding", [x, *tables], opset=23, interleaved=int(pairs == "neighbours"))
            yield _random("rotary_embedding", f"{name} {pairs}", dict(base=base, pairs=pairs), [x], y)


def sinusoidal_positions() -> Iterator[Truth]:
    # SinePositionEncoding(max_wavelength=100) for 5 positions of 6 features; here it is added to the scaled argument.
    table = [
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        [0.841471016, 0.540302277, 0.213780656, 0.976881683, 0.0463992208, 0.998923004],
        [0.909297407, -0.416146815, 0.417676836, 0.908595681, 0.0926984921, 0.99569422],
        [0.141120002, -0.989992499, 0.602261007, 0.798299253, 0.138798088, 0.990320683],
        [-0.756802499, -0.653643608, 0.758998692, 0.651092112, 0.184598714, 0.982813954],
    ]
    for name, rng in random_cases(2, "SinePositionEncoding"):
        x = rng.normal(size=(2, 5, 6))
        y = 6**0.5 * x + table
        yield Truth("sinusoidal_positions", "kerashub", name, dict(base=100.0), [x], [y], "float32")


def additive_attention() -> Iterator[Truth]:
    # TestAdditiveAttention.test_forward_does_an_additive_product, one query to a batch: it tells the scores.
    query = np.array([[[0.7, -0.8]], [[0.4, 0.9]]])
    key = np.array(
        [
            [[1.0, -1.0, 3.0], [0.5, -0.3, 0.0], [0.2, -1.0, 1.0], [0.7, 0.8, -1.0]],
            [[-2.0, 3.0, -3.0], [0.6, 0.2, 2.0], [0.5, -0.4, -1.0], [0.2, 0.2, 0.0]],
        ]
    )
    query_weight = np.array([[-0.2, 0.3], [-0.5, 0.5]]).T
    key_weight = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]).T
    scores = np.array(
        [[[1.975072, -0.04997836, 1.2176098, -0.9205586]], [[-1.4851665, 1.489604, -1.890285, -1.0672251]]]
    )
    y = special.softmax(scores, axis=-1) @ key
    values = [query, key, query_weight, key_weight, np.array([1.0, -1.0])]
    yield Truth("additive_attention", "allennlp", "test_forward", {}, values, [y], "float32")
    for name, rng in random_cases(5, "additive"):
        query, key = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 7, 5))
        query_weight, key_weight, score_weight = rng.normal(size=(6, 4)), rng.normal(size=(6, 5)), rng.normal(size=6)
        (of_query,) = reference("MatMul", [query, query_weight.T])
        (of_key,) = reference("MatMul", [key, key_weight.T])
        (units,) = reference("Tanh", [reference("Add", [of_query[:, :, None], of_key[:, None]])[0]])
        (weights,) = reference("Softmax", reference("MatMul", [units, score_weight]), axis=-1)
        values = [query, key, query_weight, key_weight, score_weight]
        yield _random("additive_attention", name, {}, values, reference("MatMul", [weights, key]))


def _usable() -> Iterator[Frozen]:
    """Cases with nothing that the definitions lack: a scale of one's own, a cap on scores, half precision."""
    for case in frozen_of("Attention"):
        if case.inputs[0].dtype == np.float32 and not {"scale", "softcap"} & set(case.attributes):
            yield case


def _heads_apart(case: Frozen, query: Array, key: Array, value: Array, y: Array) -> list[Array]:
    """B H T D of each, from B T (H D) where the case has three axes."""
    if query.ndim == 4:
        return [query, key, value, y]
    heads, kv_heads = case.attributes["q_num_heads"], case.attributes["kv_num_heads"]
    pairs = ((query, heads), (key, kv_heads), (value, kv_heads), (y, heads))
    return [array.reshape(*array.shape[:2], count, -1).swapaxes(1, 2) for array, count in pairs]


def _frozen(case: Frozen, workload: str, problem: dict[str, Any], values: list[Array], y: Array) -> Truth:
    return Truth(workload, case.source, case.name, problem, values, [y], "float32")


def _random(workload: str, name: str, problem: dict[str, Any], values: list[Array], expected: list[Array]) -> Truth:
    return Truth(workload, "onnx reference", name, problem, values, expected, "float64")
