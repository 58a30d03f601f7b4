"""Autoencoders."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Uniform
from suite.workloads.models.definition import model
from suite.workloads.models.layers import GLOROT, activation, add, linear, multiply
from suite.workloads.models.network import Network

LEARNING_RATE = 1e-4
"""The loss is a sum over 784 pixels: with more, training by momentum diverges."""


@model(family="vae")
class Autoencoder:
    """Autoencoder of dense layers: data through a bottleneck, and back.

    Linear layers of hidden, code, hidden and inputs units, with ReLU after all but the second and the last, and the
    mean squared error as the loss. Source: Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with
    neural networks, with ReLU and trained in one piece.
    """

    loss = "mse"
    smooth = False
    problems = {
        "tiny": dict(batch=4, inputs=6, hidden=5, code=2),
        "small": dict(batch=32, inputs=784, hidden=128, code=32),
        "medium": dict(batch=256, inputs=784, hidden=128, code=32),
        "large": dict(batch=1024, inputs=784, hidden=1024, code=32),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B I", (p.batch, p.inputs), Uniform(0.0, 1.0))
        x = activation(net, "relu1", linear(net, "encoder1", x, p.hidden), "relu")
        x = linear(net, "encoder2", x, p.code, gain=GLOROT)
        x = activation(net, "relu2", linear(net, "decoder1", x, p.hidden), "relu")
        net.output("y", linear(net, "decoder2", x, p.inputs, gain=GLOROT), "B I")
        net.target("targets", "B I", (p.batch, p.inputs), Uniform(0.0, 1.0))


@model(family="vae")
class Vae:
    """Variational autoencoder, with a normal code and Bernoulli data.

    The encoder is a linear layer with ReLU, and two linear ones for the mean and the logarithm of the variance of the
    code; the code is mean + noise · exp(½ log variance), by given noise; the decoder is a linear layer with ReLU and
    one for the logits of the data. The loss is the negative evidence lower bound, `elbo`. Source: Kingma and Welling
    2014, Auto-encoding variational Bayes, section 3 and appendix C.

    With 784 inputs, 400 hidden units and a code of 20 it has 652,824 parameters.
    """

    loss = "elbo"
    smooth = False
    problems = {
        "tiny": dict(batch=4, inputs=6, hidden=5, code=2),
        "small": dict(batch=32, inputs=784, hidden=400, code=20, learning_rate=LEARNING_RATE),
        "medium": dict(batch=128, inputs=784, hidden=400, code=20, learning_rate=LEARNING_RATE),
        "large": dict(batch=1024, inputs=784, hidden=1024, code=64, learning_rate=LEARNING_RATE),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "B I", (p.batch, p.inputs), Uniform(0.0, 1.0))
        noise = net.input("noise", "B D", (p.batch, p.code))
        hidden = activation(net, "relu1", linear(net, "encoder", x, p.hidden), "relu")
        mean = linear(net, "mean", hidden, p.code, gain=GLOROT)
        log_variance = linear(net, "log_variance", hidden, p.code, gain=GLOROT)
        half = net.elementary("half", "scale", [log_variance], mean.axes, mean.shape, factor=0.5)
        spread = net.elementary("deviation", "exp", [half], mean.axes, mean.shape)
        code = add(net, "code", mean, multiply(net, "noisy", spread, noise))
        hidden = activation(net, "relu2", linear(net, "decoder1", code, p.hidden), "relu")
        net.output("logits", linear(net, "decoder2", hidden, p.inputs, gain=GLOROT), "B I")
        net.output("mean", mean, "B D")
        net.output("log_variance", log_variance, "B D")
        net.target("targets", "B I", (p.batch, p.inputs), Uniform(0.0, 1.0))
