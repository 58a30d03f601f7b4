"""`linear` with a fault in each variant; the default one is healthy."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

import numpy as np

from impls.interface import implements
from impls.numpy.linear import linear as healthy

COMMANDS = ("build", "evaluate", "check_gradient", "warm_up", "sample", "finish")
"""The steps of the protocol in which an implementation runs."""


@implements("linear")
def linear(x, weight, bias):
    return healthy(x, weight, bias)


@implements("linear", variant="raises")
def raises(x, weight, bias):
    raise ValueError("a planted fault\nwith a second line")


@implements("linear", variant="out_of_memory")
def out_of_memory(x, weight, bias):
    return np.ones(2**46), None


@implements("linear", variant="killed")
def killed(x, weight, bias):
    os.kill(os.getpid(), signal.SIGKILL)


@implements("linear", variant="aborts_for_memory")
def aborts_for_memory(x, weight, bias):
    """As the C++ library ends a program that does not catch its exception."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n")
    os.abort()


@implements("linear", variant="segfault")
def segfault(x, weight, bias):
    ctypes.string_at(0)


@implements("linear", variant="exits")
def exits(x, weight, bias):
    print("goodbye", file=sys.stderr, flush=True)
    os._exit(3)


@implements("linear", variant="hangs")
def hangs(x, weight, bias):
    time.sleep(3600)


@implements("linear", variant="prints")
def prints(x, weight, bias):
    print('{"reply": "nonsense"}')
    os.write(1, b"more of it\n")
    return healthy(x, weight, bias)


@implements("linear", variant="nan")
def nan(x, weight, bias):
    y, backward = healthy(x, weight, bias)
    y[-1, -1] = np.nan
    return y, backward


@implements("linear", variant="nan_gradient")
def nan_gradient(x, weight, bias):
    return _with_backward(x, weight, bias, lambda dx, dweight, dbias: (dx, dweight * np.nan, dbias))


@implements("linear", variant="transposed")
def transposed(x, weight, bias):
    """The weight as it lies, its axes taken for each other's."""
    return healthy(x, np.ascontiguousarray(weight.T).reshape(weight.shape), bias)


@implements("linear", variant="one_percent")
def one_percent(x, weight, bias):
    return _with_backward(x, weight, bias, lambda dx, dweight, dbias: (dx, dweight * 1.01, dbias))


@implements("linear", variant="float32_inside")
def float32_inside(x, weight, bias):
    y, _ = healthy(*(a.astype(np.float32) for a in (x, weight, bias)))
    return y.astype(x.dtype), lambda dy: healthy(x, weight, bias)[1](dy)


@implements("linear", variant="float32_result")
def float32_result(x, weight, bias):
    y, backward = healthy(x, weight, bias)
    return y.astype(np.float32), backward


@implements("linear", variant="float64_result")
def float64_result(x, weight, bias):
    """Right to the last digit, but not in the precision that was asked for."""
    y, backward = healthy(*(a.astype(np.float64) for a in (x, weight, bias)))
    return y, backward


def _with_backward(x: Any, weight: Any, bias: Any, change: Any) -> Any:
    y, backward = healthy(x, weight, bias)
    return y, lambda dy: change(*backward(dy))


def _dying_in(command: str) -> Any:
    def dies(x, weight, bias):
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code.co_name == command and frame.f_code.co_filename.endswith("worker.py"):
                os._exit(9)
            frame = frame.f_back
        return healthy(x, weight, bias)

    dies.__module__ = __name__
    return dies


for _command in COMMANDS:
    implements("linear", variant=f"dies_in_{_command}")(_dying_in(_command))
