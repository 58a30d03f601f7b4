"""How PyTorch executes a function: as it is, or compiled."""

from __future__ import annotations

import types

import torch

from impls.interface import Function, Native


def as_mode(function: Function, mode: str) -> Function:
    if mode == "eager":
        return function

    def program(*tensors: Native) -> Native:
        return function(*tensors)

    return compiled(of_its_own(program), mode)


def of_its_own(program: Function) -> Function:
    """`program` with a code object of its own: there Dynamo keeps what it compiled, and it refuses when too many versions
    share one, so no program is in another's way."""
    return types.FunctionType(program.__code__.replace(), program.__globals__, closure=program.__closure__)


def compiled(own: Function, mode: str) -> Function:
    """`dynamic=False`: each program has one shape."""
    if mode == "compile":
        return torch.compile(own, fullgraph=True, dynamic=False)
    kept = torch.compile(own, fullgraph=True, dynamic=False, mode=mode)

    def replayed(*tensors: Native) -> Native:
        # A CUDA graph writes its results where those of the last call lie: these are not needed any more.
        torch.compiler.cudagraph_mark_step_begin()
        return kept(*tensors)

    return replayed
