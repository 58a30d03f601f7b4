"""DCGAN."""

from __future__ import annotations

from suite.workloads.definition import Problem
from suite.workloads.distributions import Levels, Uniform
from suite.workloads.models.definition import model
from suite.workloads.models.layers import activation, batch_norm, conv2d, conv_transpose2d, reshape
from suite.workloads.models.network import Network


@model(family="dcgan")
class DcganGenerator:
    """Generator of DCGAN: an image of 32 × 32 from a code.

    Four transposed convolutions of 4 × 4 without bias: from the code, an image of one pixel, to 4 × 4 with 8 width
    channels; then with stride 2 to 4 width, 2 width, and 3 channels. All but the last with batch normalisation and
    ReLU, the last with tanh. Trained alone, as here, it learns given images by the mean squared error. Source: Radford,
    Metz and Chintala 2016, Unsupervised representation learning with deep convolutional generative adversarial
    networks, section 3, for images of 32 × 32.

    With a code of 100 and width 64 it has 3,448,576 parameters.
    """

    loss = "mse"
    smooth = False
    problems = {
        "tiny": dict(batch=3, code=5, width=2),
        "small": dict(batch=8, code=32, width=16),
        "medium": dict(batch=32, code=100, width=32),
        "large": dict(batch=128, code=100, width=64),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        code = net.input("code", "B D", (p.batch, p.code))
        x = reshape(net, "pixel", code, "N C H W", (p.batch, p.code, 1, 1))
        for number, channels in enumerate((8 * p.width, 4 * p.width, 2 * p.width), 1):
            stride, padding = (1, 0) if number == 1 else (2, 1)
            x = conv_transpose2d(net, f"conv{number}", x, channels, 4, stride, padding, bias=False)
            x = activation(net, f"relu{number}", batch_norm(net, f"bn{number}", x), "relu")
        x = conv_transpose2d(net, "conv4", x, 3, 4, 2, 1, bias=False)
        net.output("y", activation(net, "tanh", x, "tanh"))
        net.target("targets", "N C H W", x.shape, Uniform(-1.0, 1.0))


@model(family="dcgan")
class DcganDiscriminator:
    """Discriminator of DCGAN: whether an image of 32 × 32 is real, as a logit.

    Four convolutions of 4 × 4 without bias: with stride 2 to width, 2 width and 4 width channels, all with a leaky ReLU
    of slope 0.2, the second and third with batch normalisation before it; then to one number. The loss is that of the
    sigmoid. Source: as dcgan_generator.

    With width 64 it has 663,296 parameters.
    """

    loss = "bce_with_logits"
    smooth = False
    problems = {
        "tiny": dict(batch=3, width=2),
        "small": dict(batch=8, width=16),
        "medium": dict(batch=32, width=32),
        "large": dict(batch=128, width=64),
    }

    @staticmethod
    def layers(net: Network, p: Problem) -> None:
        x = net.input("x", "N C H W", (p.batch, 3, 32, 32), Uniform(-1.0, 1.0))
        for number, channels in enumerate((p.width, 2 * p.width, 4 * p.width), 1):
            x = conv2d(net, f"conv{number}", x, channels, 4, stride=2, padding=1, bias=False)
            x = batch_norm(net, f"bn{number}", x) if number > 1 else x
            x = activation(net, f"relu{number}", x, "leaky_relu", slope=0.2)
        x = conv2d(net, "conv4", x, 1, 4, bias=False)
        net.output("y", reshape(net, "logit", x, "B C", (p.batch, 1)))
        net.target("targets", "B C", (p.batch, 1), Levels(2))
