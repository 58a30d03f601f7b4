"""What stands between a model's layers, each with its backward function: moving, joining, arithmetic of entries."""

from __future__ import annotations

import numpy as np

from impls.interface import Function


def reshape(x, *, shape):
    return x.reshape(shape), lambda dy: (dy.reshape(x.shape),)


def transpose(x, *, order):
    return x.transpose(order), lambda dy: (dy.transpose(np.argsort(order)),)


def concat(*parts, axis):
    ends = np.cumsum([part.shape[axis] for part in parts])[:-1]
    return np.concatenate(parts, axis), lambda dy: tuple(np.split(dy, ends, axis))


def slice_(x, *, axis, start, stop):
    """Entries start … stop − 1 along one axis."""
    place = (slice(None),) * axis + (slice(start, stop),)

    def backward(dy):
        dx = np.zeros_like(x)
        dx[place] = dy
        return (dx,)

    return x[place], backward


def pad(x, *, widths):
    """Zeros around x, so many before and after along each axis."""
    inside = tuple(slice(before, before + extent) for (before, _), extent in zip(widths, x.shape, strict=True))
    return np.pad(x, widths), lambda dy: (dy[inside],)


def broadcast(x, *, shape):
    """x repeated along axes that it lacks in front, or has with extent 1."""
    return np.broadcast_to(x, shape).copy(), lambda dy: (_summed(dy, x.shape),)


def add(*terms):
    y = terms[0]
    for term in terms[1:]:
        y = y + term
    return y, lambda dy: tuple(_summed(dy, term.shape) for term in terms)


def multiply(a, b):
    def backward(dy):
        da = _summed(dy * b, a.shape) if a.dtype.kind == "f" else None
        return da, _summed(dy * a, b.shape) if b.dtype.kind == "f" else None

    return a * b, backward


def subtract(a, b):
    return a - b, lambda dy: (_summed(dy, a.shape), -_summed(dy, b.shape))


def divide(a, b):
    y = a / b
    return y, lambda dy: (_summed(dy / b, a.shape), -_summed(dy * y / b, b.shape))


def exp(x):
    y = np.exp(x)
    return y, lambda dy: (dy * y,)


def keep_columns(x, *, kept):
    """x, with 0 in the places of the last axis that are not kept."""
    mask = np.array(kept, dtype=x.dtype)
    return x * mask, lambda dy: (dy * mask,)


def keep_largest(x, *, count):
    """x, with 0 in all places of the last axis but those of its largest numbers."""
    kept = x >= np.sort(x, axis=-1)[..., -count : x.shape[-1] - count + 1]
    return x * kept, lambda dy: (dy * kept,)


def scale(x, *, factor):
    return x * x.dtype.type(factor), lambda dy: (dy * dy.dtype.type(factor),)


def mean(x, *, axes):
    count = int(np.prod([x.shape[axis] for axis in axes]))
    return x.mean(axis=axes), lambda dy: (np.broadcast_to(np.expand_dims(dy, axes) / count, x.shape),)


def sum_(x, *, axes):
    return x.sum(axis=axes), lambda dy: (np.broadcast_to(np.expand_dims(dy, axes), x.shape),)


def _summed(dy, shape):
    """`dy` summed over what was broadcast to reach its shape from `shape`."""
    if dy.shape == shape:
        return dy
    dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    return dy.sum(axis=tuple(a for a, extent in enumerate(shape) if extent == 1 and dy.shape[a] != 1), keepdims=True)


ELEMENTARY: dict[str, Function] = {
    "reshape": reshape,
    "transpose": transpose,
    "concat": concat,
    "slice": slice_,
    "pad": pad,
    "broadcast": broadcast,
    "add": add,
    "multiply": multiply,
    "scale": scale,
    "mean": mean,
    "sum": sum_,
    "subtract": subtract,
    "divide": divide,
    "exp": exp,
    "keep_columns": keep_columns,
    "keep_largest": keep_largest,
}
