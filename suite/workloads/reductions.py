"""Reductions and indexing."""

from __future__ import annotations
