"""Packages that a worker can load like a framework's, each with a fault planted on purpose."""
