from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np

from impls.interface import Backend, Function, Native, as_tuple, of_leaves
from impls.jax.modes import as_mode
from impls.jax.modules import JaxModels

DTYPES = {
    "float64": jnp.float64,
    "float32": jnp.float32,
    "tf32": jnp.float32,
    "bfloat16": jnp.bfloat16,
    "float16": jnp.float16,
}


class JaxBackend(Backend):
    modes = ("eager", "jit")
    compiled_modes = ("jit",)
    models = JaxModels()

    def start(self, threads: int) -> None:
        """Nothing: XLA takes one thread for each CPU that the process may use, which the worker has limited before."""

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}

    def build(self) -> dict[str, str]:
        names = sorted({found.name for found in distributions() if found.name.startswith(("jax-cuda", "jax-rocm"))})
        return {"device": ", ".join(names) or "CPU"}

    def settings(self) -> dict[str, str | int | bool | None]:
        return {
            "threads": _threads(),
            "threads_source": "threads of XLA's pool, counted",
            "enable_x64": bool(jax.config.jax_enable_x64),
            "default_matmul_precision": str(jax.config.jax_default_matmul_precision),
            "flush_denormals": bool(jnp.float32(1e-40) * 1.0 == 0),
            "platform": jax.default_backend(),
            "device": jax.devices()[0].device_kind,
        }

    def use(self, precision: str) -> None:
        # Without this JAX turns float64 into float32 silently; with it on, float32 programs would index in 64 bits.
        jax.config.update("jax_enable_x64", precision == "float64")
        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if precision == "tf32" else "float32")

    def unsupported(self, precision: str, device: str) -> str | None:
        if device == "cuda" and jax.default_backend() != "gpu":
            return "this build of JAX sees no CUDA device"
        if precision == "tf32" and device == "cpu":
            return "TF32 exists on NVIDIA GPUs only"
        return None

    def array(self, values: np.ndarray, precision: str, device: str, differentiable: bool = False) -> jax.Array:
        dtype = DTYPES[precision] if values.dtype.kind == "f" else None
        return jax.device_put(jnp.array(values, dtype=dtype), jax.devices(device)[0])

    def numpy(self, tensor: Native) -> np.ndarray:
        return np.asarray(tensor.astype(jnp.float32) if tensor.dtype == jnp.bfloat16 else tensor)

    def precision_of(self, tensor: Native) -> str:
        return str(tensor.dtype)

    def synchronize(self, outputs: Sequence[Native]) -> None:
        jax.block_until_ready(outputs)

    def contract(self, outputs: Native, *cotangents: jax.Array) -> jax.Array:
        return sum((y * c).sum() for y, c in zip(as_tuple(outputs), cotangents, strict=False))

    def forward(self, function: Function, mode: str) -> Function:
        def outputs(*tensors: jax.Array) -> tuple[jax.Array, ...]:
            return as_tuple(function(*tensors))

        return as_mode(outputs, mode)

    def gradient(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        differentiate = jax.value_and_grad(objective, argnums=tuple(positions))

        def value_and_gradient(*tensors: jax.Array) -> tuple[jax.Array, ...]:
            loss, gradients = differentiate(*tensors)
            return (loss, *gradients)

        return as_mode(value_and_gradient, mode)

    def jvp(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        def pushforward(*tensors: jax.Array) -> tuple[jax.Array, ...]:
            tensors, tangents = tensors[: -len(positions)], tensors[-len(positions) :]
            outputs, derivatives = jax.jvp(*of_leaves(function, tensors, positions), tangents)
            return (*outputs, *derivatives)

        return as_mode(pushforward, mode)

    def hvp(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """Forward over reverse, as JAX's autodiff cookbook recommends."""
        return self.jvp(jax.grad(objective, argnums=tuple(positions)), mode, positions)

    def jacobian(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        rows = jax.jacrev(function, argnums=tuple(positions))

        def jacobian(*tensors: jax.Array) -> tuple[jax.Array, ...]:
            return tuple(block for of_output in rows(*tensors) for block in of_output)

        return as_mode(jacobian, mode)

    def per_example_gradient(
        self, objective: Function, mode: str, positions: Sequence[int], axes: Sequence[int | None]
    ) -> Function:
        def of_one(*tensors: jax.Array) -> jax.Array:
            whole = [t if axis is None else jnp.expand_dims(t, axis) for t, axis in zip(tensors, axes, strict=True)]
            return objective(*whole)

        mapped = jax.vmap(jax.value_and_grad(of_one, argnums=tuple(positions)), in_axes=tuple(axes))

        def losses_and_gradients(*tensors: jax.Array) -> tuple[jax.Array, ...]:
            losses, gradients = mapped(*tensors)
            return (losses, *gradients)

        return as_mode(losses_and_gradients, mode)

    def refuses(self, error: BaseException) -> bool:
        """No rule for differentiation or no kernel for the type, such as `'F16_F16_F32' is not supported by dot_general`."""
        words = ("does not accept dtype", "is not supported by dot_general")
        return isinstance(error, NotImplementedError) or any(each in str(error) for each in words)

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def peak_device_bytes(self, function: Function, arguments: Sequence[Native]) -> int | None:
        """By what XLA plans for a compiled function. The counter of the device can't be set back, so that it tells of no
        single call once there was a larger one."""
        lower = getattr(function, "lower", None)
        if lower is None:
            return None
        plan = lower(*arguments).compile().memory_analysis()
        return int(plan.temp_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes)

    def traces(self, function: Function) -> int | None:
        count = getattr(getattr(function, "traced", function), "_cache_size", None)
        return count() if count else None


def _threads() -> int | None:
    """XLA names the threads of its compute pool; Linux lets them be counted."""
    jnp.ones(1).block_until_ready()
    names = []
    for task in Path("/proc/self/task").glob("*/comm"):
        names.append(task.read_text().strip())
    return sum(name.startswith("tf_XLAEigen") for name in names) or None


BACKEND = JaxBackend
