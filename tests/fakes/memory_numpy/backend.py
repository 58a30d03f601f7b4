from __future__ import annotations

from impls.numpy.backend import NumpyBackend

BACKEND = NumpyBackend
