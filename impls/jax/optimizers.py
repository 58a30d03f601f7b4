from __future__ import annotations

import jax.numpy as jnp

from impls.interface import Function, implements

# Written out: JAX has no optimizers of its own; users take Optax's, which are such functions of arrays.


def _step(update, tensors, clip):
    """`update` of the weight and of the bias, with clipped gradients: their new values and state, in pairs again.

    `tensors` are the weight and the bias, their gradients, and each kind of state of either.
    """
    tensors = (*tensors[:2], *_clipped(tensors[2:4], clip), *tensors[4:])
    return tuple(new for pair in zip(update(*tensors[::2]), update(*tensors[1::2]), strict=True) for new in pair)


def _clipped(gradients, clip):
    if clip == 0:
        return gradients
    norm = jnp.sqrt(sum(jnp.sum(gradient**2) for gradient in gradients))
    return [gradient * (clip / jnp.maximum(clip, norm)) for gradient in gradients]


def _adam_direction(gradient, moment, squares, beta1, beta2, eps, step):
    """The change for a learning rate of 1, and the new state."""
    moment = beta1 * moment + (1 - beta1) * gradient
    squares = beta2 * squares + (1 - beta2) * jnp.square(gradient)
    root = jnp.sqrt(squares / (1 - beta2**step))
    return moment / (1 - beta1**step) / (root + eps), moment, squares


@implements("sgd")
def sgd(*tensors, learning_rate, weight_decay, clip):
    def update(parameter, gradient):
        return (parameter - learning_rate * (gradient + weight_decay * parameter),)

    return _step(update, tensors, clip)


def _momentum(learning_rate, momentum, weight_decay):
    def update(parameter, gradient, velocity):
        velocity = momentum * velocity + gradient + weight_decay * parameter
        return parameter - learning_rate * velocity, velocity

    return update


@implements("momentum")
def momentum(*tensors, learning_rate, momentum, weight_decay, clip):
    return _step(_momentum(learning_rate, momentum, weight_decay), tensors, clip)


@implements("nesterov")
def nesterov(*tensors, learning_rate, momentum, weight_decay, clip):
    def update(parameter, gradient, velocity):
        gradient = gradient + weight_decay * parameter
        velocity = momentum * velocity + gradient
        return parameter - learning_rate * (gradient + momentum * velocity), velocity

    return _step(update, tensors, clip)


@implements("adagrad")
def adagrad(*tensors, learning_rate, eps, weight_decay, clip):
    def update(parameter, gradient, squares):
        gradient = gradient + weight_decay * parameter
        squares = squares + jnp.square(gradient)
        return parameter - learning_rate * gradient / (jnp.sqrt(squares) + eps), squares

    return _step(update, tensors, clip)


@implements("rmsprop")
def rmsprop(*tensors, learning_rate, decay, eps, weight_decay, clip):
    def update(parameter, gradient, squares):
        gradient = gradient + weight_decay * parameter
        squares = decay * squares + (1 - decay) * jnp.square(gradient)
        return parameter - learning_rate * gradient / (jnp.sqrt(squares) + eps), squares

    return _step(update, tensors, clip)


@implements("adam")
def adam(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    def update(parameter, gradient, moment, squares):
        gradient = gradient + weight_decay * parameter
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        return parameter - learning_rate * direction, moment, squares

    return _step(update, tensors, clip)


def _adamw(learning_rate, beta1, beta2, eps, weight_decay, step):
    def update(parameter, gradient, moment, squares):
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        return parameter * (1 - learning_rate * weight_decay) - learning_rate * direction, moment, squares

    return update


@implements("adamw")
def adamw(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    return _step(_adamw(learning_rate, beta1, beta2, eps, weight_decay, step), tensors, clip)


@implements("adadelta")
def adadelta(*tensors, learning_rate, decay, eps, weight_decay, clip):
    def update(parameter, gradient, squares, changes):
        gradient = gradient + weight_decay * parameter
        squares = decay * squares + (1 - decay) * jnp.square(gradient)
        change = jnp.sqrt(changes + eps) / jnp.sqrt(squares + eps) * gradient
        changes = decay * changes + (1 - decay) * jnp.square(change)
        return parameter - learning_rate * change, squares, changes

    return _step(update, tensors, clip)


@implements("lamb")
def lamb(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    def update(parameter, gradient, moment, squares):
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        direction = direction + weight_decay * parameter
        norms = jnp.linalg.norm(parameter), jnp.linalg.norm(direction)
        trust = jnp.where((norms[0] > 0) & (norms[1] > 0), norms[0] / norms[1], 1.0)
        return parameter - learning_rate * trust * direction, moment, squares

    return _step(update, tensors, clip)


@implements("lion")
def lion(*tensors, learning_rate, beta1, beta2, weight_decay, clip):
    def update(parameter, gradient, moment):
        direction = jnp.sign(beta1 * moment + (1 - beta1) * gradient) + weight_decay * parameter
        return parameter - learning_rate * direction, beta2 * moment + (1 - beta2) * gradient

    return _step(update, tensors, clip)


UPDATES: dict[str, Function] = {"momentum": _momentum, "adamw": _adamw}
"""For training models: what makes an optimizer's update of one parameter from its settings."""
