"""Denoising diffusion."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Classes, Normal
from suite.workloads.models.definition import model
from suite.workloads.models.layers import (
    GLOROT,
    activation,
    add,
    concat,
    conv2d,
    embedding,
    group_norm,
    linear,
    reshape,
    self_attention,
    transpose,
    upsample,
)
from suite.workloads.models.network import Network, Value


@model(family="ddpm")
class DdpmUnet:
    """The network of a denoising diffusion model: the noise in an image, given the image and the step.

    A U of three levels with width, 2 width and 2 width channels, each with one residual block on the way down and one
    on the way up, self-attention of one head over the pixels of the lowest, a convolution with stride 2 down and the
    nearest pixel followed by a convolution up. A residual block is twice group normalisation, SiLU and convolution of 3
    × 3, with a linear layer of the step's embedding added between them, and a shortcut of 1 × 1 where channels differ.
    The step has a learned embedding, with two linear layers and SiLU above it. The loss is the mean squared error to
    the noise. Source: Ho, Jain and Abbeel 2020, Denoising diffusion probabilistic models, sections 3.2 and 4 and
    appendix B, smaller and with a learned embedding in place of sinusoids.
    """

    loss = "mse"
    problems = {
        "tiny": dict(batch=2, size=8, channels=1, width=4, groups=2, steps=10),
        "small": dict(batch=4, size=16, channels=1, width=16, groups=4, steps=100),
        "medium": dict(batch=8, size=32, channels=3, width=32, groups=8, steps=1000),
        "large": dict(batch=16, size=32, channels=3, width=128, groups=32, steps=1000),
    }

    @staticmethod
    def check(p: Problem) -> str | None:
        if p.size % 4:
            return "the size must be a multiple of 4, as it is halved twice"
        return "the width must divide into groups" if p.width % p.groups else None

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, p.channels, p.size, p.size))
        steps = net.input("step", "B T", (p.batch, 1), Classes(p.steps))
        when = reshape(
            net, "when", embedding(net, "steps", steps, p.steps, p.width, scale=1.0), "B D", (p.batch, p.width)
        )
        when = activation(net, "time1.silu", linear(net, "time1", when, 4 * p.width), "silu")
        when = activation(net, "time2.silu", linear(net, "time2", when, 4 * p.width), "silu")
        x = conv2d(net, "first", x, p.width, 3, padding=1)
        levels = []
        for level, factor in enumerate((1, 2, 2), 1):
            x = _residual(net, f"down{level}", x, when, factor * p.width, p.groups)
            levels.append(x)
            x = conv2d(net, f"down{level}.shrink", x, x.shape[1], 3, stride=2, padding=1) if level < 3 else x
        x = _attended(net, "attention", x, p.groups)
        for level, factor in reversed(list(enumerate((1, 2, 2), 1))):
            x = concat(net, f"up{level}.joined", [x, levels[level - 1]], axis=1)
            x = _residual(net, f"up{level}", x, when, factor * p.width, p.groups)
            if level > 1:
                x = upsample(net, f"up{level}.twice", x)
                x = conv2d(net, f"up{level}.smooth", x, x.shape[1], 3, padding=1)
        x = activation(net, "silu", group_norm(net, "norm", x, p.groups), "silu")
        net.output("y", conv2d(net, "last", x, p.channels, 3, padding=1))
        net.target("noise", "N C H W", (p.batch, p.channels, p.size, p.size), Normal())


def _residual(net: Network, name: str, x: Value, when: Value, channels: int, groups: int) -> Value:
    y = activation(net, f"{name}.silu1", group_norm(net, f"{name}.norm1", x, groups), "silu")
    y = conv2d(net, f"{name}.conv1", y, channels, 3, padding=1)
    shift = linear(net, f"{name}.time", when, channels, gain=GLOROT)
    y = add(net, f"{name}.shifted", y, reshape(net, f"{name}.shift", shift, "N C H W", (*shift.shape, 1, 1)))
    y = activation(net, f"{name}.silu2", group_norm(net, f"{name}.norm2", y, groups), "silu")
    y = conv2d(net, f"{name}.conv2", y, channels, 3, padding=1)
    if x.shape[1] != channels:
        x = conv2d(net, f"{name}.shortcut", x, channels, 1)
    return add(net, f"{name}.sum", x, y)


def _attended(net: Network, name: str, x: Value, groups: int) -> Value:
    batch, channels, height, width = x.shape
    y = group_norm(net, f"{name}.norm", x, groups)
    y = transpose(
        net, f"{name}.last", reshape(net, f"{name}.row", y, "B D T", (batch, channels, height * width)), "B T D"
    )
    y = self_attention(net, f"{name}.attend", y, 1)
    y = reshape(net, f"{name}.image", transpose(net, f"{name}.first", y, "B D T"), "N C H W", x.shape)
    return add(net, f"{name}.sum", x, y)
