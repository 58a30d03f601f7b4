from __future__ import annotations

import torch

from impls.interface import implements

# Written out: torch.optim changes parameters and state in place, and keeps the state to itself.


def _step(update, tensors, clip):
    """`update` of the weight and of the bias, with clipped gradients: their new values and state, in pairs again.

    `tensors` are the weight and the bias, their gradients, and each kind of state of either.
    """
    tensors = (*tensors[:2], *_clipped(tensors[2:4], clip), *tensors[4:])
    return tuple(new for pair in zip(update(*tensors[::2]), update(*tensors[1::2]), strict=True) for new in pair)


def _clipped(gradients, clip):
    if clip == 0:
        return gradients
    norm = torch.nn.utils.get_total_norm(gradients, norm_type=2.0, error_if_nonfinite=False, foreach=None)
    # Not torch.nn.utils.clip_grads_with_norm_: it adds 1e-6 to the norm, and changes the gradients in place.
    return [gradient * (clip / norm.clamp(min=clip)) for gradient in gradients]


def _adam_direction(gradient, moment, squares, beta1, beta2, eps, step):
    """The change for a learning rate of 1, and the new state."""
    moment = beta1 * moment + (1 - beta1) * gradient
    squares = beta2 * squares + (1 - beta2) * torch.square(gradient)
    root = torch.sqrt(squares / (1 - beta2**step))
    return moment / (1 - beta1**step) / (root + eps), moment, squares


@implements("sgd")
def sgd(*tensors, learning_rate, weight_decay, clip):
    def update(parameter, gradient):
        return (parameter - learning_rate * (gradient + weight_decay * parameter),)

    return _step(update, tensors, clip)


@implements("momentum")
def momentum(*tensors, learning_rate, momentum, weight_decay, clip):
    def update(parameter, gradient, velocity):
        velocity = momentum * velocity + gradient + weight_decay * parameter
        return parameter - learning_rate * velocity, velocity

    return _step(update, tensors, clip)


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
        squares = squares + torch.square(gradient)
        return parameter - learning_rate * gradient / (torch.sqrt(squares) + eps), squares

    return _step(update, tensors, clip)


@implements("rmsprop")
def rmsprop(*tensors, learning_rate, decay, eps, weight_decay, clip):
    def update(parameter, gradient, squares):
        gradient = gradient + weight_decay * parameter
        squares = decay * squares + (1 - decay) * torch.square(gradient)
        return parameter - learning_rate * gradient / (torch.sqrt(squares) + eps), squares

    return _step(update, tensors, clip)


@implements("adam")
def adam(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    def update(parameter, gradient, moment, squares):
        gradient = gradient + weight_decay * parameter
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        return parameter - learning_rate * direction, moment, squares

    return _step(update, tensors, clip)


@implements("adamw")
def adamw(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    def update(parameter, gradient, moment, squares):
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        return parameter * (1 - learning_rate * weight_decay) - learning_rate * direction, moment, squares

    return _step(update, tensors, clip)


@implements("adadelta")
def adadelta(*tensors, learning_rate, decay, eps, weight_decay, clip):
    def update(parameter, gradient, squares, changes):
        gradient = gradient + weight_decay * parameter
        squares = decay * squares + (1 - decay) * torch.square(gradient)
        change = torch.sqrt(changes + eps) / torch.sqrt(squares + eps) * gradient
        changes = decay * changes + (1 - decay) * torch.square(change)
        return parameter - learning_rate * change, squares, changes

    return _step(update, tensors, clip)


@implements("lamb")
def lamb(*tensors, learning_rate, beta1, beta2, eps, weight_decay, step, clip):
    def update(parameter, gradient, moment, squares):
        direction, moment, squares = _adam_direction(gradient, moment, squares, beta1, beta2, eps, step)
        direction = direction + weight_decay * parameter
        norms = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(direction)
        trust = torch.where((norms[0] > 0) & (norms[1] > 0), norms[0] / norms[1], 1.0)
        return parameter - learning_rate * trust * direction, moment, squares

    return _step(update, tensors, clip)


@implements("lion")
def lion(*tensors, learning_rate, beta1, beta2, weight_decay, clip):
    def update(parameter, gradient, moment):
        direction = torch.sign(beta1 * moment + (1 - beta1) * gradient) + weight_decay * parameter
        return parameter - learning_rate * direction, beta2 * moment + (1 - beta2) * gradient

    return _step(update, tensors, clip)
