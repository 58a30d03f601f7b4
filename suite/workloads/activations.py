"""Activations, entry by entry or along an axis."""

from __future__ import annotations
