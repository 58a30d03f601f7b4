"""Optimizers: one step on given parameters, gradients and state."""

from __future__ import annotations
