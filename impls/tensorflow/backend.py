from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from impls.interface import Backend, Function, Native, as_tuple
from impls.tensorflow.modes import as_mode
from impls.tensorflow.modules import TensorflowModels

DTYPES = {
    "float64": tf.float64,
    "float32": tf.float32,
    "tf32": tf.float32,
    "bfloat16": tf.bfloat16,
    "float16": tf.float16,
}


class TensorflowBackend(Backend):
    modes = ("eager", "graph", "xla")
    compiled_modes = ("graph", "xla")
    models = TensorflowModels()

    def start(self, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)

    def versions(self) -> dict[str, str]:
        build = tf.sysconfig.get_build_info()
        linked = {name: str(build.get(f"{name}_version", "none")) for name in ("cuda", "cudnn")}
        return {"tensorflow": tf.__version__, **linked}

    def build(self) -> dict[str, str]:
        told = tf.sysconfig.get_build_info()
        device = f"CUDA {told.get('cuda_version')}" if told["is_cuda_build"] else "CPU"
        return {"device": "ROCm" if told["is_rocm_build"] else device, "compiler": tf.version.COMPILER_VERSION}

    def settings(self) -> dict[str, str | int | bool | None]:
        return {
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "interop_threads": tf.config.threading.get_inter_op_parallelism_threads(),
            "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
            "flush_denormals": bool((tf.constant(1e-40) * 1.0).numpy() == 0),
            "device": tf.constant(0.0).device.rpartition("device:")[2],
        }

    def use(self, precision: str) -> None:
        tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")

    def unsupported(self, precision: str, device: str) -> str | None:
        if device == "cuda" and not tf.config.list_physical_devices("GPU"):
            return "this build of TensorFlow sees no CUDA device"
        if precision == "tf32" and device == "cpu":
            return "TF32 exists on NVIDIA GPUs only"
        return None

    def array(self, values: np.ndarray, precision: str, device: str, differentiable: bool = False) -> tf.Tensor:
        with tf.device("GPU:0" if device == "cuda" else "CPU:0"):
            tensor = tf.constant(values)
            return tf.cast(tensor, DTYPES[precision]) if values.dtype.kind == "f" else tensor

    def numpy(self, tensor: Native) -> np.ndarray:
        return (tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor).numpy()

    def precision_of(self, tensor: Native) -> str:
        return tensor.dtype.name

    def synchronize(self, outputs: Sequence[Native]) -> None:
        tf.test.experimental.sync_devices()

    def contract(self, outputs: Native, *cotangents: tf.Tensor) -> tf.Tensor:
        outputs = as_tuple(outputs)
        if len(cotangents) == 1:
            return tf.reduce_sum(outputs[0] * cotangents[0])
        return tf.add_n([tf.reduce_sum(y * c) for y, c in zip(outputs, cotangents, strict=False)])

    def forward(self, function: Function, mode: str) -> Function:
        function = as_mode(function, mode)

        def outputs(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return as_tuple(function(*tensors))

        outputs.traced = function
        return outputs

    def gradient(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        def value_and_gradient(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            leaves = [tensors[position] for position in positions]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(leaves)
                loss = objective(*tensors)
            return (loss, *tape.gradient(loss, leaves))

        return as_mode(value_and_gradient, mode)

    def jvp(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        def pushforward(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            tensors, tangents = tensors[: -len(positions)], tensors[-len(positions) :]
            leaves = [tensors[position] for position in positions]
            with tf.autodiff.ForwardAccumulator(primals=leaves, tangents=list(tangents)) as accumulator:
                outputs = as_tuple(function(*tensors))
            return (*outputs, *(accumulator.jvp(output, unconnected_gradients="zero") for output in outputs))

        return as_mode(pushforward, mode)

    def hvp(self, objective: Function, mode: str, positions: Sequence[int]) -> Function:
        """Forward over reverse, as the documentation of ForwardAccumulator recommends."""

        def gradient(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            leaves = [tensors[position] for position in positions]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(leaves)
                loss = objective(*tensors)
            gradients = tape.gradient(loss, leaves, unconnected_gradients="zero")
            return tuple(tf.convert_to_tensor(each) for each in gradients)  # those of tf.gather come as slices

        return self.jvp(gradient, mode, positions)

    def jacobian(self, function: Function, mode: str, positions: Sequence[int]) -> Function:
        def jacobian(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            leaves = [tensors[position] for position in positions]
            with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
                tape.watch(leaves)
                outputs = as_tuple(function(*tensors))
            rows = [tape.jacobian(output, leaves, unconnected_gradients="zero") for output in outputs]
            return tuple(block for of_output in rows for block in of_output)

        return as_mode(jacobian, mode)

    def per_example_gradient(
        self, objective: Function, mode: str, positions: Sequence[int], axes: Sequence[int | None]
    ) -> Function:
        def losses_and_gradients(*tensors: tf.Tensor) -> tuple[tf.Tensor, ...]:
            leaves = [tensors[position] for position in positions]
            mapped = [position for position, axis in enumerate(axes) if axis is not None]

            def of_one(examples: list[tf.Tensor]) -> tuple[tf.Tensor, ...]:
                whole = list(tensors)
                for position, example in zip(mapped, examples, strict=True):
                    whole[position] = tf.expand_dims(example, axes[position])
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(leaves)
                    loss = objective(*whole)
                return (loss, *tape.gradient(loss, leaves, unconnected_gradients="zero"))

            return tuple(tf.vectorized_map(of_one, [_first(tensors[p], axes[p]) for p in mapped]))

        return as_mode(losses_and_gradients, mode)

    def refuses(self, error: BaseException) -> bool:
        """No kernel for the type or device, no gradient in the registry, or nothing that XLA could compile."""
        text = str(error)
        missing = (NotImplementedError, tf.errors.UnimplementedError, tf.errors.NotFoundError)
        return (
            isinstance(error, missing) or "gradient registry has no entry" in text or "unsupported operations" in text
        )

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError))

    def peak_device_bytes(self, function: Function, arguments: Sequence[Native]) -> int | None:
        tf.test.experimental.sync_devices()
        tf.config.experimental.reset_memory_stats("GPU:0")
        before = tf.config.experimental.get_memory_info("GPU:0")["current"]
        outputs = function(*arguments)
        tf.test.experimental.sync_devices()
        del outputs
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] - before

    def traces(self, function: Function) -> int | None:
        traced = getattr(function, "traced", function)
        count = getattr(traced, "experimental_get_tracing_count", None)
        return count() if count else None


def _first(tensor: tf.Tensor, axis: int | None) -> tf.Tensor:
    """`tensor` with `axis` moved to the front, where tf.vectorized_map looks for it."""
    order = [axis, *(other for other in range(tensor.shape.rank) if other != axis)]
    return tensor if axis == 0 else tf.transpose(tensor, order)


BACKEND = TensorflowBackend
