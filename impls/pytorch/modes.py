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

    # Dynamo keeps what it compiled on the code object, and refuses when too many versions share one: with a code object
    # of its own no program is in another's way. `dynamic=False`: each program has one shape.
    own = types.FunctionType(program.__code__.replace(), program.__globals__, closure=program.__closure__)
    if mode == "compile":
        return torch.compile(own, fullgraph=True, dynamic=False)
    compiled = torch.compile(own, fullgraph=True, dynamic=False, mode=mode)

    def replayed(*tensors: Native) -> Native:
        # A CUDA graph writes its results where those of the last call lie: these are not needed any more.
        torch.compiler.cudagraph_mark_step_begin()
        return compiled(*tensors)

    return replayed
