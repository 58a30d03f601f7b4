from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem


def _slope_in_float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # The kernel's attribute is a float; seen in 2.21.
    if precision == "float64" and float(np.float32(p.slope)) != p.slope:
        return "tf.nn.leaky_relu rounds alpha to float32, whatever the precision of its argument"
    return None


def _constants_in_float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # It casts 1.4142135623730951 and 0.044715 by way of a float32 tensor; seen in 2.21.
    if precision == "float64":
        return "tf.nn.gelu rounds its constants to float32, whatever the precision of its argument"
    return None


@implements("relu")
def relu(x):
    return tf.nn.relu(x)


@implements("relu6")
def relu6(x):
    return tf.nn.relu6(x)


@implements("leaky_relu", unsupported=_slope_in_float32)
def leaky_relu(x, *, slope):
    return tf.nn.leaky_relu(x, alpha=slope)


@implements("leaky_relu", variant="written_out")
def leaky_relu_written_out(x, *, slope):
    return tf.where(x > 0, x, slope * x)


@implements("elu")
def elu(x, *, alpha):
    return tf.where(x > 0, x, alpha * tf.nn.elu(x))  # tf.nn.elu knows no alpha


@implements("selu")
def selu(x):
    return tf.nn.selu(x)


@implements("gelu", unsupported=_constants_in_float32)
def gelu(x):
    return tf.nn.gelu(x, approximate=False)


@implements("gelu", variant="written_out")
def gelu_written_out(x):
    return 0.5 * x * tf.math.erfc(-x / math.sqrt(2))


@implements("gelu_tanh", unsupported=_constants_in_float32)
def gelu_tanh(x):
    return tf.nn.gelu(x, approximate=True)


@implements("gelu_tanh", variant="written_out")
def gelu_tanh_written_out(x):
    return 0.5 * x * (1 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@implements("silu")
def silu(x):
    return tf.nn.silu(x, beta=1.0)


@implements("hard_swish")
def hard_swish(x):
    return x * tf.nn.relu6(x + 3) / 6


@implements("softplus")
def softplus(x):
    return tf.nn.softplus(x)


@implements("log1p")
def log1p(x):
    return tf.math.log1p(x)


@implements("mish")
def mish(x):
    return x * tf.tanh(tf.nn.softplus(x))


@implements("sigmoid")
def sigmoid(x):
    return tf.sigmoid(x)


@implements("tanh")
def tanh(x):
    return tf.tanh(x)


@implements("softmax")
def softmax(x):
    return tf.nn.softmax(x, axis=-1)


@implements("log_softmax")
def log_softmax(x):
    return tf.nn.log_softmax(x, axis=-1)


@implements("glu")
def glu(x):
    values, gates = tf.split(x, 2, axis=-1)
    return values * tf.sigmoid(gates)
