from __future__ import annotations

from impls.jax.backend import BACKEND as BACKEND
