from __future__ import annotations

import torch
import torch.nn.functional as F

from impls.interface import implements
from suite.workloads import Problem


@implements("layer_norm")
def layer_norm(x, weight, bias, *, eps):
    return F.layer_norm(x, weight.shape, weight, bias, eps)


def _statistics_not_mapped(p: Problem, task: str, mode: str, precision: str) -> str | None:
    # Found by running 2.13.0: "Batch norm got a batched tensor as input while the running_mean … were not batched".
    if task == "per_example_gradient":
        return "F.batch_norm refuses torch.vmap where it updates running statistics"
    return None


@implements("batch_norm", unsupported=_statistics_not_mapped)
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum):
    """F.batch_norm writes the new statistics over the old ones, so it gets copies."""
    new_mean, new_var = running_mean.clone(), running_var.clone()
    y = F.batch_norm(x, new_mean, new_var, weight, bias, training=True, momentum=momentum, eps=eps)
    return y, new_mean, new_var


@implements("batch_norm_inference")
def batch_norm_inference(x, weight, bias, running_mean, running_var, *, eps):
    return F.batch_norm(x, running_mean, running_var, weight, bias, training=False, momentum=0.0, eps=eps)


@implements("instance_norm")
def instance_norm(x, weight, bias, *, eps):
    return F.instance_norm(x, None, None, weight, bias, use_input_stats=True, momentum=0.0, eps=eps)


@implements("group_norm")
def group_norm(x, weight, bias, *, groups, eps):
    return F.group_norm(x, groups, weight, bias, eps)


@implements("local_response_norm")
def local_response_norm(x, *, radius, alpha, beta, k):
    # F.local_response_norm takes the mean of the squares, and not their sum.
    size = 2 * radius + 1
    return F.local_response_norm(x, size, alpha=alpha * size, beta=beta, k=k)


@implements("weight_norm")
def weight_norm(direction, gain):
    """Written out: torch.nn.utils.parametrizations.weight_norm is for modules only."""
    return gain[:, None] * direction / torch.linalg.vector_norm(direction, dim=1, keepdim=True)


@implements("spectral_norm")
def spectral_norm(weight, u, *, iterations):
    """Written out: torch.nn.utils.parametrizations.spectral_norm is for modules only."""
    with torch.no_grad():
        for _ in range(iterations):
            v = F.normalize(weight.T @ u, dim=0, eps=0.0)
            u = F.normalize(weight @ v, dim=0, eps=0.0)
    return weight / torch.dot(u, weight @ v), u


@implements("rms_norm")
def rms_norm(x, weight, *, eps):
    return F.rms_norm(x, weight.shape, weight, eps)
