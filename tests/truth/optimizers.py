"""Optimizers: ONNX's training operators; and what optax makes of one step each, as recorded below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tests.truth.outside import Array, Truth, frozen_of, random_cases

SHAPES = ((2, 3), (2,))
MOMENT, SQUARES = "moment", "squares"


def truths() -> Iterator[Truth]:
    yield from frozen_momentum()
    yield from frozen_adagrad()
    yield from frozen_adam()
    states: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("Momentum", "sgd", (MOMENT,)),
        ("Momentum", "momentum", (MOMENT,)),
        ("Momentum", "nesterov", (MOMENT,)),
        ("Adagrad", "adagrad", (SQUARES,)),
        ("Adam", "adam", (MOMENT, SQUARES)),
        ("Adam", "adamw", (MOMENT, SQUARES)),
    )
    for op, workload, state in states:
        for name, generator in random_cases(5, f"{workload} {op}"):
            yield evaluated(op, workload, name, tensors(generator, state))
    for entry in RECORDED:
        yield recorded(*entry)


def tensors(generator: np.random.Generator, state: Sequence[str]) -> list[Array]:
    """The weight and the bias, their gradients, and each kind of state."""
    draws = [MOMENT, MOMENT, *state]
    return [
        generator.normal(size=shape) if draw == MOMENT else generator.uniform(0.1, 2, size=shape)
        for draw in draws
        for shape in SHAPES
    ]


def frozen_momentum() -> Iterator[Truth]:
    for case in frozen_of("Momentum"):
        rate, step, *values = case.inputs
        assert step == 0 or case.attributes["beta"] == 1  # else the gradient is damped, which the definitions never do
        workload = {"standard": "momentum", "nesterov": "nesterov"}[case.attributes["mode"]]
        problem = dict(
            learning_rate=float(rate),
            momentum=case.attributes["alpha"],
            weight_decay=case.attributes["norm_coefficient"],
            clip=0.0,
        )
        yield Truth(workload, case.source, case.name, problem, both(values, 3), both(case.outputs, 2), "float32")


def frozen_adagrad() -> Iterator[Truth]:
    for case in frozen_of("Adagrad"):
        rate, step, *values = case.inputs
        problem = dict(
            learning_rate=float(rate) / (1 + int(step) * case.attributes["decay_factor"]),
            eps=case.attributes["epsilon"],
            weight_decay=case.attributes["norm_coefficient"],
            clip=0.0,
        )
        yield Truth("adagrad", case.source, case.name, problem, both(values, 3), both(case.outputs, 2), "float32")


def frozen_adam() -> Iterator[Truth]:
    for case in frozen_of("Adam"):
        rate, step, *values = case.inputs
        assert step == 0  # without bias correction, which is 1 after very many steps
        problem = dict(
            learning_rate=float(rate),
            beta1=case.attributes["alpha"],
            beta2=case.attributes["beta"],
            eps=case.attributes["epsilon"],
            weight_decay=case.attributes["norm_coefficient"],
            step=100_000,
            clip=0.0,
        )
        yield Truth("adam", case.source, case.name, problem, both(values, 4), both(case.outputs, 3), "float32")


def both(values: Sequence[Array], kinds: int) -> list[Array]:
    """One tensor of each kind stands for the weight and for the bias."""
    return [np.asarray(v) for v in values for _ in range(2)] if len(values) == kinds else list(values)


def evaluated(op: str, workload: str, name: str, values: list[Array]) -> Truth:
    rate, decay, alpha, beta, eps, step = 0.25, 0.5, 0.875, 0.96875, 0.125, 3
    problem: dict[str, Any] = dict(learning_rate=rate, weight_decay=decay, clip=0.0)
    attributes: dict[str, Any] = dict(norm_coefficient=decay)
    given = values
    if op == "Momentum":
        attributes |= dict(alpha=alpha, beta=1.0, mode="nesterov" if workload == "nesterov" else "standard")
        problem["momentum"] = alpha
    elif op == "Adagrad":
        attributes |= dict(epsilon=eps, decay_factor=0.0)
        problem["eps"] = eps
    else:
        # ONNX adds its eps before the bias correction of the squares, the definition after it.
        attributes |= dict(alpha=alpha, beta=beta, epsilon=eps, norm_coefficient_post=0.0)
        problem |= dict(beta1=alpha, beta2=beta, eps=eps / np.sqrt(1 - beta**step), step=step)
    if workload == "sgd":
        attributes["alpha"] = 0.0
        values = values[:4]
    if workload == "adamw":  # ONNX can decay after the step only: here it gets parameters that have decayed
        attributes["norm_coefficient"] = 0.0
        given = [array * (1 - rate * decay) for array in values[:2]] + values[2:]
    made = [training(op, rate, step, given[first::2], attributes) for first in (0, 1)]
    expected = [array for pair in zip(*made, strict=True) for array in pair]
    if workload == "sgd":
        expected = expected[:2]
    return Truth(workload, "onnx reference", name, problem, values, expected, "float64")


def training(op: str, rate: float, step: int, arrays: Sequence[Array], attributes: Mapping[str, Any]) -> list[Array]:
    """What ONNX's reference evaluator makes of an operator for training, of one parameter and its state."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    fed = {f"x{n}": array for n, array in enumerate([np.array(rate), np.array(step), *arrays])}
    made = [f"y{n}" for n in range(len(arrays) - 1)]
    domain = "ai.onnx.preview.training"
    graph = helper.make_graph(
        [helper.make_node(op, list(fed), made, domain=domain, **attributes)],
        op,
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in fed.items()],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in made],
    )
    imports = [helper.make_opsetid("", 22), helper.make_opsetid(domain, 1)]
    return list(ReferenceEvaluator(helper.make_model(graph, opset_imports=imports)).run(None, fed))


def recorded(workload: str, expression: str, problem: Mapping[str, Any], given: Sequence[str], text: str) -> Truth:
    numbers = np.array(text.split(), dtype=np.float64).reshape(-1, 8)  # a row: the six of the weight, two of the bias
    expected = [part for row in numbers for part in (row[:6].reshape(2, 3), row[6:])]
    values = [np.array(part) for name in given for part in GIVEN[name]]
    name = f"{expression} of {given[0]}"
    return Truth(workload, "optax", name, problem, values, expected, "float64")


# The weight's and the bias's.
GIVEN: dict[str, tuple[list[list[float]], list[float]]] = {
    "parameters": ([[0.5, -1.25, 2.0], [-0.75, 0.25, 1.5]], [1.0, -0.5]),
    "no bias": ([[0.5, -1.25, 2.0], [-0.75, 0.25, 1.5]], [0.0, 0.0]),
    "gradients": ([[1.5, -0.25, -2.0], [0.75, 3.0, -1.0]], [-0.75, 2.5]),
    "moment": ([[-0.5, 0.75, 1.25], [2.0, -1.5, 0.25]], [0.5, -1.0]),
    "squares": ([[0.25, 1.5, 0.75], [2.0, 0.5, 1.25]], [1.75, 0.375]),
    "changes": ([[1.25, 0.5, 0.25], [0.75, 1.5, 2.0]], [0.625, 1.0]),
}

# One step each by optax 0.2.8 (with JAX 0.10.2, in float64, on the CPU): the new weight and bias, then each kind of state of
# both. Made by the transformation that is named, its state set to those values and its count to step − 1.
RECORDED: tuple[tuple[str, str, dict[str, Any], tuple[str, ...], str], ...] = (
    (
        "rmsprop",
        "chain(add_decayed_weights(0.5), rmsprop(0.25, decay=0.875, eps=0.125, eps_in_sqrt=False))",
        dict(learning_rate=0.25, decay=0.875, eps=0.125, weight_decay=0.5, clip=0.0),
        ("parameters", "gradients", "squares"),
        """
        0.014215229853760003 -1.0832288038957465 2.247798686198591 -0.8144550079805439
        -0.30301420267647194 1.5532117108767867 1.0457677775417415 -1.0089234887281946
        0.6015625 1.408203125 0.78125 1.767578125
        1.658203125 1.1015625 1.5390625 0.9609375
        """,
    ),
    (
        "adadelta",
        "adadelta(0.25, rho=0.875, eps=0.125, weight_decay=0.5)",
        dict(learning_rate=0.25, decay=0.875, eps=0.125, weight_decay=0.5, clip=0.0),
        ("parameters", "gradients", "squares", "changes"),
        """
        -0.10185644700019536 -1.1103347952181661 2.1608168802256693 -0.8137453331018049
        -0.49578956888084624 1.5822649130770032 1.0419590679148345 -1.0725275275339803
        0.6015625 1.408203125 0.78125 1.767578125
        1.658203125 1.1015625 1.5390625 0.9609375
        1.818212365591398 0.4765127388535032 0.2704741379310345 0.6643769349845201
        2.424904162102957 1.7635350318471337 0.5503961267605634 1.5305755395683451
        """,
    ),
    (
        "adamw",
        "adamw(0.25, b1=0.875, b2=0.96875, eps=0.125, weight_decay=0.5)",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, eps=0.125, weight_decay=0.5, step=3, clip=0.0),
        ("parameters", "gradients", "moment", "squares"),
        """
        0.5331480617514526 -1.208451009677521 1.5494540240084964 -0.9493799083212159
        0.4532495218706265 1.2939250870379642 0.8167172859559557 -0.2739302872372007
        -0.25 0.625 0.84375 1.84375
        -0.9375 0.09375 0.34375 -0.5625
        0.3125 1.455078125 0.8515625 1.955078125
        0.765625 1.2421875 1.712890625 0.55859375
        """,
    ),
    (
        "lamb",
        "lamb(0.25, b1=0.875, b2=0.96875, eps=0.125, weight_decay=0.5)",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, eps=0.125, weight_decay=0.5, step=3, clip=0.0),
        ("parameters", "gradients", "moment", "squares"),
        """
        0.5425617143813768 -1.1966515939242677 1.4215043615638043 -1.006001414953947
        0.5109699524175018 1.2354022792517305 0.8239748827936894 -0.28288215616282336
        -0.25 0.625 0.84375 1.84375
        -0.9375 0.09375 0.34375 -0.5625
        0.3125 1.455078125 0.8515625 1.955078125
        0.765625 1.2421875 1.712890625 0.55859375
        """,
    ),
    (
        "lamb",
        "lamb(0.25, b1=0.875, b2=0.96875, eps=0.125, weight_decay=0.5)",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, eps=0.125, weight_decay=0.5, step=3, clip=0.0),
        ("no bias", "gradients", "moment", "squares"),
        """
        0.5425617143813768 -1.1966515939242677 1.4215043615638043 -1.006001414953947
        0.5109699524175018 1.2354022792517305 -0.058282714044044316 0.16356971276279927
        -0.25 0.625 0.84375 1.84375
        -0.9375 0.09375 0.34375 -0.5625
        0.3125 1.455078125 0.8515625 1.955078125
        0.765625 1.2421875 1.712890625 0.55859375
        """,
    ),
    (
        "lion",
        "lion(0.25, b1=0.875, b2=0.96875, weight_decay=0.5)",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, weight_decay=0.5, clip=0.0),
        ("parameters", "gradients", "moment"),
        """
        0.6875 -1.34375 1.5 -0.90625
        0.46875 1.0625 0.625 -0.1875
        -0.4375 0.71875 1.1484375 1.9609375
        -1.359375 0.2109375 0.4609375 -0.890625
        """,
    ),
    (
        "sgd",
        "chain(clip_by_global_norm(0.5), add_decayed_weights(0.5), sgd(0.25))",
        dict(learning_rate=0.25, weight_decay=0.5, clip=0.5),
        ("parameters", "gradients"),
        """
        0.39897508772968643 -1.087329181288281 1.8013665496937514 -0.6755124561351568
        0.14170017545937288 1.3381832748468758 0.8942624561351568 -0.5017081871171892
        """,
    ),
)
