"""Optimizers: ONNX's training operators; and what torch.optim and Keras make of one step each, as recorded below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tests.truth.outside import Array, Truth, frozen_of, random_cases, rng

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


def recorded(workload: str, source: str, problem: Mapping[str, Any], state: Sequence[str], text: str) -> Truth:
    numbers = np.array(text.split(), dtype=np.float64).reshape(-1, 8)  # a row: the six of the weight, two of the bias
    expected = [part for row in numbers for part in (row[:6].reshape(2, 3), row[6:])]
    values = tensors(rng(f"{workload} recorded"), state)
    return Truth(workload, source.split(".")[0], source, problem, values, expected, "float64")


# One step of each in float64, on the values of `recorded`: the new weight and bias, then each kind of state of both. Made by
# the class that is named, its state set to those values; eager, on the CPU.
RECORDED: tuple[tuple[str, str, dict[str, Any], tuple[str, ...], str], ...] = (
    (
        "rmsprop",
        "torch.optim.RMSprop 2.13.0",
        dict(learning_rate=0.25, decay=0.9, eps=0.125, weight_decay=0.5, clip=0.0),
        (SQUARES,),
        """
        -0.4060491685587194 -0.9101301339178209 1.2690038689392389 0.744729676902106
        2.236258301915684 0.810938665335003 0.07862676089812752 -0.45140436015180807
        1.502748939276101 0.9695345029573573 1.5778788166110151 0.8765055287773437
        1.7352923140266097 1.6635972056185748 1.8161020144103162 0.39086776702793274
        """,
    ),
    (
        "adadelta",
        "torch.optim.Adadelta 2.13.0",
        dict(learning_rate=0.25, decay=0.9, eps=0.125, weight_decay=0.5, clip=0.0),
        (SQUARES, SQUARES),
        """
        -0.595192161137253 -1.8850281050689295 -0.6230861112962545 1.126137428793743
        1.0211565853403455 0.2650592034860709 -0.5005003558458065 0.6115726884899719
        2.0074851454132894 0.8546067103192945 0.2978052245026806 0.656966753296212
        0.33073515847008506 1.5991091031783822 1.2610908851168374 1.3552470316604923
        0.688457241138525 1.4645993015587147 1.7138823527349667 1.245788512173269
        0.5211448999344354 1.4180538848943869 2.12091404842927 0.21430491558948594
        """,
    ),
    (
        "adamw",
        "torch.optim.AdamW 2.13.0",
        dict(learning_rate=0.25, beta1=0.9, beta2=0.99, eps=0.125, weight_decay=0.5, step=3, clip=0.0),
        (MOMENT, SQUARES),
        """
        -0.4848546476608613 -0.6533055037966478 -0.7781381045053661 1.551554397948031
        2.7686281781315003 0.36947171157698805 1.500747756210128 -1.7626380660767649
        0.19408720156001263 -0.9644865698120944 0.048931495119988525 -0.37437615771809957
        -0.4561590333441197 -0.17023867265118886 -0.06227508669042036 -0.30502616750185707
        1.1061235027734104 0.2828679611679842 1.1394347816794719 0.34895901049712913
        0.43362661266509217 0.1391637350146287 0.9741950912905515 1.0236478905795174
        """,
    ),
    (
        "lamb",
        "keras.optimizers.Lamb 3.15.1",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, eps=0.125, weight_decay=0.0, step=3, clip=0.0),
        (MOMENT, SQUARES),
        """
        -0.08929839668776095 -0.5216999846735045 0.588757265814289 -0.5732957561813053
        -0.6106749299638781 -2.5917194564329473 -0.9676404338238094 -1.5362301520201116
        -0.21182724377523537 0.8284051153641129 -0.6014808517853268 0.006317257875143728
        -1.1716229821382467 1.143135091797904 -0.306705318199629 0.8291226763448474
        1.2815863997860841 1.5297368288504496 0.8664626425418216 0.7185582643871661
        0.2196173067453872 0.6990394883284519 0.2657915596790645 1.8428176415987085
        """,
    ),
    (
        "lion",
        "keras.optimizers.Lion 3.15.1",
        dict(learning_rate=0.25, beta1=0.875, beta2=0.96875, weight_decay=0.5, clip=0.0),
        (MOMENT,),
        """
        0.6899008547900548 0.9760900896810538 0.8260774044584749 -0.7442435023558445
        0.08628837274914461 -0.9197227325602767 0.26874901176644805 -1.0138904324763287
        -0.39940562251328643 0.989625099704051 -0.17446923973570394 -1.3265137676651424
        -1.5417687940406988 1.0831589306338854 -0.0991604493929714 -0.5560082818229647
        """,
    ),
    (
        "sgd",
        "keras.optimizers.SGD 3.15.1",
        dict(learning_rate=0.25, weight_decay=0.0, clip=0.5),
        (),
        """
        -0.8946174872890948 -0.15355456920646993 -1.197634492041415 1.685106381451367
        1.496067667353808 -1.8856454493917918 1.5940735416516199 -0.36330845698986314
        """,
    ),
)
