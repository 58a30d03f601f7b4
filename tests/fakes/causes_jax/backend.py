from __future__ import annotations

from impls.jax.backend import JaxBackend

BACKEND = JaxBackend
