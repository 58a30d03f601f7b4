"""Names."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """`LayerNorm` as `layer_norm`: what a definition's class is filed under."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
