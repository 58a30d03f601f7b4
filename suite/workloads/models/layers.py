"""The layers that models are made of: shapes worked out, parameters drawn as their users initialise them.

Each function adds one layer (or a few) to a network and returns its result. Images are N C H W, sequences B T D,
features B D.
"""

from __future__ import annotations

from math import prod
from typing import Any

from suite.workloads.distributions import Draw, Normal, Shifted, Uniform
from suite.workloads.models.network import Network, Value

HE, GLOROT = 2.0, 1.0
SCALE, SHIFT = Shifted(1.0, 0.1), Normal(0.1)
"""Of normalisations. Not 1 and 0, as a model begins with: then a layer that forgets one would not be found out."""
RESIDUAL_SCALE = Shifted(0.25, 0.1)
"""Of the last normalisation of a residual branch. Goyal et al. 2017 (Accurate, large minibatch SGD, section 5.1) begin with
0, so that gradients do not grow with depth; not 0 here, for the same reason."""


def conv2d(
    net: Network,
    layer: str,
    x: Value,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    bias: bool = True,
) -> Value:
    """He normal weights (He et al. 2015, Delving deep into rectifiers, equation 10)."""
    batch, before, size, _ = x.shape
    fan_in = before // groups * kernel**2
    return net.apply(
        layer,
        "conv2d",
        {"x": x},
        without={} if bias else {"bias": 0.0},
        draws={"weight": Normal((HE / fan_in) ** 0.5)},
        batch=batch,
        in_channels=before,
        out_channels=channels,
        size=size,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=1,
        groups=groups,
        auto_pad="explicit",
    )


def linear(net: Network, layer: str, x: Value, features: int, *, bias: bool = True, gain: float = HE) -> Value:
    """Over the last axis; weights are normal with variance gain / inputs."""
    rows, inputs = prod(x.shape[:-1]), x.shape[-1]
    flat = x if len(x.shape) == 2 else reshape(net, f"{layer}.rows", x, "B I", (rows, inputs))
    y = net.apply(
        layer,
        "linear",
        {"x": flat},
        without={} if bias else {"bias": 0.0},
        draws={"weight": Normal((gain / inputs) ** 0.5)},
        batch=rows,
        in_features=inputs,
        out_features=features,
    )
    return y if flat is x else reshape(net, f"{layer}.shaped", y, x.axes, (*x.shape[:-1], features))


def batch_norm(
    net: Network, layer: str, x: Value, *, eps: float = 1e-5, momentum: float = 0.1, scale: Draw = SCALE
) -> Value:
    """Over every channel; of features, which are an image of one pixel then."""
    image = x if len(x.shape) == 4 else reshape(net, f"{layer}.image", x, "N C H W", (*x.shape, 1, 1))
    batch, channels, height, width = image.shape
    draws: dict[str, Draw] = {
        "weight": scale,
        "bias": SHIFT,
        "running_mean": Normal(0.1),
        "running_var": Uniform(0.5, 1.5),
    }
    sizes: dict[str, Any] = dict(batch=batch, channels=channels, height=height, width=width, eps=eps)
    if net.training:
        y = net.apply(layer, "batch_norm", {"x": image}, draws=draws, **sizes, momentum=momentum, mean=0.0)
    else:
        y = net.apply(layer, "batch_norm_inference", {"x": image}, draws=draws, **sizes)
    return y if image is x else reshape(net, f"{layer}.shaped", y, x.axes, x.shape)


def activation(net: Network, layer: str, x: Value, function: str, **settings: Any) -> Value:
    """`function` of every entry: a workload of the family `activations`, such as `relu`, with these settings."""
    batch, features = x.shape[0], x.size // x.shape[0]
    flat = x if len(x.shape) == 2 else reshape(net, f"{layer}.rows", x, "B D", (batch, features))
    y = net.apply(layer, function, {"x": flat}, batch=batch, features=features, **settings)
    return y if flat is x else reshape(net, f"{layer}.shaped", y, x.axes, x.shape)


def max_pool2d(net: Network, layer: str, x: Value, kernel: int, stride: int, padding: int = 0) -> Value:
    return _pooled(net, layer, "max_pool2d", x, kernel, stride, padding)


def avg_pool2d(net: Network, layer: str, x: Value, kernel: int, stride: int) -> Value:
    return _pooled(net, layer, "avg_pool2d", x, kernel, stride, 0, count_include_pad=False)


def _pooled(
    net: Network, layer: str, operation: str, x: Value, kernel: int, stride: int, padding: int, **settings: Any
) -> Value:
    batch, channels, height, width = x.shape
    return net.apply(
        layer,
        operation,
        {"x": x},
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=False,
        **settings,
    )


def local_response_norm(net: Network, layer: str, x: Value) -> Value:
    """Over five channels, with the constants of Krizhevsky, Sutskever and Hinton 2012, section 3.3."""
    batch, channels, height, width = x.shape
    sizes: dict[str, Any] = dict(batch=batch, channels=channels, height=height, width=width)
    return net.apply(layer, "local_response_norm", {"x": x}, **sizes, radius=2, alpha=1e-4, beta=0.75, k=2.0)


def conv_transpose2d(
    net: Network, layer: str, x: Value, channels: int, kernel: int, stride: int, padding: int = 0, *, bias: bool = True
) -> Value:
    """Each row and column stride times as many, where the kernel less two paddings is the stride."""
    batch, before, size, _ = x.shape
    return net.apply(
        layer,
        "conv_transpose2d",
        {"x": x},
        without={} if bias else {"bias": 0.0},
        draws={"weight": Normal((HE / (before * kernel**2 / stride**2)) ** 0.5)},
        batch=batch,
        in_channels=before,
        out_channels=channels,
        size=size,
        kernel=kernel,
        stride=stride,
        padding=padding,
        output_padding=0,
        groups=1,
    )


def global_average(net: Network, layer: str, x: Value) -> Value:
    """The mean of every channel: N C."""
    return net.elementary(layer, "mean", [x], "B D", x.shape[:2], axes=(2, 3))


def flatten(net: Network, layer: str, x: Value) -> Value:
    """All that belongs to one example in one row, channels first: B D."""
    return reshape(net, layer, x, "B D", (x.shape[0], x.size // x.shape[0]))


def dropout(net: Network, layer: str, x: Value, rate: float) -> Value:
    """In training x · mask / (1 − rate), by a mask that is drawn like the data; else x itself."""
    if not net.training:
        return x
    mask = net.mask(f"{layer}.mask", x, 1 - rate)
    kept = net.elementary(f"{layer}.kept", "multiply", [x, mask], x.axes, x.shape)
    return net.elementary(layer, "scale", [kept], x.axes, x.shape, factor=1 / (1 - rate))


def add(net: Network, layer: str, *values: Value) -> Value:
    return net.elementary(layer, "add", list(values), values[0].axes, values[0].shape)


def multiply(net: Network, layer: str, a: Value, b: Value) -> Value:
    """a · b; b may have extents of 1 where a has more."""
    return net.elementary(layer, "multiply", [a, b], a.axes, a.shape)


def concat(net: Network, layer: str, values: list[Value], axis: int) -> Value:
    shape = list(values[0].shape)
    shape[axis] = sum(value.shape[axis] for value in values)
    return net.elementary(layer, "concat", values, values[0].axes, tuple(shape), axis=axis)


def reshape(net: Network, layer: str, x: Value, axes: str, shape: tuple[int, ...]) -> Value:
    if prod(shape) != x.size:
        raise ValueError(f"{layer}: {x.shape} does not go into {shape}")
    return net.elementary(layer, "reshape", [x], axes, shape, shape=shape)


def transpose(net: Network, layer: str, x: Value, axes: str) -> Value:
    """The axes of x in the order of `axes`."""
    order = tuple(x.axes.split().index(axis) for axis in axes.split())
    return net.elementary(layer, "transpose", [x], axes, tuple(x.shape[axis] for axis in order), order=order)


def group_norm(net: Network, layer: str, x: Value, groups: int, *, eps: float = 1e-5) -> Value:
    batch, channels, height, width = x.shape
    sizes: dict[str, Any] = dict(
        batch=batch, channels=channels, height=height, width=width, groups=groups, eps=eps, mean=0.0
    )
    return net.apply(layer, "group_norm", {"x": x}, draws={"weight": SCALE, "bias": SHIFT}, **sizes)


def upsample(net: Network, layer: str, x: Value) -> Value:
    """Every pixel four times: twice the size."""
    batch, channels, height, width = x.shape
    sizes: dict[str, Any] = dict(
        batch=batch, channels=channels, height=height, width=width, out_height=2 * height, out_width=2 * width
    )
    return net.apply(layer, "resize_nearest", {"x": x}, **sizes)


def embedding(net: Network, layer: str, ids: Value, vocabulary: int, features: int, *, scale: float = 0.02) -> Value:
    """Rows of the table `<layer>.weight`: B T D."""
    batch, seq = ids.shape
    sizes: dict[str, Any] = dict(batch=batch, seq=seq, vocabulary=vocabulary, features=features)
    table = net.parameter(f"{layer}.weight", "V D", (vocabulary, features), Normal(scale))
    return net.apply(layer, "embedding", {"ids": ids, "table": table}, **sizes)


def layer_norm(net: Network, layer: str, x: Value, *, eps: float = 1e-5) -> Value:
    batch, seq, features = x.shape
    sizes: dict[str, Any] = dict(batch=batch, seq=seq, features=features, eps=eps, mean=0.0)
    return net.apply(layer, "layer_norm", {"x": x}, draws={"weight": SCALE, "bias": SHIFT}, **sizes)


def self_attention(net: Network, layer: str, x: Value, heads: int, *, causal: bool = False) -> Value:
    """`multi_head_attention`; all positions are valid."""
    batch, seq, features = x.shape
    sizes: dict[str, Any] = dict(batch=batch, seq=seq, features=features, heads=heads)
    return net.apply(layer, "multi_head_attention", {"x": x}, **sizes, causal=causal)


def cross_attention(net: Network, layer: str, x: Value, memory: Value, heads: int) -> Value:
    """Queries from x; keys and values from the memory. Four linear layers: `query`, `key`, `value` and `out`."""
    batch, queries, features = x.shape
    keys, head_dim = memory.shape[1], features // heads

    def split(name: str, source: Value, axis: str) -> Value:
        y = linear(net, f"{layer}.{name}", source, features, gain=GLOROT)
        y = reshape(net, f"{layer}.{name}.heads", y, f"B {axis} H D", (batch, source.shape[1], heads, head_dim))
        return transpose(net, f"{layer}.{name}.split", y, f"B H {axis} D")

    given = {"query": split("query", x, "T"), "key": split("key", memory, "S"), "value": split("value", memory, "S")}
    sizes: dict[str, Any] = dict(batch=batch, heads=heads, query_seq=queries, key_seq=keys, head_dim=head_dim)
    y = net.apply(f"{layer}.attend", "masked_attention", given, without={"mask": True}, **sizes, valid=1.0)
    y = transpose(net, f"{layer}.merged", y, "B T H D")
    y = reshape(net, f"{layer}.joined", y, "B T D", (batch, queries, features))
    return linear(net, f"{layer}.out", y, features, gain=GLOROT)


def recurrent(
    net: Network, layer: str, kind: str, x: Value, hidden: int, *, layers: int = 1, bidirectional: bool = False
) -> Value:
    """`kind` is `lstm`, `gru` or `rnn_tanh`, from a state of zeros over whole sequences: the results of the last layer,
    B T H."""
    batch, seq, inputs = x.shape
    states = {"h0": 0.0, "c0": 0.0} if kind == "lstm" else {"h0": 0.0}
    sizes: dict[str, Any] = dict(batch=batch, seq=seq, inputs=inputs, hidden=hidden, layers=layers)
    constants: dict[str, Any] = {"lengths": float(seq), **states}
    return net.apply(layer, kind, {"x": x}, without=constants, **sizes, bidirectional=bidirectional, ragged=False)


def position(net: Network, layer: str, x: Value, number: int) -> Value:
    """One position of every sequence: B D."""
    batch, _, features = x.shape
    axes = (x.axes.split()[0], x.axes.split()[2])
    one = net.elementary(
        f"{layer}.one", "slice", [x], x.axes, (batch, 1, features), axis=1, start=number, stop=number + 1
    )
    return reshape(net, layer, one, " ".join(axes), (batch, features))


def conv1d(net: Network, layer: str, x: Value, channels: int, kernel: int, *, dilation: int = 1) -> Value:
    """Without padding."""
    batch, before, size = x.shape
    return net.apply(
        layer,
        "conv1d",
        {"x": x},
        batch=batch,
        in_channels=before,
        out_channels=channels,
        size=size,
        kernel=kernel,
        stride=1,
        padding=0,
        dilation=dilation,
        groups=1,
    )
