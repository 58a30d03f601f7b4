"""`torch.autograd.gradcheck`, slow (its default) and fast, with its default step and tolerances."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

import torch

from tests.checkers.bugs import COUPLING, Array, Function
from tests.checkers.verdicts import Verdict, too_slow, verdict


def _wrapped(function: Function) -> Any:
    class Planted(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            context.save_for_backward(x)
            mixed = x + COUPLING * torch.roll(x, -1)
            terms = torch.relu(mixed) if function.kinked else torch.sin(mixed)
            return terms if function.many else terms.sum()

        @staticmethod
        def backward(context: Any, weights: Any) -> Any:
            (x,) = context.saved_tensors
            return torch.from_numpy(function.pullback(x.detach().numpy(), weights.numpy()))

    return Planted.apply


def slow(function: Function, x: Array) -> Verdict:
    """The whole Jacobian: two evaluations an input, and two pullbacks an output."""
    wrapped, point = _wrapped(function), torch.tensor(x, requires_grad=True)
    evaluations = 2 * len(x) * (2 if function.many else 1)
    return too_slow(lambda: wrapped(point), evaluations) or verdict(
        not torch.autograd.gradcheck(wrapped, point, raise_exception=False)
    )


def fast(function: Function, x: Array) -> Verdict:
    """One random direction."""
    point = torch.tensor(x, requires_grad=True)
    # When it has failed, it computes the whole Jacobian for the text of the exception: minutes to days that change nothing.
    module = sys.modules["torch.autograd.gradcheck"]
    with patch.object(module, "_run_slow_mode_and_get_error", return_value=""):
        return verdict(not torch.autograd.gradcheck(_wrapped(function), point, fast_mode=True, raise_exception=False))
