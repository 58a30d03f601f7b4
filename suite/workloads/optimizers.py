"""Optimizers: one step on given parameters, gradients and state.

A step changes two parameters of a layer, its weight and its bias. Each definition gives its update for one of them, θ with
its gradient g; y is the parameter after the step, and what has a prime is the state after it. All numbers of one step
belong to the step number `step`, which counts from 1, where a definition has one.

With clip > 0 both gradients are first multiplied by clip / max(clip, ‖(g of the weight, g of the bias)‖), which is clipping
by the global norm (Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks, section 3.2);
0 means none.
"""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Parameter, Problem, Tensor, workload
from suite.workloads.distributions import Draw, Normal, Uniform

MOMENT, SQUARES = Normal(), Uniform(0.1, 2.0)
SIZES = {
    "tiny": dict(out_features=3, in_features=5),
    "tiny.clipped": dict(out_features=4, in_features=2),
    "small": dict(out_features=128, in_features=256),
    "medium": dict(out_features=1024, in_features=1024),
    "large": dict(out_features=4096, in_features=4096),
    "resnet50.fc": dict(out_features=1000, in_features=2048),
    "bert_base.ffn": dict(out_features=3072, in_features=768),
}
"""The published ones are the classifier of ResNet-50 (He et al. 2016) and a feed-forward layer of BERT-base (Devlin et al.
2019)."""


def _problems(tiny: dict[str, float], **usual: float) -> dict[str, dict[str, int | float]]:
    """The sizes with the usual settings; in the tiny ones `tiny` replaces them, where larger steps show each fault."""
    problems: dict[str, dict[str, int | float]] = {}
    for name, sizes in SIZES.items():
        settings = usual | tiny if name.startswith("tiny") else usual
        problems[name] = {**sizes, **settings, "clip": 0.5 if name == "tiny.clipped" else 0.0}
    return problems


def _tensors(p: Problem, **state: Draw) -> dict[str, Tensor]:
    found = {
        "weight": Parameter("O I", (p.out_features, p.in_features)),
        "bias": Parameter("O", (p.out_features,)),
    }
    for name, draw in dict(gradient=Normal(), **state).items():
        found[f"weight_{name}"] = Input("O I", (p.out_features, p.in_features), draw)
        found[f"bias_{name}"] = Input("O", (p.out_features,), draw)
    return found


def _outputs(p: Problem, *state: str) -> dict[str, Tensor]:
    found = {}
    for suffix in ("", *(f"_{name}" for name in state)):
        found[f"new_weight{suffix}"] = Output("O I", (p.out_features, p.in_features))
        found[f"new_bias{suffix}"] = Output("O", (p.out_features,))
    return found


def _check(p: Problem) -> str | None:
    """What is kept of the last state is less than all of it: a mean gives the rest to the gradient, a velocity fades."""
    kept = [name for name in ("momentum", "decay", "beta1", "beta2") if p.get(name, 0.0) >= 1]
    return f"{kept[0]}={p[kept[0]]} must be less than 1" if kept else None


def _cost(p: Problem, operations: int, normed: bool = False) -> Cost:
    """So many operations for each parameter, and three more where the gradients are clipped."""
    count = p.out_features * (p.in_features + 1)
    return Cost(flops=(operations + 3 * (p.clip > 0)) * count, reduction=count if normed or p.clip > 0 else 1)


@workload(family="optimizers")
class Sgd:
    """One step of gradient descent.

    y = θ − learning_rate · d, where d = g + weight_decay · θ

    Source: Bottou, Curtis and Nocedal 2018, Optimization methods for large-scale machine learning, algorithm 4.1.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(dict(learning_rate=0.25, weight_decay=0.5), learning_rate=0.1, weight_decay=1e-4)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p)

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 4)


@workload(family="optimizers")
class Momentum:
    """One step of gradient descent with momentum.

    v' = momentum · v + d and y = θ − learning_rate · v', where d = g + weight_decay · θ

    The gradient is not damped, and the learning rate is no part of the velocity v. Source: Sutskever, Martens, Dahl and
    Hinton 2013, On the importance of initialization and momentum in deep learning, equations 1 and 2, with v in units of
    the learning rate.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(dict(learning_rate=0.25, weight_decay=0.5), learning_rate=0.1, momentum=0.9, weight_decay=1e-4)

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, velocity=MOMENT)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "velocity")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 6)


@workload(family="optimizers")
class Nesterov:
    """One step of gradient descent with Nesterov's momentum.

    v' = momentum · v + d and y = θ − learning_rate · (d + momentum · v'), where d = g + weight_decay · θ

    θ is the point that looks ahead, where the gradient is taken. Source: Bengio, Boulanger-Lewandowski and Pascanu 2013,
    Advances in optimizing recurrent networks, section 3.5, with v in units of the learning rate.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(dict(learning_rate=0.25, weight_decay=0.5), learning_rate=0.1, momentum=0.9, weight_decay=1e-4)

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, velocity=MOMENT)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "velocity")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 8)


@workload(family="optimizers")
class Adagrad:
    """One step of Adagrad.

    s' = s + d² and y = θ − learning_rate · d / (√s' + eps), where d = g + weight_decay · θ

    The learning rate does not decay. Source: Duchi, Hazan and Singer 2011, Adaptive subgradient methods, figure 1
    (diagonal).
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5), learning_rate=0.01, eps=1e-10, weight_decay=0.0
    )

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, squares=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "squares")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 9)


@workload(family="optimizers")
class Rmsprop:
    """One step of RMSprop.

    s' = decay · s + (1 − decay) · d² and y = θ − learning_rate · d / (√s' + eps), where d = g + weight_decay · θ

    eps stands outside the root; not centred, no momentum. Source: Tieleman and Hinton 2012, Lecture 6.5 - RMSProp,
    Neural networks for machine learning.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5),
        learning_rate=0.001,
        decay=0.9,
        eps=1e-8,
        weight_decay=0.0,
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, squares=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "squares")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 11)


@workload(family="optimizers")
class Adam:
    """One step of Adam.

    m' = beta1 · m + (1 − beta1) · d and s' = beta2 · s + (1 − beta2) · d², where d = g + weight_decay · θ
    y = θ − learning_rate · m̂ / (√ŝ + eps), where m̂ = m' / (1 − beta1^step) and ŝ = s' / (1 − beta2^step)

    eps stands outside the root, after the bias correction. Source: Kingma and Ba 2015, Adam: a method for stochastic
    optimization, algorithm 1.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5, step=3),
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=0.0,
        step=10,
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, moment=MOMENT, squares=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "moment", "squares")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 16)


@workload(family="optimizers")
class Adamw:
    """One step of Adam with decoupled weight decay.

    m' = beta1 · m + (1 − beta1) · g and s' = beta2 · s + (1 − beta2) · g²
    y = (1 − learning_rate · weight_decay) · θ − learning_rate · m̂ / (√ŝ + eps),
    where m̂ = m' / (1 − beta1^step) and ŝ = s' / (1 − beta2^step)

    eps stands outside the root, after the bias correction. Source: Loshchilov and Hutter 2019, Decoupled weight decay
    regularization, algorithm 2, whose weight decay of a step is here multiplied by the learning rate, as in the frameworks.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5, step=3),
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=0.01,
        step=10,
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, moment=MOMENT, squares=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "moment", "squares")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 15)


@workload(family="optimizers")
class Adadelta:
    """One step of Adadelta.

    s' = decay · s + (1 − decay) · d², where d = g + weight_decay · θ
    y = θ − learning_rate · δ, where δ = √(u + eps) / √(s' + eps) · d, and u' = decay · u + (1 − decay) · δ²

    Both eps stand inside the roots. Source: Zeiler 2012, ADADELTA: an adaptive learning rate method, algorithm 1, which has
    a learning rate of 1.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5), learning_rate=1.0, decay=0.9, eps=1e-6, weight_decay=0.0
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, squares=SQUARES, changes=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "squares", "changes")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 18)


@workload(family="optimizers")
class Lamb:
    """One step of LAMB.

    m' = beta1 · m + (1 − beta1) · g and s' = beta2 · s + (1 − beta2) · g²
    d = m̂ / (√ŝ + eps) + weight_decay · θ, where m̂ = m' / (1 − beta1^step) and ŝ = s' / (1 − beta2^step)
    y = θ − learning_rate · ‖θ‖ / ‖d‖ · d

    with the norms of the whole weight and of the whole bias, each for itself; 1 stands for ‖θ‖ / ‖d‖ where a norm is 0.
    Source: You et al. 2020, Large batch optimization for deep learning: training BERT in 76 minutes, algorithm 2, where φ is
    the identity.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, eps=0.125, weight_decay=0.5, step=3),
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        eps=1e-6,
        weight_decay=0.01,
        step=10,
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, moment=MOMENT, squares=SQUARES)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "moment", "squares")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 20, normed=True)


@workload(family="optimizers")
class Lion:
    """One step of Lion.

    y = θ − learning_rate · (sign(beta1 · m + (1 − beta1) · g) + weight_decay · θ) and m' = beta2 · m + (1 − beta2) · g

    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms, program 1.
    """

    tasks = ("forward",)
    may_be_zero = ("weight_decay", "clip")
    problems = _problems(
        dict(learning_rate=0.25, weight_decay=0.5), learning_rate=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.1
    )

    check = staticmethod(_check)

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return _tensors(p, moment=MOMENT)

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return _outputs(p, "moment")

    @staticmethod
    def cost(p: Problem) -> Cost:
        return _cost(p, 11)
