from __future__ import annotations

import tensorflow as tf

from impls.interface import implements
from suite.workloads import Problem

NHWC = {"x": "N H W C", "y": "N H W C"}


def _mean_held(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # It stops the gradient of the mean within the variance: the first derivative of that is 0, the second is not
    # (tensorflow/tensorflow#19609, which documents the first half).
    if task == "hvp":
        return "second derivatives of tf.nn.moments are wrong: its variance takes the mean for a constant"
    return None


@implements("layer_norm", unsupported=_mean_held)
def layer_norm(x, weight, bias, *, eps):
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, bias, weight, eps)


def _fused_in_float32(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0.
    if precision == "float64":
        return "TensorFlow's FusedBatchNormV3 has no float64"
    return None


@implements("batch_norm", layout=NHWC, unsupported=_mean_held)
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum):
    mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
    y = tf.nn.batch_normalization(x, mean, variance, bias, weight, eps)
    count = x.shape[0] * x.shape[1] * x.shape[2]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * count / (count - 1) * variance
    return y, new_mean, new_var


@implements("batch_norm", variant="fused", layout=NHWC, unsupported=_fused_in_float32)
def batch_norm_fused(x, weight, bias, running_mean, running_var, *, eps, momentum):
    """tf.compat.v1.nn.fused_batch_norm would raise eps to 1.001e-5. What belongs to a channel is float32, whatever x is."""
    scale, offset, mean, variance = (tf.cast(each, tf.float32) for each in (weight, bias, running_mean, running_var))
    y, new_mean, new_var, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=scale,
        offset=offset,
        mean=mean,
        variance=variance,
        epsilon=eps,
        exponential_avg_factor=momentum,
        data_format="NHWC",
        is_training=True,
    )
    return y, tf.cast(new_mean, running_mean.dtype), tf.cast(new_var, running_var.dtype)


@implements("batch_norm_inference", layout=NHWC)
def batch_norm_inference(x, weight, bias, running_mean, running_var, *, eps):
    return tf.nn.batch_normalization(x, running_mean, running_var, bias, weight, eps)


@implements("instance_norm", layout=NHWC, unsupported=_mean_held)
def instance_norm(x, weight, bias, *, eps):
    mean, variance = tf.nn.moments(x, axes=[1, 2], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, bias, weight, eps)


@implements("group_norm", layout=NHWC, unsupported=_mean_held)
def group_norm(x, weight, bias, *, groups, eps):
    n, h, w, c = x.shape
    grouped = tf.reshape(x, [n, h, w, groups, c // groups])
    mean, variance = tf.nn.moments(grouped, axes=[1, 2, 4], keepdims=True)
    weight, bias = (tf.reshape(each, [groups, c // groups]) for each in (weight, bias))
    return tf.reshape(tf.nn.batch_normalization(grouped, mean, variance, bias, weight, eps), x.shape)


def _response_not_in_float64(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.21.0.
    if precision == "float64":
        return "tf.nn.local_response_normalization has no float64"
    return None


@implements("local_response_norm", layout=NHWC, unsupported=_response_not_in_float64)
def local_response_norm(x, *, radius, alpha, beta, k):
    return tf.nn.local_response_normalization(x, depth_radius=radius, bias=k, alpha=alpha, beta=beta)


@implements("local_response_norm", variant="written_out", layout=NHWC)
def local_response_norm_written_out(x, *, radius, alpha, beta, k):
    channels = x.shape[3]
    squares = tf.pad(tf.square(x), [[0, 0], [0, 0], [0, 0], [radius, radius]])
    sums = tf.add_n([squares[..., shift : shift + channels] for shift in range(2 * radius + 1)])
    return x * tf.pow(k + alpha * sums, -beta)


@implements("weight_norm")
def weight_norm(direction, gain):
    return gain[:, None] * direction / tf.norm(direction, axis=1, keepdims=True)


@implements("spectral_norm")
def spectral_norm(weight, u, *, iterations):
    constant = tf.stop_gradient(weight)
    for _ in range(iterations):
        v = tf.linalg.matvec(constant, u, transpose_a=True)
        v = v / tf.norm(v)
        u = tf.linalg.matvec(constant, v)
        u = u / tf.norm(u)
    sigma = tf.tensordot(u, tf.linalg.matvec(weight, v), axes=1)
    return weight / sigma, u


@implements("rms_norm")
def rms_norm(x, weight, *, eps):
    return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + eps) * weight
