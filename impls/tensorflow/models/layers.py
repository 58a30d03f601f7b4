"""Layers of models as `tf.Module`s, with the definition's names of parameters; images are N H W C, weights end in O."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from impls.tensorflow import activations, attention, convolution, normalization, pooling, recurrent

_types = [tf.float32]


@contextmanager
def floating(dtype: tf.DType) -> Iterator[None]:
    """Variables that are made meanwhile have this type."""
    _types.append(dtype)
    try:
        yield
    finally:
        _types.pop()


def variable(*shape: int, trainable: bool = True) -> tf.Variable:
    return tf.Variable(tf.zeros(shape, _types[-1]), trainable=trainable)


def _pads(padding):
    return [[0, 0], [padding] * 2, [padding] * 2, [0, 0]]


def _is_same(kernel, stride, padding):
    """Whether "SAME", as users write it, pads alike."""
    return stride == 1 and kernel == 2 * padding + 1


class Conv2d(tf.Module):
    def __init__(self, inputs, channels, kernel, *, stride=1, padding=0, groups=1, bias=True):
        super().__init__()
        self.weight = variable(kernel, kernel, inputs // groups, channels)
        self.bias = variable(channels) if bias else None
        self.stride, self.groups = stride, groups
        self.padding = "SAME" if _is_same(kernel, stride, padding) else _pads(padding) if padding else "VALID"

    def __call__(self, x):
        if self.groups == 1:
            y = tf.nn.conv2d(x, self.weight, self.stride, self.padding)
        else:  # the other has no gradient on the CPU
            y = convolution.split_convolution(x, self.weight, self.stride, self.padding, 1, self.groups)
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)


class DepthwiseConv2d(tf.Module):
    """Each channel by itself, without bias. The weight is that of a convolution with as many groups as channels."""

    def __init__(self, channels, kernel, *, stride=1, padding=0):
        super().__init__()
        self.weight = variable(kernel, kernel, 1, channels)
        self.strides, self.pads = [1, stride, stride, 1], _pads(padding)
        self.same = _is_same(kernel, stride, padding)

    def __call__(self, x):
        weight = tf.reshape(self.weight, [*self.weight.shape[:2], -1, 1])
        if self.same:
            return tf.nn.depthwise_conv2d(x, weight, self.strides, "SAME")
        return tf.nn.depthwise_conv2d(tf.pad(x, self.pads), weight, self.strides, "VALID")  # see convolution.py


class ConvTranspose2d(tf.Module):
    def __init__(self, inputs, channels, kernel, *, stride, padding=0, bias=True):
        super().__init__()
        self.weight = variable(kernel, kernel, channels, inputs)
        self.bias = variable(channels) if bias else None
        self.stride, self.padding = stride, padding

    def __call__(self, x):
        batch, rows, columns, _ = x.shape
        kernel, _, channels, _ = self.weight.shape
        size = [(places - 1) * self.stride + kernel - 2 * self.padding for places in (rows, columns)]
        y = tf.nn.conv2d_transpose(x, self.weight, [batch, *size, channels], self.stride, _pads(self.padding))
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)


class Linear(tf.Module):
    def __init__(self, inputs, features, *, bias=True):
        super().__init__()
        self.weight = variable(inputs, features)
        self.bias = variable(features) if bias else None

    def __call__(self, x):
        y = tf.matmul(x, self.weight)
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)


class BatchNorm(tf.Module):
    """Over all axes but the last; in training the running statistics follow."""

    def __init__(self, channels, *, eps=1e-5, momentum=0.1):
        super().__init__()
        self.weight, self.bias = variable(channels), variable(channels)
        self.running_mean, self.running_var = (variable(channels, trainable=False) for _ in range(2))
        self.eps, self.momentum = eps, momentum

    def __call__(self, x, training):
        own = self.weight, self.bias, self.running_mean, self.running_var
        image = x if len(x.shape) == 4 else x[:, None, None]
        if not training:
            return normalization.batch_norm_inference(x, *own, eps=self.eps)
        # What tf.keras.layers.BatchNormalization does: fused where there is a kernel, and that has no float64.
        fused = x.dtype != tf.float64
        normalize = normalization.batch_norm_fused if fused else normalization.batch_norm
        y, mean, var = normalize(image, *own, eps=self.eps, momentum=self.momentum)
        self.running_mean.assign(mean)
        self.running_var.assign(var)
        return tf.reshape(y, x.shape)


def max_pool2d(x, kernel, stride, padding=0):
    return pooling.max_pool2d(x, kernel=kernel, stride=stride, padding=padding, ceil_mode=False)


def avg_pool2d(x, kernel, stride):
    return tf.nn.avg_pool2d(x, kernel, stride, padding="VALID")


def local_response_norm(x):
    """Over five channels, with the constants of AlexNet; TensorFlow's own has no float64."""
    written = x.dtype == tf.float64
    normalize = normalization.local_response_norm_written_out if written else normalization.local_response_norm
    return normalize(x, radius=2, alpha=1e-4, beta=0.75, k=2.0)


def gelu(x, approximate=False):
    """TensorFlow's own rounds its constants to float32."""
    if x.dtype != tf.float64:
        return tf.nn.gelu(x, approximate=approximate)
    return activations.gelu_tanh_written_out(x) if approximate else activations.gelu_written_out(x)


def flatten(x):
    """As the definition does: channels first."""
    return tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1])


def dropout(x, mask, rate):
    """By a mask that is given: True where an entry is kept."""
    return x * tf.cast(mask, x.dtype) / (1 - rate)


class Embedding(tf.Module):
    def __init__(self, vocabulary, features):
        super().__init__()
        self.weight = variable(vocabulary, features)

    def __call__(self, ids):
        return tf.gather(self.weight, ids)


class LayerNorm(tf.Module):
    def __init__(self, features, *, eps=1e-5):
        super().__init__()
        self.weight, self.bias = variable(features), variable(features)
        self.eps = eps

    def __call__(self, x):
        return normalization.layer_norm(x, self.weight, self.bias, eps=self.eps)


class SelfAttention(tf.Module):
    def __init__(self, features, heads, *, causal=False):
        super().__init__()
        self.in_weight, self.in_bias = variable(features, 3 * features), variable(3 * features)
        self.out_weight, self.out_bias = variable(features, features), variable(features)
        self.heads, self.causal = heads, causal

    def __call__(self, x):
        own = self.in_weight, self.in_bias, self.out_weight, self.out_bias
        return attention.multi_head_attention(x, *own, heads=self.heads, causal=self.causal)

    def decode(self, x, places, cache):
        """Of x, which stands at these places, to all places up to each; and the cache of keys and values, S B H D, with
        theirs."""
        batch, seq, features = x.shape
        projected = tf.reshape(x @ self.in_weight + self.in_bias, [batch, seq, 3, self.heads, features // self.heads])
        query, *new = tf.unstack(projected, axis=2)  # B T H D
        keys, values = (
            tf.tensor_scatter_nd_update(kept, places[:, None], tf.transpose(one, [1, 0, 2, 3]))
            for kept, one in zip(cache, new, strict=True)
        )
        scores = tf.einsum("bthd,sbhd->bhts", query, keys) * query.shape[-1] ** -0.5
        known = tf.range(keys.shape[0]) <= places[:, None]
        scores = tf.where(known, scores, scores.dtype.min)
        joined = tf.einsum("bhts,sbhd->bthd", tf.nn.softmax(scores), values)
        return tf.reshape(joined, [batch, seq, features]) @ self.out_weight + self.out_bias, (keys, values)


class Recurrent(tf.Module):
    """`kind` is `lstm`, `gru` or `rnn_tanh`, from a state of zeros."""

    def __init__(self, kind, inputs, hidden, *, layers=1, bidirectional=False):
        super().__init__()
        self.kind, self.hidden, self.bidirectional = kind, hidden, bidirectional
        gates = {"lstm": 4, "gru": 3, "rnn_tanh": 1}[kind] * hidden
        directions = 2 if bidirectional else 1
        self.weight_ih, self.weight_hh, self.bias = {}, {}, {}
        self.bias_n = {} if kind == "gru" else None
        for layer in range(layers):
            width = inputs if layer == 0 else hidden * directions
            for suffix in (f"l{layer}", f"l{layer}_reverse")[:directions]:
                self.weight_ih[suffix], self.weight_hh[suffix] = variable(gates, width), variable(gates, hidden)
                self.bias[suffix] = variable(gates)
                if kind == "gru":
                    self.bias_n[suffix] = variable(hidden)

    def weights(self):
        """Layer by layer, as `recurrent` takes them."""
        kinds = [self.weight_ih, self.weight_hh, self.bias, *([self.bias_n] if self.bias_n else [])]
        suffixes = sorted(self.weight_ih, key=lambda suffix: (int(suffix[1:].split("_")[0]), suffix))
        return [own[suffix] for suffix in suffixes for own in kinds]

    def __call__(self, x):
        zeros = tf.zeros([len(self.weight_ih), x.shape[0], self.hidden], x.dtype)
        states = (zeros, zeros) if self.kind == "lstm" else (zeros,)
        function = getattr(recurrent, self.kind)
        return function(x, None, *states, *self.weights(), bidirectional=self.bidirectional, ragged=False)[0]


class Conv1d(tf.Module):
    def __init__(self, inputs, channels, kernel, *, dilation=1):
        super().__init__()
        self.weight, self.bias = variable(kernel, inputs, channels), variable(channels)
        self.dilation = dilation

    def __call__(self, x):
        own = self.weight, self.bias
        return convolution.conv1d(x, *own, stride=1, padding=0, dilation=self.dilation, groups=1)


class GroupNorm(tf.Module):
    def __init__(self, groups, channels, *, eps=1e-5):
        super().__init__()
        self.weight, self.bias = variable(channels), variable(channels)
        self.groups, self.eps = groups, eps

    def __call__(self, x):
        return normalization.group_norm(x, self.weight, self.bias, groups=self.groups, eps=self.eps)


def upsample(x):
    """Every pixel four times."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


class CrossAttention(tf.Module):
    """Queries from x; keys and values from the memory."""

    def __init__(self, features, heads):
        super().__init__()
        self.query, self.key = Linear(features, features), Linear(features, features)
        self.value, self.out = Linear(features, features), Linear(features, features)
        self.heads = heads

    def __call__(self, x, memory):
        batch, _, features = x.shape

        def split(own, source):
            y = tf.reshape(own(source), [batch, source.shape[1], self.heads, features // self.heads])
            return tf.transpose(y, [0, 2, 1, 3])  # B H T D

        query, key, value = split(self.query, x), split(self.key, memory), split(self.value, memory)
        scores = tf.matmul(query, key, transpose_b=True) * (features // self.heads) ** -0.5
        joined = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
        return self.out(tf.reshape(joined, x.shape))
