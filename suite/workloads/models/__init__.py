"""Models, one module a family, and what their definitions are made of."""

from suite.workloads.models import dense, resnet

__all__ = ["dense", "resnet"]
