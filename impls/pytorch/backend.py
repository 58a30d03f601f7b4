from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from impls.interface import Backend, Function, Native, as_tuple, of_leaves
from impls.pytorch.modes import as_mode
from impls.pytorch.modules import PytorchModels

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

HELD_UP = 4
"""Cycles for each nanosecond: GPUs run at 1 to 2.5 GHz, so that this is twice as long as is needed, or more."""


class PytorchBackend(Backend):
    modes = ("eager", "compile")
    cuda_modes = ("reduce-overhead", "max-autotune")
    compiled_modes = ("compile", *cuda_modes)
    models = PytorchModels()

    def start(self, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(threads)

    def versions(self) -> dict[str, str]:
        cudnn = torch.backends.cudnn.version() if torch.version.cuda else None
        return {"pytorch": torch.__version__, "cuda": torch.version.cuda or "none", "cudnn": str(cudnn or "none")}

    def build(self) -> dict[str, str]:
        told = (
            torch.__config__.show()
        )  # `- GCC 13.3`, and at the end `Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release, …`
        compiler = re.search(r"^\s*- ((?:GCC|clang|MSVC)\b.*)$", told, re.MULTILINE | re.IGNORECASE)
        settings = dict(re.findall(r"(\w+)=(.*?), (?=\w+=|\s*$)", told.partition("Build settings: ")[2]))
        hip, cuda = torch.version.hip, torch.version.cuda
        found = {
            "device": f"ROCm {hip}" if hip else f"CUDA {cuda}" if cuda else "CPU",
            "compiler": compiler[1] if compiler else "",
            "flags": settings.get("CXX_FLAGS", "").strip(),
            "type": settings.get("BUILD_TYPE", ""),
            "blas": settings.get("BLAS_INFO", ""),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
        return {name: value for name, value in found.items() if value}

    def settings(self) -> dict[str, str | int | bool | None]:
        return {
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "cudnn_allow_tf32": torch.backends.cudnn.allow_tf32,
            "flush_denormals": torch.tensor(1e-40).mul(1.0).item() == 0,
            "onednn": torch.backends.mkldnn.is_available(),
            "compile_threads": _compile_threads(),
            "half_sums_in_half": torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        }

    def use(self, precision: str) -> None:
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = precision == "tf32"

    def unsupported(self, precision: str, device: str) -> str | None:
        if device == "cuda" and not torch.cuda.is_available():
            return "this build of PyTorch sees no CUDA device"
        if precision == "tf32" and device == "cpu":
            return "TF32 exists on NVIDIA GPUs only"
        return None

    def array(self, values: np.ndarray, precision: str, device: str, differentiable: bool = False) -> torch.Tensor:
        dtype = DTYPES[precision] if values.dtype.kind == "f" else None
        # A copy: the tensor must not share memory with an array that the caller may change.
        tensor = torch.from_numpy(np.array(values)).to(device=device, dtype=dtype)
        return tensor.requires_grad_() if differentiable else tensor

    def numpy(self, tensor: Native) -> np.ndarray:
        tensor = tensor.detach().cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()

    def precision_of(self, tensor: Native) -> str:
        return str(tensor.dtype).removeprefix("torch.")

    def synchronize(self, outputs: Sequence[Native]) -> None:
        if outputs[0].is_cuda:  # on the CPU a call returns when its result is there
            torch.cuda.synchronize(outputs[0].device)

    def contract(self, outputs: Native, *cotangents: torch.Tensor) -> torch.Tensor:
        outputs = as_tuple(outputs)
        if len(cotangents) == 1:
            return (outputs[0] * cotangents[0]).sum()
        return torch.stack([(y * c).sum() for y, c in zip(outputs, cotangents, strict=False)]).sum()

    def forward(self, function: Function, mode: str) -> Function:
        # No graph is recorded, since no argument requires a gradient.
        function = as_mode(function, mode)
        return lambda *tensors: as_tuple(function(*tensors))

    def gradient(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        objective = as_mode(objective, mode)

        def value_and_gradient(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            leaves = [tensors[position] for position in positions]
            for leaf in leaves:
                leaf.grad = None
            loss = objective(*tensors)
            loss.backward()
            return (loss, *(leaf.grad for leaf in leaves))

        return value_and_gradient

    def jvp(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        def pushforward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            tensors, tangents = tensors[: -len(positions)], tensors[-len(positions) :]
            outputs, derivatives = torch.func.jvp(*of_leaves(function, tensors, positions), tangents)
            return (*outputs, *derivatives)

        return as_mode(pushforward, mode)

    def hvp(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """Forward over reverse, as PyTorch's tutorial on Hessians recommends."""
        gradient = torch.func.grad(objective, argnums=tuple(positions))
        return self.jvp(gradient, mode, positions)

    def jacobian(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        rows = torch.func.jacrev(function, argnums=tuple(positions))

        def jacobian(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(block for of_output in rows(*tensors) for block in of_output)

        return as_mode(jacobian, mode)

    def per_example_gradient(
        self, objective: Function, mode: str, positions: Sequence[int], axes: Sequence[int | None]
    ) -> Function:
        def of_one(*tensors: torch.Tensor) -> torch.Tensor:
            whole = [t if axis is None else t.unsqueeze(axis) for t, axis in zip(tensors, axes, strict=True)]
            return objective(*whole)

        differentiate = torch.func.grad_and_value(of_one, argnums=tuple(positions))
        mapped = torch.func.vmap(differentiate, in_dims=tuple(axes))

        def losses_and_gradients(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            gradients, losses = mapped(*tensors)
            return (losses, *gradients)

        return as_mode(losses_and_gradients, mode)

    def refuses(self, error: BaseException) -> bool:
        """`"cholesky_cpu" not implemented for 'BFloat16'`, `derivative for aten::_ctc_loss_backward is not implemented`,
        `Trying to use forward AD with … that does not support it`, `NYI: Tensor.clone(memory_format) inside vmap`."""
        text = str(error)
        words = ("not implemented", "forward AD with", "inside vmap", "vmap: It looks like")
        return isinstance(error, NotImplementedError) or any(each in text for each in words)

    def is_out_of_memory(self, error: BaseException) -> bool:
        words = ("can't allocate memory", "CUDA error: out of memory")
        return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(each in str(error) for each in words)

    def release(self) -> None:
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def kernel_ns(self, call: Callable[[], Native], calls: int) -> float | None:
        """By events on a stream that is held up until all calls are enqueued; `_sleep` is what PyTorch's own tests hold
        streams up with. Where the first event has passed before the last call was enqueued, gaps would count."""
        torch.cuda.synchronize()
        began = time.perf_counter_ns()
        call()
        enqueueing_ns = calls * (time.perf_counter_ns() - began)
        torch.cuda.synchronize()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(int(HELD_UP * enqueueing_ns))
        start.record()
        for _ in range(calls):
            call()
        end.record()
        without_gaps = not start.query()
        torch.cuda.synchronize()
        return start.elapsed_time(end) * 1e6 / calls if without_gaps else None

    def peak_device_bytes(self, function: Function, arguments: Sequence[Native]) -> int | None:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        outputs = function(*arguments)
        torch.cuda.synchronize()
        del outputs
        return torch.cuda.max_memory_allocated() - before


def _compile_threads() -> int:
    from torch._inductor import config  # the only place that says how many are used

    return int(config.compile_threads)


BACKEND = PytorchBackend
