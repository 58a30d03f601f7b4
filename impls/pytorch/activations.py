from __future__ import annotations

import torch
import torch.nn.functional as F

from impls.interface import implements


@implements("relu")
def relu(x):
    return F.relu(x)


@implements("relu6")
def relu6(x):
    return F.relu6(x)


@implements("leaky_relu")
def leaky_relu(x, *, slope):
    return F.leaky_relu(x, negative_slope=slope)


@implements("elu")
def elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


@implements("selu")
def selu(x):
    return F.selu(x)


@implements("gelu")
def gelu(x):
    return F.gelu(x, approximate="none")


@implements("gelu_tanh")
def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


@implements("silu")
def silu(x):
    return F.silu(x)


@implements("hard_swish")
def hard_swish(x):
    return F.hardswish(x)


@implements("softplus")
def softplus(x):
    # Above the threshold the result is x: from 40 on that is right to the last bit of float64. The default, 20, is off by
    # 2e-9 there.
    return F.softplus(x, beta=1.0, threshold=40.0)


@implements("log1p")
def log1p(x):
    return torch.log1p(x)


@implements("mish")
def mish(x):
    return F.mish(x)


@implements("sigmoid")
def sigmoid(x):
    return torch.sigmoid(x)


@implements("tanh")
def tanh(x):
    return torch.tanh(x)


@implements("softmax")
def softmax(x):
    return F.softmax(x, dim=-1)


@implements("log_softmax")
def log_softmax(x):
    return F.log_softmax(x, dim=-1)


@implements("glu")
def glu(x):
    return F.glu(x, dim=-1)
