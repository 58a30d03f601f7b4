"""What is planted in the packages `causes_numpy`, `causes_pytorch` and `causes_jax`."""

from __future__ import annotations

SLEEP_S = 0.05
"""`sleeps`: in Python, in every call; in a compiled mode while it is traced."""
STEPS = 32
"""`unrolled`: so many sines before the work, written out one after the other."""
