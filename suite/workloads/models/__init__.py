"""Models, one module a family, and what their definitions are made of."""

from suite.workloads.models import dense, densenet, googlenet, lenet, mobilenet, resnet, unet

__all__ = ["dense", "densenet", "googlenet", "lenet", "mobilenet", "resnet", "unet"]
