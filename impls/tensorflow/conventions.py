"""What TensorFlow and Keras do where nobody pins anything: one line each. `suite/conventions.toml` says what is asked, and
why."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

INF, NAN = math.inf, math.nan


def keras():
    """Imported where it is needed: the import takes seconds, and every worker imports this module."""
    return tf.keras


def _g(function, point):
    """The gradient of `function` at `point`."""
    x = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def _trained(layer, batch, result=False):
    """`layer` after one batch in training mode, or what it made of the batch."""
    y = layer(tf.constant(batch), training=True)
    return y if result else layer


def _step(optimizer, gradient):
    """How far a parameter moves in its first step."""
    parameter = tf.Variable([0.0])
    optimizer().apply([tf.constant([gradient])], [parameter])
    return float(parameter[0])


def _spread(weights):
    tf.random.set_seed(0)
    return float(f"{tf.math.reduce_std(weights()).numpy():.2g}")


PROBES = {
    "batch_norm_eps": lambda: keras().layers.BatchNormalization().epsilon,
    "batch_norm_momentum": lambda: keras().layers.BatchNormalization().momentum,
    "batch_norm_running_variance": lambda: (
        _trained(keras().layers.BatchNormalization(), [[1.0], [2.0], [3.0], [4.0]]).moving_variance
    ),
    "layer_norm_eps": lambda: keras().layers.LayerNormalization().epsilon,
    "group_norm_eps": lambda: keras().layers.GroupNormalization().epsilon,
    "rms_norm_eps": lambda: keras().layers.RMSNormalization().epsilon,
    "variance": lambda: tf.math.reduce_variance([1.0, 2, 3, 4]),
    "variance_beside_a_large_mean": lambda: _trained(
        keras().layers.LayerNormalization(epsilon=1e-5), [[4097.0, 4098, 4099]], result=True
    )[0, 2],
    "gelu": lambda: tf.nn.gelu(1.0),
    "gelu_is_exact_in_float64": lambda: bool(
        abs(tf.nn.gelu(tf.constant(1.0, tf.float64)) - 0.8413447460685429) < 1e-12
    ),
    "leaky_relu": lambda: tf.nn.leaky_relu(-1.0),
    "hard_sigmoid": lambda: keras().activations.hard_sigmoid(tf.constant(1.0)),
    "elu": lambda: tf.nn.elu(-1.0),
    "relu_gradient_at_0": lambda: _g(tf.nn.relu, 0.0),
    "maximum_gradient_at_0": lambda: _g(lambda x: tf.maximum(x, 0.0), 0.0),
    "maximum_of_equals": lambda: _g(lambda x: tf.maximum(x[0], x[1]), [1.0, 1.0]),
    "clip_gradient_at_the_lower_bound": lambda: _g(lambda x: tf.clip_by_value(x, 0.0, 1.0), 0.0),
    "clip_gradient_at_the_upper_bound": lambda: _g(lambda x: tf.clip_by_value(x, 0.0, 1.0), 1.0),
    "abs_gradient_at_0": lambda: _g(tf.abs, 0.0),
    "leaky_relu_gradient_at_0": lambda: _g(tf.nn.leaky_relu, 0.0),
    "relu6_gradient_at_6": lambda: _g(tf.nn.relu6, 6.0),
    "max_gradient_at_a_tie": lambda: _g(tf.reduce_max, [1.0, 1.0]),
    "max_along_an_axis_gradient_at_a_tie": lambda: _g(lambda x: tf.reduce_max(x, 0), [1.0, 1.0]),
    "max_pool_gradient_at_a_tie": lambda: _g(
        lambda x: tf.reduce_sum(tf.nn.max_pool1d(x[None, :, None], 4, 4, "VALID")), [1.0, 1.0, 1.0, 1.0]
    ),
    "sqrt_gradient_at_0": lambda: _g(tf.sqrt, 0.0),
    "norm_gradient_at_0": lambda: _g(tf.norm, [0.0, 0.0]),
    "std_gradient_of_a_constant": lambda: _g(tf.math.reduce_std, [1.0, 1.0]),
    "atan2_gradient_at_the_origin": lambda: _g(lambda x: tf.atan2(x[0], x[1]), [0.0, 0.0]),
    "power_0_gradient_at_0": lambda: _g(lambda x: tf.pow(x, tf.constant(0.0)), 0.0),
    "where_hides_an_infinite_gradient": lambda: _g(lambda x: tf.where(x > 0, tf.sqrt(x), 0.0), 0.0),
    "prod_gradient_at_a_zero": lambda: _g(tf.reduce_prod, [0.0, 2.0, 3.0]),
    "softmax_of_minus_infinities": lambda: tf.nn.softmax([-INF, -INF]),
    "logsumexp_of_minus_infinities": lambda: tf.reduce_logsumexp([-INF, -INF]),
    "logsumexp_gradient_of_minus_infinities": lambda: _g(tf.reduce_logsumexp, [-INF, -INF]),
    "attention_of_a_fully_masked_row": lambda: keras().ops.dot_product_attention(
        tf.ones((1, 1, 1, 1)),
        tf.ones((1, 2, 1, 1)),
        tf.reshape([1.0, 3.0], (1, 2, 1, 1)),
        mask=tf.zeros((1, 1, 1, 2), tf.bool),
    )[0, 0, 0, 0],
    "cross_entropy_reduction": lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 1], tf.zeros((2, 3))).shape,
    "cross_entropy_weighted_mean": lambda: keras().losses.SparseCategoricalCrossentropy(from_logits=True)(
        tf.constant([0, 1]), tf.zeros((2, 2)), sample_weight=tf.constant([1.0, 3.0])
    ),
    "cross_entropy_of_ignored_rows": lambda: keras().losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=1
    )(tf.constant([1]), tf.zeros((1, 2))),
    "bce_at_a_certain_error": lambda: keras().losses.binary_crossentropy(tf.constant([1.0]), tf.constant([0.0])),
    "kl_div_reduction": lambda: keras().losses.KLDivergence()(tf.constant([[0.5, 0.5]]), tf.constant([[0.25, 0.75]])),
    "float64_array": lambda: tf.constant(np.ones(1)).dtype,
    "python_floats": lambda: tf.constant([1.0]).dtype,
    "python_ints": lambda: tf.constant([1]).dtype,
    "layer_on_float64": lambda: keras().layers.Dense(1)(tf.ones((1, 1), tf.float64)).dtype,
    "int32_plus_float16": lambda: (tf.ones(1, tf.int32) + tf.ones(1, tf.float16)).dtype,
    "float16_plus_bfloat16": lambda: (tf.ones(1, tf.float16) + tf.ones(1, tf.bfloat16)).dtype,
    "uint8_plus_int8": lambda: (tf.ones(1, tf.uint8) + tf.ones(1, tf.int8)).dtype,
    "float32_plus_numpy_float64": lambda: (tf.ones(1) + np.float64(1)).dtype,
    "int32_divided": lambda: (tf.ones(1, tf.int32) / 2).dtype,
    "mean_of_ints": lambda: tf.reduce_mean([1, 2]),
    "sum_of_bools": lambda: tf.reduce_sum(tf.ones(2, tf.bool)).dtype,
    "floor_division": lambda: tf.constant(-7) // 2,
    "remainder": lambda: tf.constant(-7) % 2,
    "truncated_remainder": lambda: tf.truncatemod(-7, 2),
    "integer_division_by_zero": lambda: tf.constant(1) // 0,
    "integer_overflow": lambda: tf.constant(2147483647) + 1,
    "round_half": lambda: tf.round([0.5, 1.5, 2.5]),
    "cast_of_nan": lambda: tf.cast(tf.constant(NAN), tf.int32),
    "cast_of_infinity": lambda: tf.cast(tf.constant(INF), tf.int32),
    "cast_out_of_range": lambda: tf.cast([-1.0, 300.0], tf.uint8),
    "index_out_of_range": lambda: tf.range(3)[5],
    "gather_out_of_range": lambda: tf.gather(tf.range(3.0), [5]),
    "gather_of_a_negative_index": lambda: tf.gather(tf.range(3.0), [-1]),
    "scatter_out_of_range": lambda: tf.tensor_scatter_nd_add(tf.zeros(3), [[5]], [1.0]),
    "argmax_with_nan": lambda: tf.argmax([1.0, NAN, 2.0]),
    "max_with_nan": lambda: tf.reduce_max([1.0, NAN, 2.0]),
    "argmax_at_a_tie": lambda: tf.argmax([1.0, 2.0, 2.0]),
    "sort_with_nan": lambda: tf.sort([2.0, NAN, 1.0]),
    "denormal_kept": lambda: tf.constant(1e-40) * tf.constant(1.0),
    "exp_of_minus_100": lambda: tf.exp(-100.0),
    "same_with_stride_2": lambda: tf.nn.conv1d(tf.range(1.0, 7)[None, :, None], tf.ones((3, 1, 1)), 2, "SAME")[0, 0, 0],
    "kernel_not_flipped": lambda: tf.nn.conv1d(
        tf.constant([1.0, 2])[None, :, None], tf.constant([3.0, 10])[:, None, None], 1, "VALID"
    )[0, 0, 0],
    "transposed_kernel": lambda: tf.nn.conv1d_transpose(
        tf.ones((1, 1, 1)), tf.constant([3.0, 10])[:, None, None], (1, 2, 1), 1, "VALID"
    )[0, :, 0],
    "average_pool_at_the_border": lambda: tf.nn.avg_pool1d(tf.ones((1, 3, 1)), 3, 1, "SAME")[0, 0, 0],
    "max_pool_at_the_border": lambda: tf.nn.max_pool1d(-tf.ones((1, 3, 1)), 3, 1, "SAME")[0, 0, 0],
    "resize_antialiasing": lambda: tf.image.resize(tf.range(4.0)[:, None, None], (2, 1))[:, 0, 0],
    "resize_nearest": lambda: tf.image.resize(tf.range(5.0)[:, None, None], (3, 1), "nearest")[:, 0, 0],
    "adam_eps": lambda: keras().optimizers.Adam().epsilon,
    "adam_first_step": lambda: _step(lambda: keras().optimizers.Adam(1e-3, epsilon=1e-8), 1e-8),
    "adamw_weight_decay": lambda: keras().optimizers.AdamW().weight_decay,
    "rmsprop_decay": lambda: keras().optimizers.RMSprop().rho,
    "adagrad_initial_sum": lambda: keras().optimizers.Adagrad().initial_accumulator_value,
    "sgd_learning_rate": lambda: float(keras().optimizers.SGD().learning_rate),
    "dense_initial_spread": lambda: _spread(
        lambda: keras().initializers.get(keras().layers.Dense(200).kernel_initializer)((300, 200))
    ),
    "embedding_initial_spread": lambda: _spread(
        lambda: keras().initializers.get(keras().layers.Embedding(1000, 200).embeddings_initializer)((1000, 200))
    ),
    "lstm_forget_bias": lambda: keras().layers.LSTM(4).unit_forget_bias,
    "gru_reset_after": lambda: keras().layers.GRU(4).reset_after,
    "dropout_scale": lambda: tf.reduce_max(tf.nn.dropout(tf.ones(1000), 0.5)),
}
