"""What PyTorch does where nobody pins anything: one line each. `suite/conventions.toml` says what is asked, and why."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

INF, NAN = math.inf, math.nan


def _g(function, point):
    """The gradient of `function` at `point`."""
    x = torch.tensor(point, requires_grad=True)
    return torch.autograd.grad(function(x), x)[0]


def _trained(layer, batch):
    """`layer` after one batch in training mode."""
    layer(torch.tensor(batch))
    return layer


def _step(optimizer, gradient):
    """How far a parameter moves in its first step."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    parameter.grad = torch.full_like(parameter, gradient)
    optimizer([parameter]).step()
    return parameter.item()


def _spread(weights):
    torch.manual_seed(0)
    return float(f"{weights().std().item():.2g}")


PROBES = {
    "batch_norm_eps": lambda: nn.BatchNorm2d(1).eps,
    "batch_norm_momentum": lambda: nn.BatchNorm2d(1).momentum,
    "batch_norm_running_variance": lambda: _trained(nn.BatchNorm1d(1), [[1.0], [2.0], [3.0], [4.0]]).running_var,
    "layer_norm_eps": lambda: nn.LayerNorm(4).eps,
    "group_norm_eps": lambda: nn.GroupNorm(1, 4).eps,
    "rms_norm_eps": lambda: nn.RMSNorm(4).eps,
    "variance": lambda: torch.tensor([1.0, 2, 3, 4]).var(),
    "variance_beside_a_large_mean": lambda: F.layer_norm(torch.tensor([4097.0, 4098, 4099]), [3], eps=1e-5)[2],
    "gelu": lambda: F.gelu(torch.tensor(1.0)),
    "gelu_is_exact_in_float64": lambda: bool(
        abs(F.gelu(torch.tensor(1.0, dtype=torch.float64)) - 0.8413447460685429) < 1e-12
    ),
    "leaky_relu": lambda: F.leaky_relu(torch.tensor(-1.0)),
    "hard_sigmoid": lambda: F.hardsigmoid(torch.tensor(1.0)),
    "elu": lambda: F.elu(torch.tensor(-1.0)),
    "relu_gradient_at_0": lambda: _g(F.relu, 0.0),
    "maximum_gradient_at_0": lambda: _g(lambda x: torch.maximum(x, torch.zeros_like(x)), 0.0),
    "maximum_of_equals": lambda: _g(lambda x: torch.maximum(x[0], x[1]), [1.0, 1.0]),
    "clip_gradient_at_the_lower_bound": lambda: _g(lambda x: torch.clamp(x, 0.0, 1.0), 0.0),
    "clip_gradient_at_the_upper_bound": lambda: _g(lambda x: torch.clamp(x, 0.0, 1.0), 1.0),
    "abs_gradient_at_0": lambda: _g(torch.abs, 0.0),
    "leaky_relu_gradient_at_0": lambda: _g(F.leaky_relu, 0.0),
    "relu6_gradient_at_6": lambda: _g(F.relu6, 6.0),
    "hard_tanh_gradient_at_1": lambda: _g(F.hardtanh, 1.0),
    "max_gradient_at_a_tie": lambda: _g(torch.max, [1.0, 1.0]),
    "max_along_an_axis_gradient_at_a_tie": lambda: _g(lambda x: torch.max(x, 0).values, [1.0, 1.0]),
    "max_pool_gradient_at_a_tie": lambda: _g(lambda x: F.max_pool1d(x[None, None], 4).sum(), [1.0, 1.0, 1.0, 1.0]),
    "sqrt_gradient_at_0": lambda: _g(torch.sqrt, 0.0),
    "norm_gradient_at_0": lambda: _g(torch.linalg.vector_norm, [0.0, 0.0]),
    "std_gradient_of_a_constant": lambda: _g(torch.std, [1.0, 1.0]),
    "atan2_gradient_at_the_origin": lambda: _g(lambda x: torch.atan2(x[0], x[1]), [0.0, 0.0]),
    "power_0_gradient_at_0": lambda: _g(lambda x: torch.pow(x, torch.tensor(0.0)), 0.0),
    "where_hides_an_infinite_gradient": lambda: _g(lambda x: torch.where(x > 0, torch.sqrt(x), 0.0), 0.0),
    "prod_gradient_at_a_zero": lambda: _g(torch.prod, [0.0, 2.0, 3.0]),
    "softmax_of_minus_infinities": lambda: torch.softmax(torch.tensor([-INF, -INF]), 0),
    "logsumexp_of_minus_infinities": lambda: torch.logsumexp(torch.tensor([-INF, -INF]), 0),
    "logsumexp_gradient_of_minus_infinities": lambda: _g(lambda x: torch.logsumexp(x, 0), [-INF, -INF]),
    "attention_of_a_fully_masked_row": lambda: F.scaled_dot_product_attention(
        torch.ones(1, 1, 1, 1),
        torch.ones(1, 1, 2, 1),
        torch.tensor([1.0, 3]).reshape(1, 1, 2, 1),
        attn_mask=torch.zeros(1, 2, dtype=torch.bool),
    ).squeeze(),
    "causal_mask_with_more_keys": lambda: F.scaled_dot_product_attention(
        torch.ones(1, 1, 2, 1), torch.ones(1, 1, 3, 1), torch.tensor([1.0, 2, 4]).reshape(1, 1, 3, 1), is_causal=True
    )[0, 0, 0, 0],
    "cross_entropy_reduction": lambda: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1])).shape,
    "cross_entropy_weighted_mean": lambda: F.cross_entropy(
        torch.zeros(2, 2), torch.tensor([0, 1]), weight=torch.tensor([1.0, 3.0])
    ),
    "cross_entropy_of_ignored_rows": lambda: F.cross_entropy(torch.zeros(1, 2), torch.tensor([-100])),
    "bce_at_a_certain_error": lambda: F.binary_cross_entropy(torch.tensor([0.0]), torch.tensor([1.0])),
    "kl_div_reduction": lambda: F.kl_div(torch.log(torch.tensor([[0.25, 0.75]])), torch.tensor([[0.5, 0.5]])),
    "float64_array": lambda: torch.tensor(np.ones(1)).dtype,
    "python_floats": lambda: torch.tensor([1.0]).dtype,
    "python_ints": lambda: torch.tensor([1]).dtype,
    "layer_on_float64": lambda: nn.Linear(1, 1)(torch.ones(1, 1, dtype=torch.float64)).dtype,
    "int32_plus_float16": lambda: (torch.ones(1, dtype=torch.int32) + torch.ones(1, dtype=torch.float16)).dtype,
    "float16_plus_bfloat16": lambda: (torch.ones(1, dtype=torch.float16) + torch.ones(1, dtype=torch.bfloat16)).dtype,
    "uint8_plus_int8": lambda: (torch.ones(1, dtype=torch.uint8) + torch.ones(1, dtype=torch.int8)).dtype,
    "float32_plus_numpy_float64": lambda: (torch.ones(1) + np.float64(1)).dtype,
    "int32_divided": lambda: (torch.ones(1, dtype=torch.int32) / 2).dtype,
    "mean_of_ints": lambda: torch.tensor([1, 2]).mean(),
    "sum_of_bools": lambda: torch.ones(2, dtype=torch.bool).sum().dtype,
    "floor_division": lambda: torch.tensor(-7) // 2,
    "remainder": lambda: torch.tensor(-7) % 2,
    "truncated_remainder": lambda: torch.fmod(torch.tensor(-7), 2),
    "integer_division_by_zero": lambda: torch.tensor(1) // 0,
    "integer_overflow": lambda: torch.tensor(2147483647, dtype=torch.int32) + torch.tensor(1, dtype=torch.int32),
    "round_half": lambda: torch.round(torch.tensor([0.5, 1.5, 2.5])),
    "cast_of_nan": lambda: torch.tensor(NAN).to(torch.int32),
    "cast_of_infinity": lambda: torch.tensor(INF).to(torch.int32),
    "cast_out_of_range": lambda: torch.tensor([-1.0, 300.0]).to(torch.uint8),
    "index_out_of_range": lambda: torch.arange(3)[5],
    "gather_out_of_range": lambda: torch.index_select(torch.arange(3.0), 0, torch.tensor([5])),
    "gather_of_a_negative_index": lambda: torch.index_select(torch.arange(3.0), 0, torch.tensor([-1])),
    "scatter_out_of_range": lambda: torch.zeros(3).index_add(0, torch.tensor([5]), torch.ones(1)),
    "argmax_with_nan": lambda: torch.argmax(torch.tensor([1.0, NAN, 2.0])),
    "max_with_nan": lambda: torch.max(torch.tensor([1.0, NAN, 2.0])),
    "argmax_at_a_tie": lambda: torch.argmax(torch.tensor([1.0, 2.0, 2.0])),
    "sort_with_nan": lambda: torch.sort(torch.tensor([2.0, NAN, 1.0])).values,
    "denormal_kept": lambda: torch.tensor(1e-40) * torch.tensor(1.0),
    "exp_of_minus_100": lambda: torch.exp(torch.tensor(-100.0)),
    "same_with_stride_2": lambda: F.conv1d(
        torch.arange(1.0, 7)[None, None], torch.ones(1, 1, 3), stride=2, padding="same"
    )[0, 0, 0],
    "kernel_not_flipped": lambda: F.conv1d(torch.tensor([[[1.0, 2]]]), torch.tensor([[[3.0, 10]]]))[0, 0, 0],
    "transposed_kernel": lambda: F.conv_transpose1d(torch.ones(1, 1, 1), torch.tensor([[[3.0, 10]]]))[0, 0],
    "average_pool_at_the_border": lambda: F.avg_pool1d(torch.ones(1, 1, 3), 3, 1, 1)[0, 0, 0],
    "max_pool_at_the_border": lambda: F.max_pool1d(-torch.ones(1, 1, 3), 3, 1, 1)[0, 0, 0],
    "resize_antialiasing": lambda: F.interpolate(torch.arange(4.0)[None, None], size=2, mode="linear").squeeze(),
    "resize_nearest": lambda: F.interpolate(torch.arange(5.0)[None, None], size=3, mode="nearest").squeeze(),
    "adam_eps": lambda: torch.optim.Adam([torch.zeros(1)]).defaults["eps"],
    "adam_first_step": lambda: _step(lambda p: torch.optim.Adam(p, lr=1e-3, eps=1e-8), 1e-8),
    "adamw_weight_decay": lambda: torch.optim.AdamW([torch.zeros(1)]).defaults["weight_decay"],
    "rmsprop_decay": lambda: torch.optim.RMSprop([torch.zeros(1)]).defaults["alpha"],
    "adagrad_initial_sum": lambda: torch.optim.Adagrad([torch.zeros(1)]).defaults["initial_accumulator_value"],
    "sgd_learning_rate": lambda: torch.optim.SGD([torch.zeros(1)]).defaults["lr"],
    "dense_initial_spread": lambda: _spread(lambda: nn.Linear(300, 200).weight),
    "embedding_initial_spread": lambda: _spread(lambda: nn.Embedding(1000, 200).weight),
    "lstm_forget_bias": lambda: bool((nn.LSTM(1, 4).bias_ih_l0[4:8] == 1).all()),
    "dropout_scale": lambda: F.dropout(torch.ones(1000), 0.5, training=True).max(),
}
