"""What JAX does where nobody pins anything: one line each. `suite/conventions.toml` says what is asked, and why."""

from __future__ import annotations

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

INF, NAN = math.inf, math.nan


def _g(function, point):
    """The gradient of `function` at `point`."""
    return jax.grad(function)(jnp.array(point))


def _wide(function):
    """`function()` with 64-bit types."""
    with jax.enable_x64(True):
        return function()


PROBES = {
    "layer_norm_eps": lambda: inspect.signature(jax.nn.standardize).parameters["epsilon"].default,
    "variance": lambda: jnp.var(jnp.array([1.0, 2, 3, 4])),
    "variance_beside_a_large_mean": lambda: jax.nn.standardize(jnp.array([4097.0, 4098, 4099]))[2],
    "gelu": lambda: jax.nn.gelu(1.0),
    "gelu_is_exact_in_float64": lambda: _wide(
        lambda: bool(abs(jax.nn.gelu(jnp.float64(1.0), approximate=False) - 0.8413447460685429) < 1e-12)
    ),
    "leaky_relu": lambda: jax.nn.leaky_relu(-1.0),
    "hard_sigmoid": lambda: jax.nn.hard_sigmoid(1.0),
    "elu": lambda: jax.nn.elu(-1.0),
    "relu_gradient_at_0": lambda: _g(jax.nn.relu, 0.0),
    "maximum_gradient_at_0": lambda: _g(lambda x: jnp.maximum(x, 0.0), 0.0),
    "maximum_of_equals": lambda: _g(lambda x: jnp.maximum(x[0], x[1]), [1.0, 1.0]),
    "clip_gradient_at_the_lower_bound": lambda: _g(lambda x: jnp.clip(x, 0.0, 1.0), 0.0),
    "clip_gradient_at_the_upper_bound": lambda: _g(lambda x: jnp.clip(x, 0.0, 1.0), 1.0),
    "abs_gradient_at_0": lambda: _g(jnp.abs, 0.0),
    "leaky_relu_gradient_at_0": lambda: _g(jax.nn.leaky_relu, 0.0),
    "relu6_gradient_at_6": lambda: _g(jax.nn.relu6, 6.0),
    "hard_tanh_gradient_at_1": lambda: _g(jax.nn.hard_tanh, 1.0),
    "max_gradient_at_a_tie": lambda: _g(jnp.max, [1.0, 1.0]),
    "max_along_an_axis_gradient_at_a_tie": lambda: _g(lambda x: jnp.max(x, 0), [1.0, 1.0]),
    "max_pool_gradient_at_a_tie": lambda: _g(
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (4,), (4,), "VALID").sum(), [1.0, 1.0, 1.0, 1.0]
    ),
    "sqrt_gradient_at_0": lambda: _g(jnp.sqrt, 0.0),
    "norm_gradient_at_0": lambda: _g(jnp.linalg.norm, [0.0, 0.0]),
    "std_gradient_of_a_constant": lambda: _g(jnp.std, [1.0, 1.0]),
    "atan2_gradient_at_the_origin": lambda: _g(lambda x: jnp.arctan2(x[0], x[1]), [0.0, 0.0]),
    "power_0_gradient_at_0": lambda: _g(lambda x: jnp.power(x, jnp.float32(0.0)), 0.0),
    "where_hides_an_infinite_gradient": lambda: _g(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), 0.0),
    "prod_gradient_at_a_zero": lambda: _g(jnp.prod, [0.0, 2.0, 3.0]),
    "softmax_of_minus_infinities": lambda: jax.nn.softmax(jnp.array([-INF, -INF])),
    "logsumexp_of_minus_infinities": lambda: jax.nn.logsumexp(jnp.array([-INF, -INF])),
    "logsumexp_gradient_of_minus_infinities": lambda: _g(jax.nn.logsumexp, [-INF, -INF]),
    "attention_of_a_fully_masked_row": lambda: jax.nn.dot_product_attention(
        jnp.ones((1, 1, 1, 1)),
        jnp.ones((1, 2, 1, 1)),
        jnp.array([1.0, 3]).reshape(1, 2, 1, 1),
        mask=jnp.zeros((1, 1, 1, 2), bool),
    ).squeeze(),
    "causal_mask_with_more_keys": lambda: jax.nn.dot_product_attention(
        jnp.ones((1, 2, 1, 1)), jnp.ones((1, 3, 1, 1)), jnp.array([1.0, 2, 4]).reshape(1, 3, 1, 1), is_causal=True
    )[0, 0, 0, 0],
    "float64_array": lambda: jnp.asarray(np.ones(1)).dtype,
    "python_floats": lambda: jnp.array([1.0]).dtype,
    "python_ints": lambda: jnp.array([1]).dtype,
    "int32_plus_float16": lambda: (jnp.ones(1, jnp.int32) + jnp.ones(1, jnp.float16)).dtype,
    "float16_plus_bfloat16": lambda: (jnp.ones(1, jnp.float16) + jnp.ones(1, jnp.bfloat16)).dtype,
    "uint8_plus_int8": lambda: (jnp.ones(1, jnp.uint8) + jnp.ones(1, jnp.int8)).dtype,
    "float32_plus_numpy_float64": lambda: (jnp.ones(1) + np.float64(1)).dtype,
    "int32_divided": lambda: (jnp.ones(1, jnp.int32) / 2).dtype,
    "mean_of_ints": lambda: jnp.mean(jnp.array([1, 2])),
    "sum_of_bools": lambda: jnp.ones(2, bool).sum().dtype,
    "floor_division": lambda: jnp.int32(-7) // 2,
    "remainder": lambda: jnp.int32(-7) % 2,
    "truncated_remainder": lambda: lax.rem(jnp.int32(-7), jnp.int32(2)),
    "integer_division_by_zero": lambda: jnp.int32(1) // jnp.int32(0),
    "integer_overflow": lambda: jnp.int32(2147483647) + jnp.int32(1),
    "round_half": lambda: jnp.round(jnp.array([0.5, 1.5, 2.5])),
    "cast_of_nan": lambda: jnp.float32(NAN).astype(jnp.int32),
    "cast_of_infinity": lambda: jnp.float32(INF).astype(jnp.int32),
    "cast_out_of_range": lambda: jnp.array([-1.0, 300.0]).astype(jnp.uint8),
    "index_out_of_range": lambda: jnp.arange(3)[jnp.int32(5)],
    "gather_out_of_range": lambda: jnp.take(jnp.arange(3.0), jnp.array([5])),
    "gather_of_a_negative_index": lambda: jnp.take(jnp.arange(3.0), jnp.array([-1])),
    "scatter_out_of_range": lambda: jnp.zeros(3).at[jnp.array([5])].add(1.0),
    "argmax_with_nan": lambda: jnp.argmax(jnp.array([1.0, NAN, 2.0])),
    "max_with_nan": lambda: jnp.max(jnp.array([1.0, NAN, 2.0])),
    "argmax_at_a_tie": lambda: jnp.argmax(jnp.array([1.0, 2.0, 2.0])),
    "sort_with_nan": lambda: jnp.sort(jnp.array([2.0, NAN, 1.0])),
    "denormal_kept": lambda: jnp.float32(1e-40) * jnp.float32(1.0),
    "exp_of_minus_100": lambda: jnp.exp(jnp.float32(-100.0)),
    "same_with_stride_2": lambda: lax.conv(jnp.arange(1.0, 7)[None, None], jnp.ones((1, 1, 3)), (2,), "SAME")[0, 0, 0],
    "kernel_not_flipped": lambda: lax.conv(jnp.array([[[1.0, 2]]]), jnp.array([[[3.0, 10]]]), (1,), "VALID")[0, 0, 0],
    "transposed_kernel": lambda: lax.conv_transpose(
        jnp.ones((1, 1, 1)), jnp.array([3.0, 10])[:, None, None], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
    )[0, :, 0],
    "resize_antialiasing": lambda: jax.image.resize(jnp.arange(4.0), (2,), "linear"),
    "resize_nearest": lambda: jax.image.resize(jnp.arange(5.0), (3,), "nearest"),
}
